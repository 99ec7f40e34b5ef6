// Functions by the name PromQL gives them. Those of labels and whole vectors (label_replace, sort, absent, …) are
// operators of their own.

import type { ElementFunction, WindowFunction } from '../operators/operator.ts'
import { calendarFunctions } from './calendar.ts'
import { changes, resets } from './changes.ts'
import { clamp, clampMax, clampMin, mathFunctions, round } from './elements.ts'
import { histogramFunctions } from './histogram-elements.ts'
import { idelta, irate } from './instant-rate.ts'
import {
  avgOverTime,
  countOverTime,
  firstOverTime,
  lastOverTime,
  maxOverTime,
  minOverTime,
  presentOverTime,
  sumOverTime,
  tsOfFirstOverTime,
  tsOfLastOverTime,
  tsOfMaxOverTime,
  tsOfMinOverTime,
} from './over-time.ts'
import { delta, increase, rate } from './rate.ts'
import {
  madOverTime,
  quantileOverTime,
  stddevOverTime,
  stdvarOverTime,
} from './spread-over-time.ts'
import { deriv, doubleExponentialSmoothing, predictLinear } from './trends.ts'

/** Functions of a range vector. */
export const windowFunctions: ReadonlyMap<string, WindowFunction> = new Map(
  Object.entries({
    absent_over_time: presentOverTime,
    avg_over_time: avgOverTime,
    changes,
    count_over_time: countOverTime,
    delta,
    deriv,
    double_exponential_smoothing: doubleExponentialSmoothing,
    first_over_time: firstOverTime,
    idelta,
    increase,
    irate,
    last_over_time: lastOverTime,
    mad_over_time: madOverTime,
    max_over_time: maxOverTime,
    min_over_time: minOverTime,
    predict_linear: predictLinear,
    present_over_time: presentOverTime,
    quantile_over_time: quantileOverTime,
    rate,
    resets,
    stddev_over_time: stddevOverTime,
    stdvar_over_time: stdvarOverTime,
    sum_over_time: sumOverTime,
    ts_of_first_over_time: tsOfFirstOverTime,
    ts_of_last_over_time: tsOfLastOverTime,
    ts_of_max_over_time: tsOfMaxOverTime,
    ts_of_min_over_time: tsOfMinOverTime,
  }),
)

/** Functions of one sample; histogram_quantile and histogram_fraction also read classic buckets and stand elsewhere. */
export const elementFunctions: ReadonlyMap<string, ElementFunction> = new Map(
  Object.entries({
    ...mathFunctions,
    ...calendarFunctions,
    ...histogramFunctions,
    round,
    clamp,
    clamp_min: clampMin,
    clamp_max: clampMax,
  }),
)
