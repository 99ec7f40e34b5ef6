// Side series: what of one series in one generation does not fit the kernel: samples out of order, and histograms.
// Units: Unix milliseconds. Invariants: `outOfOrder` strictly increases by time and holds no time of a closed chunk
// twice with other bits; closed chunks never change.

import {
  chunkEncoding,
  firstChunkHeader,
  HistogramAppender,
  type HistogramSample,
  XorEncoder,
} from '../../chunk/index.ts'

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
  insert(index: number, timeMs: number, low: number, high: number): void {
    this.timesMs.copyWithin(index + 1, index, this.count)
    this.words.copyWithin(2 * index + 2, 2 * index, 2 * this.count)
    this.timesMs[index] = timeMs
    this.words[2 * index] = low
    this.words[2 * index + 1] = high
    this.count += 1
  }

  /** The samples as a chunk. */
  toChunk(): SideChunk {
    const encoder = new XorEncoder()
    for (let i = 0; i < this.count; i++)
      encoder.append(this.timesMs[i]!, this.words[2 * i]!, this.words[2 * i + 1]!)
    return {
      encoding: chunkEncoding.xor,
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

/** The side of one series. */
export interface SideSeries {
  /** Closed chunks, in the order they were closed. */
  readonly chunks: SideChunk[]
  outOfOrder: OutOfOrderSamples | undefined
  histogram: OpenHistogram | undefined
}

/** All chunks of a side, open ones as of now. */
export function sideChunksOf(side: SideSeries): SideChunk[] {
  const chunks = [...side.chunks]
  if (side.outOfOrder !== undefined && side.outOfOrder.count > 0)
    chunks.push(side.outOfOrder.toChunk())
  if (side.histogram !== undefined) chunks.push(histogramChunk(side.histogram))
  return chunks
}

const targetSizeBytes = 1024
const samplesMin = 10

/** Appends a histogram newer than all samples of the series. `continues` = the sample before was a histogram too. */
export function appendHistogram(
  side: SideSeries,
  timeMs: number,
  sample: HistogramSample,
  bytes: Uint8Array,
  options: { readonly continues: boolean; readonly windowEndMs: number },
): void {
  const open = side.histogram
  if (open === undefined || !options.continues || open.appender.kind !== sample.kind) {
    startChunk(side, timeMs, sample, bytes, firstChunkHeader(sample), options.windowEndMs)
    return
  }
  const { appender } = open
  if (!open.isPredicted && appender.sizeBytes >= targetSizeBytes / 4) {
    open.endMs = predictedEnd(open, targetSizeBytes / appender.sizeBytes)
    open.isPredicted = true
  }
  const isLong = timeMs >= open.endMs || appender.sizeBytes >= 2 * targetSizeBytes
  if (isLong && appender.count >= samplesMin) {
    startChunk(side, timeMs, sample, bytes, appender.nextHeader(sample), options.windowEndMs)
    return
  }
  const result = appender.append(timeMs, sample)
  if (typeof result === 'object')
    startChunk(side, timeMs, sample, bytes, result.newChunk, options.windowEndMs)
  else open.lastBytes = bytes
}

/** Keeps a histogram that came after a newer sample as a chunk of its own. */
export function addLateHistogram(side: SideSeries, timeMs: number, sample: HistogramSample): void {
  const header = firstChunkHeader(sample)
  const appender = new HistogramAppender({ header, startTimestamps: false }, timeMs, sample)
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
  timeMs: number,
  sample: HistogramSample,
  bytes: Uint8Array,
  header: HistogramAppender['header'],
  windowEndMs: number,
): void {
  if (side.histogram !== undefined) side.chunks.push(histogramChunk(side.histogram))
  side.histogram = {
    appender: new HistogramAppender({ header, startTimestamps: false }, timeMs, sample),
    firstMs: timeMs,
    endMs: windowEndMs,
    isPredicted: false,
    lastBytes: bytes,
  }
}

function histogramChunk(open: OpenHistogram): SideChunk {
  return {
    encoding: open.appender.encoding,
    minTimeMs: open.firstMs,
    maxTimeMs: open.appender.lastTimestampMs,
    bytes: open.appender.finish().slice(),
  }
}
