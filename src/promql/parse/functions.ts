// The functions of PromQL 3.14: argument types, arity, result, and which are experimental.
// Source: Prometheus 3.14, docs/querying/functions.md.

import type { FunctionSignature, ValueType } from './ast.ts'

const typeOfLetter: Readonly<Record<string, ValueType>> = {
  V: 'vector',
  M: 'matrix',
  S: 'scalar',
  T: 'string',
}

// One letter an argument: V instant vector, M range vector, S scalar, T string. The number after a `*` is
// `variadic`. Functions return a vector unless the table of scalars says otherwise.
const stable: Readonly<Record<string, string>> = {
  V: 'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad scalar sgn sin sinh sort sort_desc sqrt tan tanh timestamp',
  M: 'absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate last_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time',
  'V*1': 'day_of_month day_of_week day_of_year days_in_month hour minute month year',
  VSS: 'clamp',
  VS: 'clamp_max clamp_min',
  'VS*1': 'round',
  SV: 'histogram_quantile',
  SSV: 'histogram_fraction',
  SM: 'quantile_over_time',
  MS: 'predict_linear',
  VTTTT: 'label_replace',
  'VTTT*-1': 'label_join',
  S: 'vector',
  '': 'pi time',
}

const experimental: Readonly<Record<string, string>> = {
  V: 'start_timestamp',
  M: 'mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time',
  MSS: 'double_exponential_smoothing',
  'VTSS*9': 'histogram_quantiles',
  'VV*1': 'info',
  'VT*-1': 'sort_by_label sort_by_label_desc',
  SS: 'max_of min_of',
  '': 'end range start step',
}

const returnsScalar = new Set('scalar pi time max_of min_of end range start step'.split(' '))

/** Every function by name. */
export const functionSignatures: ReadonlyMap<string, FunctionSignature> = new Map(
  [...signaturesOf(stable, false), ...signaturesOf(experimental, true)].map((signature) => [
    signature.name,
    signature,
  ]),
)

function signaturesOf(
  table: Readonly<Record<string, string>>,
  isExperimental: boolean,
): FunctionSignature[] {
  return Object.entries(table).flatMap(([shape, names]) => {
    const [letters, variadic = '0'] = shape.split('*')
    const argTypes = [...letters!].map((letter) => typeOfLetter[letter]!)
    return names.split(' ').map((name) => ({
      name,
      argTypes,
      variadic: Number(variadic),
      returnType: returnsScalar.has(name) ? ('scalar' as const) : ('vector' as const),
      experimental: isExperimental,
    }))
  })
}
