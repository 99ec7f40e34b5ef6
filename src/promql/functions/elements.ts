// Functions of one float: arithmetic, trigonometry, clamping, rounding. Histogram samples give nothing.
// Source: Prometheus promql/functions.go (simpleFloatFunc and its users).

import type { ElementFunction } from '../operators/operator.ts'

/** An element function of the float alone. */
export function ofFloat(compute: (value: number) => number): ElementFunction {
  return (value, histogram, _scalars, out) => {
    if (histogram === undefined) out.setFloat(compute(value))
  }
}

const sign = (value: number): number => (value < 0 ? -1 : value > 0 ? 1 : value)

/** The functions by name that need no more than a float. */
export const mathFunctions: Readonly<Record<string, ElementFunction>> = {
  abs: ofFloat(Math.abs),
  ceil: ofFloat(Math.ceil),
  floor: ofFloat(Math.floor),
  exp: ofFloat(Math.exp),
  ln: ofFloat(Math.log),
  log2: ofFloat(Math.log2),
  log10: ofFloat(Math.log10),
  sqrt: ofFloat(Math.sqrt),
  sgn: ofFloat(sign),
  sin: ofFloat(Math.sin),
  cos: ofFloat(Math.cos),
  tan: ofFloat(Math.tan),
  asin: ofFloat(Math.asin),
  acos: ofFloat(Math.acos),
  atan: ofFloat(Math.atan),
  sinh: ofFloat(Math.sinh),
  cosh: ofFloat(Math.cosh),
  tanh: ofFloat(Math.tanh),
  asinh: ofFloat(Math.asinh),
  acosh: ofFloat(Math.acosh),
  atanh: ofFloat(Math.atanh),
  rad: ofFloat((value) => (value * Math.PI) / 180),
  deg: ofFloat((value) => (value * 180) / Math.PI),
}

/** round(v, to = 1): to the nearest multiple, halves up. */
export const round: ElementFunction = (value, histogram, [to = 1], out) => {
  if (histogram !== undefined) return
  // The inverse loses fewer digits than dividing twice.
  const inverse = 1 / to
  out.setFloat(Math.floor(value * inverse + 0.5) / inverse)
}

/** clamp(v, min, max): nothing where max < min. */
export const clamp: ElementFunction = (value, histogram, [min, max], out) => {
  if (histogram !== undefined || max! < min!) return
  out.setFloat(largerOf(min!, smallerOf(max!, value)))
}

/** clamp_min(v, min). */
export const clampMin: ElementFunction = (value, histogram, [min], out) => {
  if (histogram === undefined) out.setFloat(largerOf(min!, smallerOf(Infinity, value)))
}

/** clamp_max(v, max). */
export const clampMax: ElementFunction = (value, histogram, [max], out) => {
  if (histogram === undefined) out.setFloat(largerOf(-Infinity, smallerOf(max!, value)))
}

/** max_of(a, b), the larger number: +Inf beats NaN, NaN beats the rest (as Go's math.Max). */
export function largerOf(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b)
}

/** min_of(a, b), the smaller number: -Inf beats NaN, NaN beats the rest (as Go's math.Min). */
export function smallerOf(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b)
}
