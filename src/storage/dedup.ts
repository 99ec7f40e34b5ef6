// Replica deduplication at query time: series that differ only in replica labels become one series without them.
// Units: Unix milliseconds. Invariants: a row's hash loses the hashes of its replica pairs; a series with one replica
// keeps its chunks as they are, one with several is decoded, deduplicated (dedup-penalty.ts) and encoded again.

import { encodeSamples, SampleBuffer } from '../chunk/index.ts'
import { decodeRow } from './decode-row.ts'
import { dedupReplicas } from './dedup-penalty.ts'
import { addRowChunks, heldSizeBytes, readAll } from './merge.ts'
import type {
  CancelSignal,
  LabelAnswer,
  LabelRequest,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from './queryable.ts'
import { RowCollector } from './row-collector.ts'
import { RowGroups } from './row-groups.ts'
import type { RowRef } from './row-order.ts'
import { comparePairLists, compareRows, rowPairIds } from './row-order.ts'
import type { SeriesBatch } from './series-batch.ts'
import { pairName } from './series-batch.ts'

const rowCountMax = 2048
const chunkBytesMax = 4 * 2 ** 20
const cancelEveryRows = 64

// Functions that read a fall of the value as a counter reset.
const counterFunctions = new Set(['rate', 'increase', 'irate', 'resets', 'xrate', 'xincrease'])

/** A queryable whose series have lost the replica labels. `inner` gives each full label set once. */
export class DedupQueryable implements Queryable {
  readonly #inner: Queryable
  readonly #replicaLabels: ReadonlySet<string>

  constructor(inner: Queryable, replicaLabels: readonly string[]) {
    this.#inner = inner
    this.#replicaLabels = new Set(replicaLabels)
  }

  /** Deduplicated rows; sorted by what is left of their labels when the request asks for it. */
  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    // A shard or a limit is of series without replica labels, which the inner source cannot know.
    const { shard: _shard, limit: _limit, ...hints } = request.hints
    const cursor = this.#inner.select({ ...request, sorted: false, hints }, signal)
    return new DedupCursor(cursor, this.#replicaLabels, request, signal)
  }

  /** Label names without the replica labels. */
  async labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    const { limit = 0, ...unlimited } = request
    const answer = await this.#inner.labelNames(unlimited, signal)
    const values = answer.values.filter((name) => !this.#replicaLabels.has(name))
    return { ...answer, values: limit > 0 ? values.slice(0, limit) : values }
  }

  /** Label values, those of replica labels included, as someone who asks for them wants to know them. */
  labelValues(name: string, request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#inner.labelValues(name, request, signal)
  }
}

class DedupCursor implements SeriesCursor {
  readonly #inner: SeriesCursor
  readonly #replicaLabels: ReadonlySet<string>
  readonly #request: SelectRequest
  readonly #signal: CancelSignal
  readonly #counter: boolean
  readonly #dropped = new Map<SeriesBatch['pairs'], Uint8Array>()
  #groups = new RowGroups()
  #order: Uint32Array | undefined
  #next = 0
  #heldBytes = 0

  constructor(
    inner: SeriesCursor,
    replicaLabels: ReadonlySet<string>,
    request: SelectRequest,
    signal: CancelSignal,
  ) {
    this.#inner = inner
    this.#replicaLabels = replicaLabels
    this.#request = request
    this.#signal = signal
    this.#counter = counterFunctions.has(request.hints.func ?? '')
  }

  get warnings(): readonly string[] {
    return this.#inner.warnings
  }

  async next(): Promise<SeriesBatch | undefined> {
    this.#order ??= await this.#collect()
    const order = this.#order
    const builder = new RowCollector()
    while (
      this.#next < order.length &&
      builder.rowCount < rowCountMax &&
      builder.chunkBytes < chunkBytesMax
    ) {
      if (this.#next % cancelEveryRows === 0) this.#signal.check()
      this.#addSeries(builder, order[this.#next++]!)
    }
    return builder.rowCount > 0 ? builder.build() : undefined
  }

  close(): void {
    this.#groups = new RowGroups()
    this.#order = new Uint32Array(0)
    this.#hold(-this.#heldBytes)
    this.#inner.close()
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#signal.memory?.hold(bytes)
  }

  async #collect(): Promise<Uint32Array> {
    const noted = (batch: SeriesBatch): void => this.#hold(heldSizeBytes(batch))
    for (const batch of await readAll(this.#inner, noted)) {
      const dropped = droppedPairs(batch, this.#replicaLabels)
      this.#dropped.set(batch.pairs, dropped)
      this.#groups.addBatch(batch, strippedHashes(batch, dropped))
    }
    const { shard } = this.#request.hints
    let order = Uint32Array.from({ length: this.#groups.count }, (_, group) => group)
    if (shard !== undefined)
      order = order.filter((group) => this.#groups.keyOf(group)[0]! % shard.count === shard.index)
    return this.#request.sorted ? order.sort((a, b) => this.#compare(a, b)) : order
  }

  #compare(groupA: number, groupB: number): number {
    const a = this.#groups.rowsOf(groupA)[0]!
    const b = this.#groups.rowsOf(groupB)[0]!
    return comparePairLists(a.batch.pairs, this.#leftIds(a), b.batch.pairs, this.#leftIds(b))
  }

  #leftIds(ref: RowRef): Uint32Array {
    return rowPairIds(ref, this.#dropped.get(ref.batch.pairs))
  }

  #addSeries(builder: RowCollector, group: number): void {
    const rows = this.#groups.rowsOf(group)
    const { batch, row } = rows[0]!
    builder.startRow(this.#groups.keyOf(group), 0, batch, row, this.#dropped.get(batch.pairs))
    if (rows.length === 1) addRowChunks(builder, rows[0]!)
    else for (const chunk of this.#deduplicated(rows)) builder.addChunk(chunk)
  }

  #deduplicated(rows: readonly RowRef[]): ReturnType<typeof encodeSamples> {
    const { minTimeMs, maxTimeMs } = this.#request
    // In the order of their labels, so that the same replica is preferred whatever the order of arrival.
    const replicas = [...rows].sort(compareRows).map((ref) => {
      const samples = new SampleBuffer()
      decodeRow(ref.batch, ref.row, minTimeMs, maxTimeMs, samples)
      return samples
    })
    return encodeSamples(dedupReplicas(replicas, this.#counter))
  }
}

/** By pair id: 1 where the pair is of a replica label. */
function droppedPairs(batch: SeriesBatch, replicaLabels: ReadonlySet<string>): Uint8Array {
  const { pairs } = batch
  return Uint8Array.from({ length: pairs.pairCount }, (_, pairId) =>
    replicaLabels.has(pairName(pairs, pairId)) ? 1 : 0,
  )
}

/** The rows' hashes, less those of the dropped pairs. */
function strippedHashes(batch: SeriesBatch, dropped: Uint8Array): Uint32Array {
  const hashes = batch.hashes.slice()
  const { pairIds, pairStarts, pairs } = batch
  for (let row = 0; row < batch.rowCount; row++)
    for (let i = pairStarts[row]!; i < pairStarts[row + 1]!; i++) {
      const pairId = pairIds[i]!
      if (dropped[pairId] === 0) continue
      for (let word = 0; word < 4; word++)
        hashes[4 * row + word]! -= pairs.hashes[4 * pairId + word]!
    }
  return hashes
}
