// Started floats: float samples that came with start timestamps. The kernel's chunks have no room for these, so a series
// that carries them is written here, in XOR2 chunks that are cut like the kernel's (kernel/as/head.ts).
// Units: Unix milliseconds; a start timestamp of 0 is unknown.

import { chunkEncoding, Xor2Encoder } from '../../chunk/index.ts'
import type { DecodedBody } from '../../kernel/index.ts'
import type { SideChunk, SideSeries } from './side-series.ts'

/** The chunk that is being written. */
export interface OpenFloats {
  readonly encoder: Xor2Encoder
  readonly firstMs: number
  lastMs: number
  endMs: number
}

/** A float sample with its start timestamp. */
export interface StartedSample {
  readonly timeMs: number
  /** Value bits. */
  readonly low: number
  readonly high: number
  readonly startMs: number
}

/** A chunk is predicted at the first of these counts and closed at the second, at the latest. */
const countPredicted = 30
const countMax = 240
const sizeBytesMax = 1005
/** Nothing that exists started more than 35,000 years from 1970; what a chunk cannot hold is unknown. */
const startMsMax = 2 ** 50

/** A start timestamp as it is kept. */
export function keptStart(startMs: number): number {
  return Math.abs(startMs) <= startMsMax ? startMs : 0
}

/** Flags of the body's series that have a start timestamp on any sample; undefined where none has. */
export function startedSeriesOf(body: DecodedBody): Uint8Array | undefined {
  if (!body.hasStartTimestamps) return undefined
  const { seriesCount, sampleStarts, startTimestampsMs } = body
  const flags = new Uint8Array(seriesCount)
  for (let i = 0; i < seriesCount; i++)
    for (let s = sampleStarts[i]!; s < sampleStarts[i + 1]!; s++)
      if (startTimestampsMs[s] !== 0) flags[i] = 1
  return flags
}

/** Appends a sample newer than all of the series. `continues` = the sample before went the same way. */
export function appendStarted(
  side: SideSeries,
  sample: StartedSample,
  options: { readonly continues: boolean; readonly windowEndMs: number },
): void {
  const { timeMs, low, high, startMs } = sample
  let open = side.floats
  if (open !== undefined && (!options.continues || isFull(open, timeMs))) {
    side.chunks.push(floatsChunk(open))
    open = undefined
  }
  if (open === undefined) {
    const encoder = new Xor2Encoder()
    open = { encoder, firstMs: timeMs, lastMs: timeMs, endMs: options.windowEndMs }
    side.floats = open
  }
  open.encoder.append(timeMs, low, high, startMs)
  open.lastMs = timeMs
}

function isFull(open: OpenFloats, timeMs: number): boolean {
  const { encoder, firstMs, lastMs, endMs } = open
  if (encoder.count === countPredicted) {
    const n = (endMs - firstMs) / ((lastMs - firstMs + 1) * 4)
    if (n > 1) open.endMs = Math.floor(firstMs + (endMs - firstMs) / Math.floor(n))
  }
  return timeMs >= open.endMs || encoder.count >= countMax || encoder.sizeBytes > sizeBytesMax
}

/** The chunk as of now. */
export function floatsChunk(open: OpenFloats): SideChunk {
  return {
    encoding: chunkEncoding.xor2,
    minTimeMs: open.firstMs,
    maxTimeMs: open.lastMs,
    bytes: open.encoder.finish().slice(),
  }
}
