// Quantiles of numbers by linear interpolation between ranks; NaN is the smallest value.
// Source: Prometheus promql/quantile.go.

/**
 * The φ-quantile of the first `count` values, which it sorts in place. NaN where there are none or φ is NaN, ∓Inf
 * where φ is outside [0, 1].
 */
export function quantileOf(quantile: number, values: Float64Array, count = values.length): number {
  if (count === 0 || Number.isNaN(quantile)) return Number.NaN
  if (quantile < 0) return -Infinity
  if (quantile > 1) return Infinity
  sortNumbers(values, count)
  // NaNs stand at the end now; ranks count them first.
  let nanCount = 0
  while (nanCount < count && Number.isNaN(values[count - 1 - nanCount]!)) nanCount++
  const rank = quantile * (count - 1)
  const low = Math.floor(rank)
  const weight = rank - low
  const high = Math.min(low + 1, count - 1)
  const lower = low < nanCount ? Number.NaN : values[low - nanCount]!
  const upper = high < nanCount ? Number.NaN : values[high - nanCount]!
  return lower * (1 - weight) + upper * weight
}

// Below this, insertion beats the general sort.
const insertionCountMax = 64

// Ascending, NaN last.
function sortNumbers(values: Float64Array, count: number): void {
  if (count > insertionCountMax) {
    values.subarray(0, count).sort()
    return
  }
  for (let i = 1; i < count; i++) {
    const value = values[i]!
    let at = i
    if (Number.isNaN(value)) continue
    while (at > 0 && !(values[at - 1]! <= value)) {
      values[at] = values[at - 1]!
      at--
    }
    values[at] = value
  }
}
