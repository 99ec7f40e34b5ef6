// Naive functions over the samples of one window, from the documentation of each.

type Sample = readonly [number, number]

interface Window {
  readonly startMs: number
  readonly endMs: number
  /** Evaluation time. */
  readonly timeMs: number
}

/** The value over at least one sample; undefined where there is none. */
export function windowValue(
  name: string,
  samples: readonly Sample[],
  window: Window,
  scalar: number,
): number | undefined {
  const values = samples.map(([, value]) => value)
  const count = values.length
  const sum = values.reduce((a, b) => a + b, 0)
  const mean = sum / count
  const numbers = values.filter((value) => !Number.isNaN(value))
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / count
  switch (name) {
    case 'rate':
      return growth(samples, window, true, true)
    case 'increase':
      return growth(samples, window, true, false)
    case 'delta':
      return growth(samples, window, false, false)
    case 'irate':
      return lastDifference(samples, true)
    case 'idelta':
      return lastDifference(samples, false)
    case 'sum_over_time':
      return sum
    case 'avg_over_time':
      return mean
    case 'count_over_time':
      return count
    case 'last_over_time':
      return values.at(-1)
    case 'first_over_time':
      return values[0]
    case 'present_over_time':
      return 1
    case 'min_over_time':
      return numbers.length === 0 ? Number.NaN : Math.min(...numbers)
    case 'max_over_time':
      return numbers.length === 0 ? Number.NaN : Math.max(...numbers)
    case 'stdvar_over_time':
      return variance
    case 'stddev_over_time':
      return Math.sqrt(variance)
    case 'quantile_over_time':
      return quantile(scalar, values)
    case 'changes':
      return pairs(values).filter(([a, b]) => !(a === b || (Number.isNaN(a) && Number.isNaN(b))))
        .length
    case 'resets':
      return pairs(values).filter(([a, b]) => b < a).length
    case 'deriv':
      return line(samples, samples[0]![0])?.slope
    case 'predict_linear': {
      const fitted = line(samples, window.timeMs)
      return fitted && fitted.intercept + fitted.slope * scalar
    }
    default:
      throw new Error(`no such function: ${name}`)
  }
}

function pairs(values: readonly number[]): [number, number][] {
  return values.slice(1).map((value, i) => [values[i]!, value])
}

function growth(
  samples: readonly Sample[],
  window: Window,
  isCounter: boolean,
  isRate: boolean,
): number | undefined {
  if (samples.length < 2) return undefined
  const values = samples.map(([, value]) => value)
  const [firstMs, first] = samples[0]!
  const [lastMs, last] = samples.at(-1)!
  let grown = last - first
  if (isCounter) for (const [a, b] of pairs(values)) if (b < a) grown += a
  const sampled = (lastMs - firstMs) / 1000
  const average = sampled / (samples.length - 1)
  let before = (firstMs - window.startMs) / 1000
  let after = (window.endMs - lastMs) / 1000
  if (before >= 1.1 * average) before = average / 2
  if (after >= 1.1 * average) after = average / 2
  if (isCounter && grown > 0 && first >= 0) before = Math.min(before, sampled * (first / grown))
  const whole = grown * ((sampled + before + after) / sampled)
  return isRate ? whole / ((window.endMs - window.startMs) / 1000) : whole
}

function lastDifference(samples: readonly Sample[], isRate: boolean): number | undefined {
  if (samples.length < 2) return undefined
  const [[beforeMs, before], [nowMs, now]] = samples.slice(-2) as [Sample, Sample]
  const difference = isRate && now < before ? now : now - before
  return isRate ? difference / ((nowMs - beforeMs) / 1000) : difference
}

function line(
  samples: readonly Sample[],
  originMs: number,
): { readonly slope: number; readonly intercept: number } | undefined {
  if (samples.length < 2) return undefined
  const [, first] = samples[0]!
  if (samples.every(([, value]) => value === first)) {
    const infinite = Math.abs(first) === Infinity
    return infinite ? { slope: Number.NaN, intercept: Number.NaN } : { slope: 0, intercept: first }
  }
  const xs = samples.map(([t]) => (t - originMs) / 1000)
  const ys = samples.map(([, value]) => value)
  const average = (numbers: readonly number[]): number =>
    numbers.reduce((a, b) => a + b, 0) / numbers.length
  const meanX = average(xs)
  const meanY = average(ys)
  const covariance = average(xs.map((x, i) => (x - meanX) * (ys[i]! - meanY)))
  const slope = covariance / average(xs.map((x) => (x - meanX) ** 2))
  return { slope, intercept: meanY - slope * meanX }
}

/** The φ-quantile; NaN is the smallest value. */
export function quantile(phi: number, values: readonly number[]): number {
  if (Number.isNaN(phi)) return Number.NaN
  if (phi < 0) return -Infinity
  if (phi > 1) return Infinity
  const order = (value: number): number => (Number.isNaN(value) ? -Infinity : value)
  const sorted = values.toSorted((a, b) => order(a) - order(b) || 0)
  const rank = phi * (sorted.length - 1)
  const low = Math.floor(rank)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low]! * (1 - (rank - low)) + sorted[high]! * (rank - low)
}
