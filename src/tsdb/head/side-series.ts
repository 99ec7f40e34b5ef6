// Side series: what of one series in one generation does not fit the kernel: samples out of order, histograms, and what
// carries start timestamps. A chunk is written in an encoding that keeps these where any of its samples has one.
// Units: Unix milliseconds. Invariants: `outOfOrder` strictly increases by time and holds no time of a closed chunk
// twice with other bits; closed chunks never change.

import {
  chunkEncoding,
  firstChunkHeader,
  HistogramAppender,
  type HistogramSample,
  Xor2Encoder,
  XorEncoder,
} from '../../chunk/index.ts'
import { floatsChunk, type OpenFloats, type StartedSample } from './started-floats.ts'

/** A finished chunk. */
export interface SideChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly bytes: Uint8Array
}

/** Samples that came after a newer one of their series, sorted; closed into a chunk when there are many. */
export class OutOfOrderSamples {
  static readonly countMax = 120
  count = 0
  readonly timesMs = new Float64Array(OutOfOrderSamples.countMax)
  /** Value bits, low word first. */
  readonly words = new Uint32Array(2 * OutOfOrderSamples.countMax)
  /** Start timestamps, from the first sample on that has one. */
  #startsMs: Float64Array | undefined

  /** Index of the sample at this time, or where it belongs as -index - 1. */
  find(timeMs: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.timesMs[middle]! < timeMs) low = middle + 1
      else high = middle
    }
    return low < this.count && this.timesMs[low] === timeMs ? low : -low - 1
  }

  /** Inserts at an index that `find` gave; there must be room. */
  insert(index: number, { timeMs, low, high, startMs }: StartedSample): void {
    if (startMs !== 0) this.#startsMs ??= new Float64Array(OutOfOrderSamples.countMax)
    const starts = this.#startsMs
    if (starts !== undefined) {
      starts.copyWithin(index + 1, index, this.count)
      starts[index] = startMs
    }
    this.timesMs.copyWithin(index + 1, index, this.count)
    this.words.copyWithin(2 * index + 2, 2 * index, 2 * this.count)
    this.timesMs[index] = timeMs
    this.words[2 * index] = low
    this.words[2 * index + 1] = high
    this.count += 1
  }

  /** The samples as a chunk. */
  toChunk(): SideChunk {
    const starts = this.#startsMs
    const encoder = starts === undefined ? new XorEncoder() : new Xor2Encoder()
    for (let i = 0; i < this.count; i++) {
      const [low, high] = [this.words[2 * i]!, this.words[2 * i + 1]!]
      encoder.append(this.timesMs[i]!, low, high, starts?.[i] ?? 0)
    }
    return {
      encoding: starts === undefined ? chunkEncoding.xor : chunkEncoding.xor2,
      minTimeMs: this.timesMs[0]!,
      maxTimeMs: this.timesMs[this.count - 1]!,
      bytes: encoder.finish().slice(),
    }
  }
}

/** The histogram chunk of a series that is being written. */
export interface OpenHistogram {
  readonly appender: HistogramAppender
  readonly firstMs: number
  endMs: number
  isPredicted: boolean
  /** The last sample as it was sent, to know it again. */
  lastBytes: Uint8Array
}

/** A histogram, what it was sent as, and its start timestamp. */
export interface StartedHistogram {
  readonly timeMs: number
  readonly sample: HistogramSample
  readonly bytes: Uint8Array
  readonly startMs: number
}

/** The side of one series. */
export interface SideSeries {
  /** Closed chunks, in the order they were closed. */
  readonly chunks: SideChunk[]
  outOfOrder: OutOfOrderSamples | undefined
  histogram: OpenHistogram | undefined
  floats: OpenFloats | undefined
}

/** All chunks of a side, open ones as of now. */
export function sideChunksOf(side: SideSeries): SideChunk[] {
  const chunks = [...side.chunks]
  if (side.outOfOrder !== undefined && side.outOfOrder.count > 0)
    chunks.push(side.outOfOrder.toChunk())
  if (side.histogram !== undefined) chunks.push(histogramChunk(side.histogram))
  if (side.floats !== undefined) chunks.push(floatsChunk(side.floats))
  return chunks
}

const targetSizeBytes = 1024
const samplesMin = 10

/** Appends a histogram newer than all samples of the series. `continues` = the sample before was a histogram too. */
export function appendHistogram(
  side: SideSeries,
  sent: StartedHistogram,
  options: { readonly continues: boolean; readonly windowEndMs: number },
): void {
  const { timeMs, sample, bytes, startMs } = sent
  const { windowEndMs } = options
  const open = side.histogram
  if (open === undefined || !options.continues || open.appender.kind !== sample.kind) {
    startChunk(side, sent, firstChunkHeader(sample), windowEndMs)
    return
  }
  const { appender } = open
  if (!open.isPredicted && appender.sizeBytes >= targetSizeBytes / 4) {
    open.endMs = predictedEnd(open, targetSizeBytes / appender.sizeBytes)
    open.isPredicted = true
  }
  const isLong = timeMs >= open.endMs || appender.sizeBytes >= 2 * targetSizeBytes
  const lacksRoom = startMs !== 0 && !appender.keepsStartTimestamps
  if ((isLong && appender.count >= samplesMin) || lacksRoom) {
    startChunk(side, sent, appender.nextHeader(sample), windowEndMs)
    return
  }
  const result = appender.append(timeMs, sample, startMs)
  if (typeof result === 'object') startChunk(side, sent, result.newChunk, windowEndMs)
  else open.lastBytes = bytes
}

/** Keeps a histogram that came after a newer sample as a chunk of its own. */
export function addLateHistogram(side: SideSeries, sent: StartedHistogram): void {
  const { timeMs } = sent
  const appender = appenderOf(sent, firstChunkHeader(sent.sample))
  side.chunks.push({
    encoding: appender.encoding,
    minTimeMs: timeMs,
    maxTimeMs: timeMs,
    bytes: appender.finish().slice(),
  })
}

function predictedEnd(open: OpenHistogram, ratio: number): number {
  const n =
    (open.endMs - open.firstMs) / ((open.appender.lastTimestampMs - open.firstMs + 1) * ratio)
  if (n <= 1) return open.endMs
  return Math.floor(open.firstMs + (open.endMs - open.firstMs) / Math.floor(n))
}

function startChunk(
  side: SideSeries,
  sent: StartedHistogram,
  header: HistogramAppender['header'],
  windowEndMs: number,
): void {
  if (side.histogram !== undefined) side.chunks.push(histogramChunk(side.histogram))
  side.histogram = {
    appender: appenderOf(sent, header),
    firstMs: sent.timeMs,
    endMs: windowEndMs,
    isPredicted: false,
    lastBytes: sent.bytes,
  }
}

function appenderOf(
  { timeMs, sample, startMs }: StartedHistogram,
  header: HistogramAppender['header'],
): HistogramAppender {
  return new HistogramAppender({ header, startTimestamps: startMs !== 0 }, timeMs, sample, startMs)
}

function histogramChunk(open: OpenHistogram): SideChunk {
  return {
    encoding: open.appender.encoding,
    minTimeMs: open.firstMs,
    maxTimeMs: open.appender.lastTimestampMs,
    bytes: open.appender.finish().slice(),
  }
}
