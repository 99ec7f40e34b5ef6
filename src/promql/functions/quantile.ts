// Quantiles of numbers by linear interpolation between ranks; NaN is the smallest value.
// Source: Prometheus promql/quantile.go.

/** The φ-quantile; sorts `values` in place. NaN where there are none or φ is NaN, ∓Inf where φ is outside [0, 1]. */
export function quantileOf(quantile: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(quantile)) return Number.NaN
  if (quantile < 0) return -Infinity
  if (quantile > 1) return Infinity
  // Sorted numerically a typed array has its NaNs at the end; ranks count them first.
  values.sort()
  let nanCount = 0
  while (nanCount < values.length && Number.isNaN(values[values.length - 1 - nanCount])) nanCount++
  const at = (rank: number): number => (rank < nanCount ? Number.NaN : values[rank - nanCount]!)
  const rank = quantile * (values.length - 1)
  const low = Math.floor(rank)
  const weight = rank - low
  return at(low) * (1 - weight) + at(Math.min(low + 1, values.length - 1)) * weight
}
