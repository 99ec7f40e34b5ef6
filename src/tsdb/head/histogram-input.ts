// Native histograms as remote write brings them, checked and turned into what is stored.
// Source: Prometheus model/histogram Validate; prompb FromProto; schemas beyond 8 are reduced to 8.

import type { HistogramSample } from '../../chunk/index.ts'
import type { io } from '../../encoding/index.ts'
import {
  type CounterResetHint,
  customBucketsSchema,
  type FloatHistogram,
  type Span,
} from '../../model/index.ts'

type Message = io.prometheus.write.v2.IHistogram

const schemaMin = -9
const schemaMax = 8
const schemaMaxReserved = 52
const hints: readonly CounterResetHint[] = ['unknown', 'reset', 'not_reset', 'gauge']

/** The sample, or why it is none. `bytes` are the message's: the sum's bits are read from there. */
export function histogramOf(message: Message, bytes: Uint8Array): HistogramSample | string {
  const [sumLow, sumHigh] = doubleBits(bytes, 3)
  const shape = {
    counterResetHint: hints[message.resetHint ?? 0] ?? 'unknown',
    schema: message.schema ?? 0,
    zeroThreshold: message.zeroThreshold ?? 0,
    positiveSpans: spansOf(message.positiveSpans),
    negativeSpans: spansOf(message.negativeSpans),
    customValues: Float64Array.from(message.customValues ?? []),
    sumLow,
    sumHigh,
  }
  const isFloat = message.countFloat !== undefined && message.countFloat !== null
  const sample: HistogramSample = isFloat
    ? {
        ...shape,
        kind: 'float',
        count: message.countFloat ?? 0,
        zeroCount: message.zeroCountFloat ?? 0,
        positiveBuckets: Float64Array.from(message.positiveCounts ?? []),
        negativeBuckets: Float64Array.from(message.negativeCounts ?? []),
      }
    : {
        ...shape,
        kind: 'integer',
        count: bigintOf(message.countInt),
        zeroCount: bigintOf(message.zeroCountInt),
        positiveDeltas: BigInt64Array.from(message.positiveDeltas ?? [], bigintOf),
        negativeDeltas: BigInt64Array.from(message.negativeDeltas ?? [], bigintOf),
      }
  return faultOf(sample) ?? reduced(sample)
}

/** Whether two histograms say the same; hints and empty buckets apart, which storage may change. */
export function sameHistogram(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.stale === b.stale &&
    (a.stale ||
      (a.schema === b.schema &&
        a.zeroThreshold === b.zeroThreshold &&
        a.zeroCount === b.zeroCount &&
        a.count === b.count &&
        Object.is(a.sum, b.sum) &&
        a.customValues.join() === b.customValues.join() &&
        filled(a.positiveSpans, a.positiveBuckets) === filled(b.positiveSpans, b.positiveBuckets) &&
        filled(a.negativeSpans, a.negativeBuckets) === filled(b.negativeSpans, b.negativeBuckets)))
  )
}

function filled(spans: readonly Span[], buckets: Float64Array): string {
  const parts: string[] = []
  let index = 0
  let at = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++, at++)
      if (buckets[at] !== 0) parts.push(`${index}:${buckets[at]}`)
  }
  return parts.join()
}

function bigintOf(value: unknown): bigint {
  if (value === undefined || value === null) return 0n
  return BigInt(String(value))
}

function spansOf(spans: Message['positiveSpans']): Span[] {
  return (spans ?? []).map(({ offset, length }) => ({ offset: offset ?? 0, length: length ?? 0 }))
}

/** Why a histogram cannot be stored; undefined when it can. */
function faultOf(sample: HistogramSample): string | undefined {
  const { schema, customValues } = sample
  const isCustom = schema === customBucketsSchema
  if (!isCustom && (schema < schemaMin || schema > schemaMaxReserved))
    return `unknown schema ${schema}`
  if (isCustom) {
    const fault = customFault(sample)
    if (fault !== undefined) return fault
  } else if (customValues.length > 0) return 'custom bounds with an exponential schema'
  const [positive, negative] = bucketsOf(sample)
  return (
    spansFault(sample.positiveSpans, positive.length, 'positive') ??
    spansFault(sample.negativeSpans, negative.length, 'negative') ??
    countFault(sample, positive, negative)
  )
}

function customFault(sample: HistogramSample): string | undefined {
  const { customValues } = sample
  for (let i = 0; i < customValues.length; i++) {
    if (!(customValues[i]! > (i === 0 ? Number.NEGATIVE_INFINITY : customValues[i - 1]!)))
      return 'custom bounds do not increase'
  }
  if (customValues.at(-1) === Number.POSITIVE_INFINITY) return 'the last custom bound is +Inf'
  const [, negative] = bucketsOf(sample)
  if (Number(sample.zeroCount) !== 0 || sample.zeroThreshold !== 0)
    return 'custom buckets with a zero bucket'
  if (negative.length > 0 || sample.negativeSpans.length > 0)
    return 'custom buckets with negative buckets'
  let end = 0
  for (const { offset, length } of sample.positiveSpans) end += offset + length
  if ((sample.positiveSpans[0]?.offset ?? 0) < 0) return 'a custom bucket before the first bound'
  return end > customValues.length + 1 ? 'more custom buckets than bounds' : undefined
}

function bucketsOf(
  sample: HistogramSample,
): [BigInt64Array | Float64Array, BigInt64Array | Float64Array] {
  return sample.kind === 'integer'
    ? [sample.positiveDeltas, sample.negativeDeltas]
    : [sample.positiveBuckets, sample.negativeBuckets]
}

function spansFault(spans: readonly Span[], count: number, side: string): string | undefined {
  let total = 0
  for (let i = 0; i < spans.length; i++) {
    if (i > 0 && spans[i]!.offset < 0) return `a ${side} span overlaps the one before`
    total += spans[i]!.length
  }
  return total === count
    ? undefined
    : `the ${side} spans hold ${total} buckets, but there are ${count}`
}

function countFault(
  sample: HistogramSample,
  positive: BigInt64Array | Float64Array,
  negative: BigInt64Array | Float64Array,
): string | undefined {
  if (sample.kind === 'float') {
    if (sample.count < 0 || sample.zeroCount < 0) return 'a negative count'
    return [...positive, ...negative].some((count) => Number(count) < 0)
      ? 'a negative bucket'
      : undefined
  }
  let total = sample.zeroCount
  for (const deltas of [sample.positiveDeltas, sample.negativeDeltas]) {
    let count = 0n
    for (const delta of deltas) {
      count += delta
      if (count < 0n) return 'a negative bucket'
      total += count
    }
  }
  const sumIsNan =
    ((sample.sumHigh >>> 0) & 0x7fffffff) > 0x7ff00000 ||
    (((sample.sumHigh >>> 0) & 0x7fffffff) === 0x7ff00000 && sample.sumLow !== 0)
  if (sumIsNan ? total > sample.count : total !== sample.count)
    return `the buckets hold ${total} observations, but the count is ${sample.count}`
  return undefined
}

function reduced(sample: HistogramSample): HistogramSample {
  if (sample.schema <= schemaMax) return sample
  const shift = sample.schema - schemaMax
  if (sample.kind === 'float') {
    const positive = reduce(sample.positiveSpans, [...sample.positiveBuckets], 0, shift)
    const negative = reduce(sample.negativeSpans, [...sample.negativeBuckets], 0, shift)
    return {
      ...sample,
      schema: schemaMax,
      positiveSpans: positive.spans,
      negativeSpans: negative.spans,
      positiveBuckets: Float64Array.from(positive.counts),
      negativeBuckets: Float64Array.from(negative.counts),
    }
  }
  const positive = reduce(sample.positiveSpans, absolute(sample.positiveDeltas), 0n, shift)
  const negative = reduce(sample.negativeSpans, absolute(sample.negativeDeltas), 0n, shift)
  return {
    ...sample,
    schema: schemaMax,
    positiveSpans: positive.spans,
    negativeSpans: negative.spans,
    positiveDeltas: BigInt64Array.from(deltas(positive.counts)),
    negativeDeltas: BigInt64Array.from(deltas(negative.counts)),
  }
}

// Bucket i of a finer schema lies in bucket ceil(i / 2^shift) of the coarser one.
function reduce<T extends number | bigint>(
  spans: readonly Span[],
  counts: readonly T[],
  zero: T,
  shift: number,
): { spans: Span[]; counts: T[] } {
  const merged = new Map<number, T>()
  let index = 0
  let at = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++) {
      const target = Math.ceil(index / 2 ** shift)
      merged.set(target, (((merged.get(target) ?? zero) as number) + (counts[at++] as number)) as T)
    }
  }
  const out: { offset: number; length: number }[] = []
  let next = 0
  for (const target of merged.keys()) {
    const last = out.at(-1)
    if (last !== undefined && target === next) last.length += 1
    else out.push({ offset: target - next, length: 1 })
    next = target + 1
  }
  return { spans: out, counts: [...merged.values()] }
}

function absolute(values: BigInt64Array): bigint[] {
  let count = 0n
  return Array.from(values, (delta) => {
    count += delta
    return count
  })
}

function deltas(counts: readonly bigint[]): bigint[] {
  return counts.map((count, i) => count - (i === 0 ? 0n : counts[i - 1]!))
}

// The words of the last 64-bit field `field` of a valid message; zeros where it has none.
function doubleBits(bytes: Uint8Array, field: number): [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let found: [number, number] = [0, 0]
  let at = 0
  let depth = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      if (shift < 35) value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const wire = tag % 8
    if (wire === 1) {
      if (depth === 0 && Math.floor(tag / 8) === field)
        found = [view.getUint32(at, true), view.getUint32(at + 4, true)]
      at += 8
    } else if (wire === 0) varint()
    else if (wire === 2) {
      const size = varint()
      at += size
    } else if (wire === 5) at += 4
    else depth += wire === 3 ? 1 : -1
  }
  return found
}
