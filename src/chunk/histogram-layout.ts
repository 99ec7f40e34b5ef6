// Histogram layout: what all histograms of one chunk share: schema, zero threshold, buckets and custom bounds.
// Source: Prometheus tsdb/docs/format/chunks.md, histogram chunk data.

import type { BitReader, BitWriter } from '../kernel/index.ts'
import type { Span } from '../model/index.ts'
import { customBucketsSchema, wordsOf } from '../model/index.ts'
import type { HistogramShape } from './histogram-sample.ts'
import { readVarbitInt, readVarbitUint, writeVarbitInt, writeVarbitUint } from './varbit.ts'

/** The shared part of a chunk's histograms. */
export interface HistogramLayout {
  readonly schema: number
  readonly zeroThreshold: number
  readonly positiveSpans: readonly Span[]
  readonly negativeSpans: readonly Span[]
  readonly customValues: Float64Array
}

const scratch = new Float64Array(1)
const scratchWords = wordsOf(scratch)
const customScale = 1000
const customScaledMax = 33_554_430

/** The layout of one histogram. */
export function layoutOf(shape: HistogramShape): HistogramLayout {
  const { schema, zeroThreshold, positiveSpans, negativeSpans, customValues } = shape
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customValues }
}

/** How many buckets the spans hold. */
export function bucketCountOf(spans: readonly Span[]): number {
  let count = 0
  for (const span of spans) count += span.length
  return count
}

/** Writes a layout at the head of a chunk. */
export function writeLayout(bits: BitWriter, layout: HistogramLayout): void {
  writeZeroThreshold(bits, layout.zeroThreshold)
  writeVarbitInt(bits, layout.schema)
  writeSpans(bits, layout.positiveSpans)
  writeSpans(bits, layout.negativeSpans)
  if (layout.schema !== customBucketsSchema) return
  writeVarbitUint(bits, layout.customValues.length)
  for (const bound of layout.customValues) writeCustomBound(bits, bound)
}

/** Reads a layout; throws CorruptionError. */
export function readLayout(bits: BitReader): HistogramLayout {
  const zeroThreshold = readZeroThreshold(bits)
  const schema = readVarbitInt(bits)
  const positiveSpans = readSpans(bits)
  const negativeSpans = readSpans(bits)
  const customValues: number[] = []
  if (schema === customBucketsSchema) {
    for (let left = readVarbitUint(bits); left > 0; left--) customValues.push(readCustomBound(bits))
  }
  return {
    schema,
    zeroThreshold,
    positiveSpans,
    negativeSpans,
    customValues: Float64Array.from(customValues),
  }
}

// One byte for zero and the usual powers of two: byte b stands for 2^(b − 244).
function writeZeroThreshold(bits: BitWriter, threshold: number): void {
  scratch[0] = threshold
  const high = scratchWords[1]!
  const low = scratchWords[0]!
  const byte = (high >>> 20) - 1023 + 244
  if (threshold === 0) bits.writeBits(0, 8)
  else if (low === 0 && (high & 0xfffff) === 0 && byte >= 1 && byte <= 254) bits.writeBits(byte, 8)
  else {
    bits.writeBits(255, 8)
    bits.writeWords(high, low, 64)
  }
}

function readZeroThreshold(bits: BitReader): number {
  const byte = bits.readBits(8)
  if (byte === 0) return 0
  return byte === 255 ? readDouble(bits) : 2 ** (byte - 244)
}

/** Writes a double as its 64 bits. */
export function writeDouble(bits: BitWriter, value: number): void {
  scratch[0] = value
  bits.writeWords(scratchWords[1]!, scratchWords[0]!, 64)
}

/** Reads 64 bits as a double; a NaN may lose its payload. */
export function readDouble(bits: BitReader): number {
  bits.readWords(64)
  scratchWords[0] = bits.low
  scratchWords[1] = bits.high
  return scratch[0]!
}

function writeSpans(bits: BitWriter, spans: readonly Span[]): void {
  writeVarbitUint(bits, spans.length)
  for (const span of spans) {
    writeVarbitUint(bits, span.length)
    writeVarbitInt(bits, span.offset)
  }
}

function readSpans(bits: BitReader): Span[] {
  const spans: Span[] = []
  let bucketCount = 0
  for (let left = readVarbitUint(bits); left > 0; left--) {
    const length = readVarbitUint(bits)
    bucketCount += length
    // Every bucket takes a bit at least in the samples that follow, so a chunk bounds what it can ask for.
    if (bucketCount > bits.endBits)
      throw bits.corruption('buckets that the chunk can hold', String(bucketCount))
    spans.push({ length, offset: readVarbitInt(bits) })
  }
  return spans
}

// Bounds with up to three decimals are stored as thousandths plus one, others after a 0 bit as doubles.
function writeCustomBound(bits: BitWriter, bound: number): void {
  const scaled = bound * customScale
  const rounded = Math.round(scaled)
  if (scaled >= 0 && scaled <= customScaledMax && rounded / customScale === bound) {
    writeVarbitUint(bits, rounded + 1)
    return
  }
  bits.writeBits(0, 1)
  writeDouble(bits, bound)
}

function readCustomBound(bits: BitReader): number {
  const scaled = readVarbitUint(bits)
  return scaled === 0 ? readDouble(bits) : (scaled - 1) / customScale
}

/** Whether two layouts have the same schema, zero threshold and custom bounds, whatever their buckets. */
export function sameResolution(a: HistogramLayout, b: HistogramLayout): boolean {
  return a.schema === b.schema && a.zeroThreshold === b.zeroThreshold && sameBounds(a, b)
}

/** Whether two layouts have the same custom bounds. */
export function sameBounds(a: HistogramLayout, b: HistogramLayout): boolean {
  if (a.customValues.length !== b.customValues.length) return false
  return a.customValues.every((bound, i) => bound === b.customValues[i])
}

/** The index of every bucket of the spans, ascending. */
export function bucketIndexes(spans: readonly Span[]): number[] {
  const indexes: number[] = []
  let index = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++) indexes.push(index++)
  }
  return indexes
}

/** Whether two lists of spans are written the same. */
export function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++)
    if (a[i]!.offset !== b[i]!.offset || a[i]!.length !== b[i]!.length) return false
  return true
}

/** Spans of the buckets of both; `a` itself where it has all of them, else `b` where that has. */
export function unionSpans(a: readonly Span[], b: readonly Span[]): readonly Span[] {
  if (sameSpans(a, b)) return a
  const indexesA = bucketIndexes(a)
  const indexesB = bucketIndexes(b)
  const all = [...new Set([...indexesA, ...indexesB])].sort((x, y) => x - y)
  if (all.length === indexesA.length) return a
  if (all.length === indexesB.length) return b
  const spans: { offset: number; length: number }[] = []
  let end = 0
  for (const index of all) {
    const last = spans.at(-1)
    if (last !== undefined && index === end) last.length++
    else spans.push({ offset: index - end, length: 1 })
    end = index + 1
  }
  return spans
}
