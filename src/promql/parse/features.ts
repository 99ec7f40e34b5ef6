// Which experimental parts of the language are on. The defaults are those of Prometheus 3.14.

/** Parts of the grammar that are refused unless turned on; each names its Prometheus feature flag. */
export interface ParserFeatures {
  /** promql-experimental-functions: functions and aggregations marked experimental. */
  readonly experimentalFunctions: boolean
  /** promql-extended-range-selectors: `anchored` and `smoothed`. */
  readonly extendedRangeSelectors: boolean
  /** promql-binop-fill-modifiers: `fill`, `fill_left`, `fill_right`. */
  readonly fillModifiers: boolean
}

/** What Prometheus 3.14 allows without any flag. */
export const defaultParserFeatures: ParserFeatures = {
  experimentalFunctions: false,
  extendedRangeSelectors: false,
  fillModifiers: false,
}

/** Everything the language has. */
export const allParserFeatures: ParserFeatures = {
  experimentalFunctions: true,
  extendedRangeSelectors: true,
  fillModifiers: true,
}
