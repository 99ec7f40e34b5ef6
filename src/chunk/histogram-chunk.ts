// Histogram chunks (encodings 2, 3, 5, 6) to samples. Writing them: histogram-appender.ts.
// Units: timestamps in Unix milliseconds.
// Invariants: whatever the header says, the first sample of a counter chunk has hint unknown, as the chunk before it
// may be missing; later ones have not_reset; all samples of a gauge chunk have gauge.
// Source: Prometheus tsdb/docs/format/chunks.md, tsdb/chunkenc.

import { BitReader } from '../kernel/index.ts'
import type { CounterResetHint } from '../model/index.ts'
import { chunkEncoding } from './chunk-encoding.ts'
import { histogramReader } from './histogram-fields.ts'
import { readLayout } from './histogram-layout.ts'
import type { HistogramSample } from './histogram-sample.ts'
import { StartTimestampReader } from './start-timestamps.ts'
import { readVarbitInt } from './varbit.ts'

/** Takes one decoded sample; the start timestamp is 0 where unknown. */
export type HistogramVisitor = (
  timestampMs: number,
  startTimestampMs: number,
  sample: HistogramSample,
) => void

/** Header bits that mark a chunk of gauges. */
const gaugeBits = 0b11

/** Reads every sample of a histogram chunk exactly as stored, in order; throws CorruptionError. */
export function readHistogramSamples(
  encoding: number,
  bytes: Uint8Array,
  offset: number,
  sizeBytes: number,
  visit: HistogramVisitor,
): void {
  const bits = new BitReader(bytes, offset, sizeBytes)
  const withStarts =
    encoding === chunkEncoding.histogramSt || encoding === chunkEncoding.floatHistogramSt
  const integer = encoding === chunkEncoding.histogram || encoding === chunkEncoding.histogramSt
  const first = bits.readBits(16)
  const third = bits.readBits(8)
  const count = withStarts ? first & 0x3fff : first
  const gauge = (withStarts ? first >>> 14 : third >>> 6) === gaugeBits
  if (count === 0) return
  const reader = histogramReader(integer ? 'integer' : 'float', readLayout(bits))
  const starts = new StartTimestampReader(withStarts ? third : 0)
  let timestampMs = readVarbitInt(bits)
  let previousMs = timestampMs
  let deltaMs = 0
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      deltaMs += readVarbitInt(bits)
      previousMs = timestampMs
      timestampMs += deltaMs
    }
    const sample = reader.read(bits, hintOf(gauge, i))
    visit(timestampMs, starts.read(bits, i, previousMs), sample)
  }
}

function hintOf(gauge: boolean, index: number): CounterResetHint {
  if (gauge) return 'gauge'
  return index === 0 ? 'unknown' : 'not_reset'
}
