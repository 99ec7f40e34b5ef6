// What functions tell about their input, in Prometheus' words (the engine adds level and position).
// Source: Prometheus util/annotations/annotations.go.

import { formatShortest, quoteGo } from '../../model/index.ts'

/** What a histogram addition was done for. */
export type HistogramOperation = 'addition' | 'subtraction' | 'aggregation'

/** Warning: a window with samples of both kinds. */
export function mixedFloatsHistograms(name: string): string {
  return `encountered a mix of histograms and floats for metric name ${quoteGo(name)}`
}

/** Warning: custom and exponential buckets in one window or group. */
export function mixedSchemas(name: string): string {
  return `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quoteGo(name)}`
}

/** Warning: a rate of gauge histograms. */
export function notCounter(name: string): string {
  return `this native histogram metric is not a counter: ${quoteGo(name)}`
}

/** Warning: a delta of counter histograms. */
export function notGauge(name: string): string {
  return `this native histogram metric is not a gauge: ${quoteGo(name)}`
}

/** Warning: a sample started before the one before it ended. */
export function startTimeOverlap(name: string): string {
  return `sample has start time that overlaps with previous sample timestamp for metric ${quoteGo(name)}`
}

/** Warning: a reset and a non-reset in one sum. */
export function hintsCollided(operation: HistogramOperation): string {
  return `conflicting counter resets during histogram ${operation}`
}

/** Info: custom bounds differed. */
export function boundsReconciled(operation: HistogramOperation): string {
  return `mismatched custom buckets were reconciled during ${operation}`
}

/** Warning: a quantile outside [0, 1]. */
export function invalidQuantile(quantile: number): string {
  return `quantile value should be between 0 and 1, got ${formatShortest(quantile)}`
}

/** Info: histograms beside floats in a window that only floats count in. */
export function histogramsIgnored(name: string): string {
  return `ignored histograms in a range containing both floats and histograms for metric name ${quoteGo(name)}`
}

/** Info: a rate of something whose name is not that of a counter. */
export function possiblyNoCounter(name: string): string {
  return `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quoteGo(name)}`
}

/** Info: a rate of something whose type is not that of a counter. */
export function possiblyNoCounterType(name: string, type: string): string {
  return `metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${quoteGo(type)}: ${quoteGo(name)}`
}

/** Warning: a classic bucket without a usable bound. */
export function badBucketLabel(name: string, value: string): string {
  return withName(
    `bucket label "le" is missing or has a malformed value of ${quoteGo(value)}`,
    name,
  )
}

/** Warning: classic and native histograms with the same labels. */
export function mixedClassicNative(name: string): string {
  return withName('vector contains a mix of classic and native histograms', name)
}

/** Info: a quantile beyond all observations that are numbers. */
export function quantileOfNan(name: string): string {
  return withName('input to histogram_quantile has NaN observations, result is NaN', name)
}

/** Info: a quantile that NaN observations push up. */
export function quantileSkewed(name: string): string {
  return withName('input to histogram_quantile has NaN observations, result is skewed higher', name)
}

/** Info: a fraction without the NaN observations. */
export function fractionWithoutNan(name: string): string {
  return withName(
    'input to histogram_fraction has NaN observations, which are excluded from all fractions',
    name,
  )
}

/** Info: classic buckets whose counts fell; the engine appends `forcedMonotonicityDetail` in the end. */
export function forcedMonotonicity(name: string): string {
  return withName(
    'input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)',
    name,
  )
}

function withName(text: string, name: string): string {
  return name === '' ? text : `${text} for metric name ${quoteGo(name)}`
}
