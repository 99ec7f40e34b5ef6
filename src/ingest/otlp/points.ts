// Data points to rows: gauges, sums, histograms in three shapes, summaries.
// Source: facts about Prometheus' OTLP receiver; OpenTelemetry metrics data model.

import type { otlp } from '../../encoding/index.ts'
import { customBucketsSchema, type Labels, sortLabels } from '../../model/index.ts'
import { exponentialBuckets, exponentialSchemas, sparseBuckets } from './buckets.ts'
import { OtlpFault } from './fault.ts'
import {
  hexOf,
  millisecondsOf,
  numberOf,
  plainDecimalOf,
  textOf,
  type WideInteger,
} from './values.ts'
import type { ExemplarRow, FloatRow, HistogramRow, SampleTimes } from './write-request.ts'

/** A float series of one data point: what is appended to the family's name, its own label, the row. */
export interface FloatPart {
  readonly suffix: string
  readonly label?: { readonly name: string; readonly value: string }
  readonly row: FloatRow
  readonly exemplars: readonly ExemplarRow[]
}

/** The times and flags that all kinds of data points share. */
export interface PointTimes {
  readonly timeUnixNano?: WideInteger | null
  readonly startTimeUnixNano?: WideInteger | null
  readonly flags?: number | null
}

/** Times of a data point; flag bit 0 says that the series has ended. */
export function timesOf(point: PointTimes): SampleTimes {
  return {
    timestampMs: millisecondsOf(point.timeUnixNano),
    startTimestampMs: millisecondsOf(point.startTimeUnixNano),
    stale: ((point.flags ?? 0) & 1) === 1,
  }
}

/** A gauge or sum. Throws OtlpFault for a point without a value that does not say so in its flags. */
export function numberPart(point: otlp.NumberDataPoint.$Properties, isSum: boolean): FloatPart {
  const times = timesOf(point)
  const value = pointValueOf(point)
  if (value === undefined && !times.stale) {
    throw new OtlpFault('a data point has no value', 'set asDouble or asInt')
  }
  const exemplars = isSum ? exemplarsOf(point.exemplars) : []
  return { suffix: '', row: { ...times, value: value ?? 0 }, exemplars }
}

/** A summary: sum, count and a series per quantile. */
export function summaryParts(point: otlp.SummaryDataPoint.$Properties): FloatPart[] {
  const times = timesOf(point)
  const plain = (suffix: string, value: number): FloatPart => ({
    suffix,
    row: { ...times, value },
    exemplars: [],
  })
  const quantiles = (point.quantileValues ?? []).map(({ quantile, value }) => ({
    ...plain('', value ?? 0),
    label: { name: 'quantile', value: plainDecimalOf(quantile ?? 0) },
  }))
  return [plain('_sum', point.sum ?? 0), plain('_count', numberOf(point.count)), ...quantiles]
}

/** A histogram with explicit bounds as classic series: _sum where it has one, _count, cumulative _bucket. */
export function classicParts(point: otlp.HistogramDataPoint.$Properties): FloatPart[] {
  const times = timesOf(point)
  const { bounds, counts } = explicitBuckets(point)
  const exemplars = exemplarsOf(point.exemplars).sort((a, b) => a.value - b.value)
  const parts: FloatPart[] = []
  const plain = (suffix: string, value: number): void => {
    parts.push({ suffix, row: { ...times, value }, exemplars: [] })
  }
  if (point.sum !== null && point.sum !== undefined) plain('_sum', point.sum)
  plain('_count', numberOf(point.count))
  let cumulative = 0
  let taken = 0
  bounds.forEach((bound, index) => {
    cumulative += counts[index] ?? 0
    const first = taken
    while (taken < exemplars.length && exemplars[taken]!.value <= bound) taken++
    parts.push(bucketPart(bound, { ...times, value: cumulative }, exemplars.slice(first, taken)))
  })
  const total = { ...times, value: numberOf(point.count) }
  parts.push(bucketPart(Number.POSITIVE_INFINITY, total, exemplars.slice(taken)))
  return parts
}

/** A histogram with explicit bounds as a native histogram with custom buckets. */
export function customBucketsRow(point: otlp.HistogramDataPoint.$Properties): HistogramRow {
  const times = timesOf(point)
  const { bounds, counts } = explicitBuckets(point)
  return {
    ...times,
    schema: customBucketsSchema,
    count: times.stale ? 0 : numberOf(point.count),
    sum: point.sum ?? 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: times.stale ? noBuckets : sparseBuckets(counts, 0),
    negative: noBuckets,
    customValues: bounds,
  }
}

// Smaller than any observation, so that only true zeros are counted as zero.
const zeroThresholdDefault = 1e-128

/** An exponential histogram as a native one; scales beyond 8 are merged down. Throws OtlpFault below -4. */
export function exponentialRow(
  point: otlp.ExponentialHistogramDataPoint.$Properties,
): HistogramRow {
  const times = timesOf(point)
  const scale = point.scale ?? 0
  if (scale < exponentialSchemas.min) {
    throw new OtlpFault(`scale ${scale} is below ${exponentialSchemas.min}`, 'use a finer scale')
  }
  const scaleDown = Math.max(0, scale - exponentialSchemas.max)
  const buckets = (
    side: otlp.ExponentialHistogramDataPoint.Buckets.$Properties | null | undefined,
  ) =>
    times.stale || !side
      ? noBuckets
      : exponentialBuckets((side.bucketCounts ?? []).map(numberOf), side.offset ?? 0, scaleDown)
  return {
    ...times,
    schema: scale - scaleDown,
    count: times.stale ? 0 : numberOf(point.count),
    sum: point.sum ?? 0,
    zeroThreshold: point.zeroThreshold || zeroThresholdDefault,
    zeroCount: times.stale ? 0 : numberOf(point.zeroCount),
    positive: buckets(point.positive),
    negative: buckets(point.negative),
    customValues: [],
  }
}

// Labels of one exemplar together, in characters: OpenMetrics' bound, beyond which attributes are left out.
const exemplarLengthMax = 128

/** Exemplars: trace and span id, and the filtered attributes where there is room. Throws OtlpFault without value. */
export function exemplarsOf(
  exemplars: readonly otlp.Exemplar.$Properties[] | null | undefined,
): ExemplarRow[] {
  return (exemplars ?? []).map((exemplar) => {
    const value = pointValueOf(exemplar)
    if (value === undefined)
      throw new OtlpFault('an exemplar has no value', 'set asDouble or asInt')
    const timestampMs = millisecondsOf(exemplar.timeUnixNano)
    return { labels: exemplarLabels(exemplar), value, timestampMs }
  })
}

function exemplarLabels(exemplar: otlp.Exemplar.$Properties): Labels {
  const ids = [
    { name: 'trace_id', value: hexOf(exemplar.traceId) },
    { name: 'span_id', value: hexOf(exemplar.spanId) },
  ].filter(({ value }) => value !== '')
  const attributes = (exemplar.filteredAttributes ?? [])
    .map(({ key, value }) => ({ name: key ?? '', value: textOf(value) }))
    .filter(({ name }) => ids.every((id) => id.name !== name))
  const all = [...ids, ...attributes]
  const length = all.reduce((sum, { name, value }) => sum + [...name].length + [...value].length, 0)
  return sortLabels(length <= exemplarLengthMax ? all : ids)
}

const noBuckets = { spans: [], counts: [] } as const

function bucketPart(bound: number, row: FloatRow, exemplars: readonly ExemplarRow[]): FloatPart {
  return { suffix: '_bucket', label: { name: 'le', value: plainDecimalOf(bound) }, row, exemplars }
}

function explicitBuckets(point: otlp.HistogramDataPoint.$Properties): {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
} {
  const bounds = point.explicitBounds ?? []
  const counts = (point.bucketCounts ?? []).map(numberOf)
  if (counts.length === 0 || counts.length === bounds.length + 1) return { bounds, counts }
  throw new OtlpFault(
    `a data point has ${counts.length} bucket counts for ${bounds.length} bounds`,
    'send one count more than bounds',
  )
}

function pointValueOf(point: {
  readonly asDouble?: number | null
  readonly asInt?: WideInteger | null
}): number | undefined {
  if (point.asDouble !== null && point.asDouble !== undefined) return point.asDouble
  return point.asInt === null || point.asInt === undefined ? undefined : numberOf(point.asInt)
}
