// Chunk storage: series in memory, handed out as compressed chunks like those of any source.
// For scripts and tests; nothing is indexed. Series come in the order in which they were loaded.
// Units: Unix milliseconds. Invariants: timestamps of a series strictly increase over all loads.

import type { HistogramSample } from '../../chunk/index.ts'
import {
  chunkEncoding,
  firstChunkHeader,
  HistogramAppender,
  Xor2Encoder,
} from '../../chunk/index.ts'
import type { HashSeed } from '../../kernel/index.ts'
import type { FloatHistogram, Labels } from '../../model/index.ts'
import {
  compareLabels,
  compareUtf8,
  formatLabels,
  labelValue,
  staleHigh,
  staleLow,
  UserError,
} from '../../model/index.ts'
import type {
  LabelAnswer,
  LabelRequest,
  MatcherCompiler,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from '../../storage/index.ts'
import { histogramFault } from '../histogram/validate.ts'
import type { LoadSample, LoadSeries } from './script.ts'
import type { ScriptStorage } from './script-storage.ts'
import type { EncodedChunk, EncodedSeries } from './series-batch-of.ts'
import { seriesBatchOf } from './series-batch-of.ts'

interface StoredSeries {
  readonly labels: Labels
  readonly samples: LoadSample[]
  /** Undefined since the last append. */
  chunks: readonly EncodedChunk[] | undefined
}

/** Keeps loaded series. Tenants are not told apart. */
export class ChunkStorage implements ScriptStorage, Queryable {
  readonly #compileMatcher: MatcherCompiler
  readonly #hashSeed: HashSeed
  readonly #series = new Map<string, StoredSeries>()

  constructor(compileMatcher: MatcherCompiler, hashSeed: HashSeed) {
    this.#compileMatcher = compileMatcher
    this.#hashSeed = hashSeed
  }

  get queryable(): Queryable {
    return this
  }

  async append(series: readonly LoadSeries[]): Promise<void> {
    for (const { labels, samples } of series) {
      const key = JSON.stringify(labels)
      let stored = this.#series.get(key)
      if (stored === undefined) {
        stored = { labels, samples: [], chunks: undefined }
        this.#series.set(key, stored)
      }
      for (const sample of samples) {
        checkSample(stored, sample)
        stored.samples.push(sample)
      }
      stored.chunks = undefined
    }
  }

  async clear(): Promise<void> {
    this.#series.clear()
  }

  select(request: SelectRequest): SeriesCursor {
    const rows: EncodedSeries[] = []
    const isLabelsOnly = request.hints.func === 'series'
    for (const stored of this.#matching(request.matchers)) {
      stored.chunks ??= encode(stored.samples)
      const chunks = stored.chunks.filter(
        (chunk) => chunk.maxTimeMs >= request.minTimeMs && chunk.minTimeMs <= request.maxTimeMs,
      )
      if (chunks.length > 0)
        rows.push({ labels: stored.labels, chunks: isLabelsOnly ? [] : chunks })
    }
    if (request.sorted) rows.sort((a, b) => compareLabels(a.labels, b.labels))
    let pending = rows.length > 0 ? seriesBatchOf(rows, this.#hashSeed) : undefined
    return {
      next: async () => {
        const batch = pending
        pending = undefined
        return batch
      },
      close: () => {},
      warnings: [],
    }
  }

  async labelNames(request: LabelRequest): Promise<LabelAnswer> {
    return this.#labels(request, (labels) => labels.map((label) => label.name))
  }

  async labelValues(name: string, request: LabelRequest): Promise<LabelAnswer> {
    return this.#labels(request, (labels) => [labelValue(labels, name)].filter(Boolean))
  }

  #labels(request: LabelRequest, textsOf: (labels: Labels) => string[]): LabelAnswer {
    const texts = new Set<string>()
    for (const { labels } of this.#matching(request.matchers)) {
      for (const text of textsOf(labels)) texts.add(text)
    }
    const values = [...texts].sort(compareUtf8)
    return { values: values.slice(0, request.limit ?? values.length), warnings: [] }
  }

  *#matching(matchers: SelectRequest['matchers']): Generator<StoredSeries> {
    const compiled = matchers.map((matcher) => this.#compileMatcher(matcher))
    for (const stored of this.#series.values()) {
      const isMatch = compiled.every(({ matcher, matches }) =>
        matches(labelValue(stored.labels, matcher.name)),
      )
      if (isMatch) yield stored
    }
  }
}

function checkSample({ labels, samples }: StoredSeries, sample: LoadSample): void {
  const last = samples.at(-1)
  if (last !== undefined && last.timestampMs >= sample.timestampMs) {
    throw new UserError('bad_data', {
      what: `the sample at ${sample.timestampMs} ms does not come after the one at ${last.timestampMs} ms`,
      where: `series ${formatLabels(labels)}`,
    })
  }
  if (sample.value.kind !== 'histogram') return
  const fault = histogramFault(sample.value.histogram)
  if (fault === undefined) return
  throw new UserError('bad_data', { what: fault, where: `series ${formatLabels(labels)}` })
}

// Consecutive samples of one kind share chunks; histograms start a new one where their codec asks for it.
function encode(samples: readonly LoadSample[]): EncodedChunk[] {
  const chunks: EncodedChunk[] = []
  let next = 0
  while (next < samples.length) {
    next =
      samples[next]!.value.kind === 'histogram'
        ? encodeHistograms(samples, next, chunks)
        : encodeFloats(samples, next, chunks)
  }
  return chunks
}

const scratch = new Float64Array(1)
const scratchWords = new Uint32Array(scratch.buffer)

function encodeFloats(samples: readonly LoadSample[], from: number, out: EncodedChunk[]): number {
  const encoder = new Xor2Encoder()
  let to = from
  for (; to < samples.length; to++) {
    const { timestampMs, startTimestampMs, value } = samples[to]!
    // A stale marker behind a histogram marks the end of histograms; behind a float, that of floats.
    if (value.kind === 'histogram') break
    if (value.kind === 'float') scratch[0] = value.value
    const low = value.kind === 'stale' ? staleLow : scratchWords[0]!
    const high = value.kind === 'stale' ? staleHigh : scratchWords[1]!
    encoder.append(timestampMs, low, high, startTimestampMs)
  }
  const range = { minTimeMs: samples[from]!.timestampMs, maxTimeMs: samples[to - 1]!.timestampMs }
  out.push({ encoding: chunkEncoding.xor2, ...range, bytes: encoder.finish() })
  return to
}

function encodeHistograms(
  samples: readonly LoadSample[],
  from: number,
  out: EncodedChunk[],
): number {
  let header = undefined as ReturnType<typeof firstChunkHeader> | undefined
  let appender: HistogramAppender | undefined
  let minTimeMs = 0
  const flush = (): void => {
    if (appender === undefined) return
    const maxTimeMs = appender.lastTimestampMs
    out.push({ encoding: appender.encoding, minTimeMs, maxTimeMs, bytes: appender.finish() })
  }
  let to = from
  for (; to < samples.length; to++) {
    const { timestampMs, startTimestampMs, value } = samples[to]!
    if (value.kind !== 'histogram') break
    const sample = storedForm(value.histogram)
    const result = appender?.append(timestampMs, sample, startTimestampMs)
    if (typeof result === 'string') continue
    flush()
    header = result?.newChunk ?? firstChunkHeader(sample)
    minTimeMs = timestampMs
    const start = { header, startTimestamps: true }
    appender = new HistogramAppender(start, timestampMs, sample, startTimestampMs)
  }
  flush()
  return to
}

function storedForm(histogram: FloatHistogram): HistogramSample {
  scratch[0] = histogram.sum
  const { counterResetHint, schema, zeroThreshold, zeroCount, count } = histogram
  const { positiveSpans, negativeSpans, positiveBuckets, negativeBuckets } = histogram
  return {
    kind: 'float',
    counterResetHint,
    schema,
    zeroThreshold,
    zeroCount,
    count,
    positiveSpans,
    negativeSpans,
    positiveBuckets,
    negativeBuckets,
    customValues: histogram.customValues,
    sumLow: scratchWords[0]!,
    sumHigh: scratchWords[1]!,
  }
}
