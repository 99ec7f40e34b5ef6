// Functions of one native histogram; floats give nothing.
// Source: Prometheus promql/functions.go (simpleHistogramFunc and its users).

import type { FloatHistogram } from '../../model/index.ts'
import { histogramAverage, histogramVariance } from '../histogram/moments.ts'
import { histogramFraction, histogramQuantile } from '../histogram/quantile.ts'
import type { ElementFunction, Notes } from '../operators/operator.ts'
import { fractionWithoutNan, quantileOfNan, quantileSkewed } from './annotation-texts.ts'

function ofHistogram(compute: (histogram: FloatHistogram) => number): ElementFunction {
  return (_value, histogram, _scalars, out) => {
    if (histogram !== undefined) out.setFloat(compute(histogram))
  }
}

/** The functions by name that need no more than a histogram. */
export const histogramFunctions: Readonly<Record<string, ElementFunction>> = {
  histogram_count: ofHistogram((histogram) => histogram.count),
  histogram_sum: ofHistogram((histogram) => histogram.sum),
  histogram_avg: ofHistogram(histogramAverage),
  histogram_stdvar: ofHistogram(histogramVariance),
  histogram_stddev: ofHistogram((histogram) => Math.sqrt(histogramVariance(histogram))),
}

/** The φ-quantile of a native histogram; tells of NaN observations at the position of argument `argument`. */
export function nativeQuantile(
  quantile: number,
  histogram: FloatHistogram,
  notes: Notes,
  argument: number,
): number {
  const { value, nanObservations } = histogramQuantile(quantile, histogram)
  if (nanObservations === 'result') {
    notes.annotate('info', quantileOfNan(notes.metricName()), argument)
  } else if (nanObservations === 'skewed') {
    notes.annotate('info', quantileSkewed(notes.metricName()), argument)
  }
  return value
}

/** The fraction of observations between two bounds; tells of NaN observations at the position of argument 2. */
export function nativeFraction(
  lower: number,
  upper: number,
  histogram: FloatHistogram,
  notes: Notes,
): number {
  const { value, hasNanObservations } = histogramFraction(lower, upper, histogram)
  if (hasNanObservations) notes.annotate('info', fractionWithoutNan(notes.metricName()), 2)
  return value
}
