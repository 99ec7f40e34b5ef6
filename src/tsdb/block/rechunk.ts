// Rechunk: decodes chunks of one series, keeps what is wanted, and encodes it again. For overlapping chunks (vertical
// merge), chunks that a block's bounds cut, and chunks with deleted samples.
// Units: Unix milliseconds, intervals inclusive at both ends.
// Invariants: one sample per timestamp, the first chunk's where several have one; integer histograms stay integers,
// NaNs keep their bits, start timestamps stay where the input has any.

import {
  chunkEncoding,
  decodeChunk,
  firstChunkHeader,
  HistogramAppender,
  type HistogramSample,
  isHistogramEncoding,
  readHistogramSamples,
  SampleBuffer,
  Xor2Encoder,
  XorEncoder,
} from '../../chunk/index.ts'
import type { TimeRange } from '../../model/index.ts'

/** One compressed chunk within a buffer: data without the encoding byte. */
export interface ChunkSlice {
  readonly encoding: number
  readonly bytes: Uint8Array
  readonly offset: number
  readonly sizeBytes: number
}

/** A chunk made here. */
export interface EncodedChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly bytes: Uint8Array
}

/** Float samples per chunk, as Prometheus cuts them. */
const floatsPerChunk = 120
/** A chunk of histograms is full with this size, but holds at least this many. */
const histogramChunkSizeBytes = 1024
const histogramsPerChunkMin = 10

/** Samples of any kind as columns; where `histograms` has an entry, the float means nothing. */
interface MixedSamples {
  readonly floats: SampleBuffer
  readonly histograms: (HistogramSample | undefined)[]
}

/**
 * The samples of `slices` within `range` and outside all of `deleted`, in chunks of 120 floats or about a KiB of
 * histograms. Slices are in order of precedence. Empty when nothing is left. Throws CorruptionError.
 */
export function rechunk(
  slices: readonly ChunkSlice[],
  range: TimeRange,
  deleted: readonly TimeRange[] = [],
): EncodedChunk[] {
  const samples = decode(slices)
  return encode(samples, orderOf(samples.floats, range, deleted))
}

/** The samples of `slices` at times at which `known`, of the same series, has none. Throws CorruptionError. */
export function rechunkWithout(
  slices: readonly ChunkSlice[],
  known: readonly ChunkSlice[],
): EncodedChunk[] {
  const { timestampsMs, count } = decode(known).floats
  const knownTimes = new Set(timestampsMs.subarray(0, count))
  const samples = decode(slices)
  const order = orderOf(samples.floats, { minTimeMs: -Infinity, maxTimeMs: Infinity }, [])
  return encode(
    samples,
    order.filter((index) => !knownTimes.has(samples.floats.timestampsMs[index]!)),
  )
}

/** Float samples as XOR chunks of 120; `words` are the bits of the values. */
export function encodeSamples(
  timestampsMs: Float64Array,
  words: Uint32Array,
  count: number,
): EncodedChunk[] {
  const floats = new SampleBuffer(count)
  floats.timestampsMs.set(timestampsMs.subarray(0, count))
  floats.words.set(words.subarray(0, 2 * count))
  floats.count = count
  return encode(
    { floats, histograms: [] },
    Uint32Array.from({ length: count }, (_, i) => i),
  )
}

function decode(slices: readonly ChunkSlice[]): MixedSamples {
  const samples: MixedSamples = { floats: new SampleBuffer(), histograms: [] }
  for (const slice of slices) decodeSlice(slice, samples)
  return samples
}

function decodeSlice(slice: ChunkSlice, { floats, histograms }: MixedSamples): void {
  const { encoding, bytes, offset, sizeBytes } = slice
  if (!isHistogramEncoding(encoding)) {
    decodeChunk(encoding, bytes, offset, sizeBytes, floats)
    return
  }
  readHistogramSamples(encoding, bytes, offset, sizeBytes, (timestampMs, startMs, sample) => {
    if (startMs !== 0) floats.beginStartTimestamps()
    floats.reserve(1)
    const index = floats.count++
    floats.timestampsMs[index] = timestampMs
    floats.values[index] = 0
    if (floats.hasStartTimestamps) floats.startTimestampsMs[index] = startMs
    histograms[index] = sample
  })
}

// Indexes of the kept samples in time order; entries stand slice after slice, so the lowest index takes precedence.
function orderOf(
  samples: SampleBuffer,
  range: TimeRange,
  deleted: readonly TimeRange[],
): Uint32Array {
  const { count, timestampsMs } = samples
  const order = new Uint32Array(count)
  let kept = 0
  for (let i = 0; i < count; i++) {
    const timestampMs = timestampsMs[i]!
    if (timestampMs < range.minTimeMs || timestampMs > range.maxTimeMs) continue
    if (deleted.some((gap) => gap.minTimeMs <= timestampMs && timestampMs <= gap.maxTimeMs))
      continue
    order[kept++] = i
  }
  const wanted = order.subarray(0, kept)
  wanted.sort((a, b) => timestampsMs[a]! - timestampsMs[b]! || a - b)
  let unique = 0
  for (let i = 0; i < kept; i++) {
    if (i > 0 && timestampsMs[wanted[i]!] === timestampsMs[wanted[unique - 1]!]) continue
    wanted[unique++] = wanted[i]!
  }
  return wanted.subarray(0, unique)
}

// Runs of one kind, each in chunks of its own.
function encode(samples: MixedSamples, order: Uint32Array): EncodedChunk[] {
  const kindOf = (place: number): string | undefined => samples.histograms[order[place]!]?.kind
  const out: EncodedChunk[] = []
  for (let from = 0; from < order.length; ) {
    const kind = kindOf(from)
    let to = from + 1
    while (to < order.length && kindOf(to) === kind) to++
    const run = order.subarray(from, to)
    if (kind === undefined) encodeFloats(samples.floats, run, out)
    else encodeHistograms(samples, run, out)
    from = to
  }
  return out
}

function encodeFloats(samples: SampleBuffer, order: Uint32Array, out: EncodedChunk[]): void {
  const { timestampsMs, words, startTimestampsMs, hasStartTimestamps } = samples
  for (let from = 0; from < order.length; from += floatsPerChunk) {
    const to = Math.min(from + floatsPerChunk, order.length)
    const encoder = hasStartTimestamps ? new Xor2Encoder() : new XorEncoder()
    for (let i = from; i < to; i++) {
      const at = order[i]!
      const [low, high] = [words[2 * at]!, words[2 * at + 1]!]
      encoder.append(timestampsMs[at]!, low, high, startTimestampsMs[at] ?? 0)
    }
    out.push({
      encoding: hasStartTimestamps ? chunkEncoding.xor2 : chunkEncoding.xor,
      minTimeMs: timestampsMs[order[from]!]!,
      maxTimeMs: timestampsMs[order[to - 1]!]!,
      bytes: encoder.finish(),
    })
  }
}

function encodeHistograms(samples: MixedSamples, order: Uint32Array, out: EncodedChunk[]): void {
  const { timestampsMs, startTimestampsMs, hasStartTimestamps } = samples.floats
  let appender: HistogramAppender | undefined
  let minTimeMs = 0
  const finish = (): void => {
    if (appender === undefined) return
    const { encoding, lastTimestampMs: maxTimeMs } = appender
    out.push({ encoding, minTimeMs, maxTimeMs, bytes: appender.finish() })
  }
  for (const at of order) {
    const sample = samples.histograms[at]!
    const timestampMs = timestampsMs[at]!
    const startMs = hasStartTimestamps ? startTimestampsMs[at]! : 0
    let header = appender === undefined ? firstChunkHeader(sample) : undefined
    if (appender !== undefined && isFull(appender)) header = appender.nextHeader(sample)
    else if (appender !== undefined) {
      const result = appender.append(timestampMs, sample, startMs)
      if (typeof result === 'object') header = result.newChunk
    }
    if (header === undefined) continue
    finish()
    const start = { header, startTimestamps: hasStartTimestamps }
    appender = new HistogramAppender(start, timestampMs, sample, startMs)
    minTimeMs = timestampMs
  }
  finish()
}

function isFull(appender: HistogramAppender): boolean {
  return appender.sizeBytes >= histogramChunkSizeBytes && appender.count >= histogramsPerChunkMin
}
