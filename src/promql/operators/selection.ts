// Selection: the series that one set of matchers finds in a time range, with their chunks still compressed.
// Selectors with equal matchers share one selection; each decodes the rows and times it needs.
// Units: Unix milliseconds, bounds inclusive. Sources answer a series once; its hash is ours (label-dictionary.ts).

import type { SampleBuffer } from '../../chunk/index.ts'
import type {
  KeptSamples,
  RateKind,
  RowKernel,
  WindowGrid,
  XorDecoder,
} from '../../kernel/index.ts'
import type { Matcher } from '../../model/index.ts'
import { isStaleAt } from '../../model/index.ts'
import type { SelectHints, SeriesBatch } from '../../storage/index.ts'
import { batchSizeBytes, decodeRow, holdRow } from '../../storage/index.ts'
import type { StepBatch } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { SeriesTableBuilder } from './series-table.ts'

/** What to ask of the source. */
export interface SelectionRequest {
  readonly matchers: readonly Matcher[]
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly hints: SelectHints
}

/** Selected series; rows are those of `table`. */
export class Selection {
  readonly table: SeriesTable
  /** Bytes of compressed chunks held. */
  readonly sizeBytes: number
  readonly #batches: readonly SeriesBatch[]
  /** By row: which batch it stands in, and where. */
  readonly #batchOf: readonly number[]
  readonly #rowOf: readonly number[]
  readonly #decoder: XorDecoder
  readonly #kernel: RowKernel | undefined

  private constructor(
    table: SeriesTable,
    batches: readonly SeriesBatch[],
    batchOf: readonly number[],
    rowOf: readonly number[],
    { xorDecoder, rowKernel }: QueryContext,
  ) {
    this.table = table
    this.#batches = batches
    this.#batchOf = batchOf
    this.#rowOf = rowOf
    this.#decoder = xorDecoder
    this.#kernel = rowKernel
    this.sizeBytes = batches.reduce((sum, batch) => sum + batch.chunks.bytes.length, 0)
  }

  /** Of no source: no series. */
  static none(context: QueryContext): Selection {
    const table = new SeriesTableBuilder(context.dictionary).finish()
    return new Selection(table, [], [], [], context)
  }

  /** Pulls all batches of the source. */
  static async open(request: SelectionRequest, context: QueryContext): Promise<Selection> {
    const cursor = context.queryable.select(
      { ...request, tenants: context.tenants, sorted: false },
      context.signal,
    )
    const batches: SeriesBatch[] = []
    const batchOf: number[] = []
    const rowOf: number[] = []
    const builder = new SeriesTableBuilder(context.dictionary)
    try {
      for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
        context.memory.hold(batchSizeBytes(batch) + rowSizeBytes * batch.rowCount)
        addRows(batch, builder, context)
        for (let row = 0; row < batch.rowCount; row++) {
          batchOf.push(batches.length)
          rowOf.push(row)
        }
        batches.push(batch)
        await context.pause()
      }
    } finally {
      cursor.close()
    }
    for (const warning of cursor.warnings) context.annotations.addPlain(warning)
    return new Selection(builder.finish(), batches, batchOf, rowOf, context)
  }

  /** Replaces `into` by the row's samples that are kept. */
  load(row: number, kept: KeptSamples, into: SampleBuffer): void {
    const batch = this.#batches[this.#batchOf[row]!]!
    const kernel = this.#kernel
    const count = kernel && holdRow(kernel, batch, this.#rowOf[row]!, kept)
    if (kernel === undefined || count === undefined) {
      const { minTimeMs, maxTimeMs } = kept
      decodeRow(batch, this.#rowOf[row]!, minTimeMs, maxTimeMs, into, this.#decoder)
      if (kept.dropStale) dropStale(into)
      return
    }
    into.clear()
    into.reserve(count)
    kernel.copyTo(into.timestampsMs, into.words)
    into.count = count
  }

  /**
   * rate and its kin over a row without its samples leaving the kernel: into row `target` of `batch`. Undefined where the
   * row has to be loaded for it.
   */
  rate(
    row: number,
    kept: KeptSamples,
    windows: WindowGrid,
    kind: RateKind,
    batch: StepBatch,
    target: number,
  ): RatedRow | undefined {
    const kernel = this.#kernel
    if (kernel === undefined) return undefined
    const source = this.#batches[this.#batchOf[row]!]!
    const held = holdRow(kernel, source, this.#rowOf[row]!, kept)
    if (held === undefined) return undefined
    const offset = target * batch.stepCount
    const looked = kernel.rate(windows, kind, batch.values, batch.present, offset)
    return looked === undefined ? undefined : { looked, held }
  }
}

/** What a row's rate took: samples that its windows held together, and that were held. */
export interface RatedRow {
  readonly looked: number
  readonly held: number
}

// Where a row stands, its hash, and its pairs in the table.
const rowSizeBytes = 100

function addRows(batch: SeriesBatch, builder: SeriesTableBuilder, context: QueryContext): void {
  const ids = context.dictionary.importPairs(batch.pairs)
  const pairs = new Uint32Array(batch.pairIds.length)
  for (let i = 0; i < pairs.length; i++) pairs[i] = ids[batch.pairIds[i]!]!
  for (let row = 0; row < batch.rowCount; row++) {
    builder.addRow(pairs, batch.pairStarts[row]!, batch.pairStarts[row + 1]!, 0)
  }
}

// Takes the stale markers out of a buffer.
function dropStale(samples: SampleBuffer): void {
  const { count, words, histograms } = samples
  let kept = 0
  for (let i = 0; i < count; i++) {
    const histogram = histograms?.[i]
    const stale = histogram === undefined ? isStaleAt(words, i) : histogram.stale
    if (stale) continue
    if (kept < i) {
      samples.timestampsMs[kept] = samples.timestampsMs[i]!
      samples.values[kept] = samples.values[i]!
      if (samples.hasStartTimestamps) {
        samples.startTimestampsMs[kept] = samples.startTimestampsMs[i]!
      }
      if (histograms !== undefined) histograms[kept] = histogram
    }
    kept++
  }
  samples.count = kept
}
