// How Go prints numbers in answers: sample values (shortest, exponent only for very small and very large numbers)
// and times. Source: strconv.FormatFloat(v, 'f', -1) within [1e-6, 1e21), 'e' outside; prometheus/common model.

/** A sample value as the API prints it: 1e-07, +Inf, -0. */
export function formatSampleValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (Object.is(value, -0)) return '-0'
  // Same thresholds as JavaScript; Go writes at least two digits of exponent.
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** A number without exponent, as scalar results and number literals are printed. */
export function formatPlain(value: number): string {
  const text = formatSampleValue(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (match === null) return text
  const digits = match[2]! + (match[3] ?? '')
  const point = 1 + Number(match[4])
  if (point <= 0) return `${match[1]}0.${'0'.repeat(-point)}${digits}`
  return match[1] + digits.padEnd(point, '0')
}

/** Milliseconds as seconds with 0 or exactly 3 decimals: 1435781451.500, 1435781451. */
export function formatSeconds(timestampMs: number): string {
  const whole = Math.trunc(timestampMs / 1000)
  const rest = Math.abs(timestampMs % 1000)
  if (rest === 0) return String(whole)
  const sign = timestampMs < 0 && whole === 0 ? '-' : ''
  return `${sign}${whole}.${String(rest).padStart(3, '0')}`
}
