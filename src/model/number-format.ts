// Numbers as Go prints them: 'f' (never an exponent), %v (an exponent from 1e21 on), %g (from 1e6 on). What the HTTP API
// prints for samples is another rule: kernel/json-numbers.ts.

/** Shortest decimal form without exponent; `+Inf`, `-Inf`, `NaN`, and the sign of -0 is kept. */
export function formatFloatPlain(value: number): string {
  const special = specialForm(value)
  if (special !== undefined) return special
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(String(value))
  if (match === null) return String(value)
  const digits = `${match[2]}${match[3] ?? ''}`
  const pointAt = 1 + Number(match[4])
  if (pointAt <= 0) return `${match[1]}0.${'0'.repeat(-pointAt)}${digits}`
  return `${match[1]}${digits.padEnd(pointAt, '0')}`
}

/** Go's %v: an exponent of at least two digits below 1e-4 and from 1e21 on. */
export function formatFloatShort(value: number): string {
  const special = specialForm(value)
  if (special !== undefined) return special
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 1e21) return formatFloatPlain(value)
  return value.toExponential().replace(/([+-])(\d)$/, '$10$2')
}

function specialForm(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  return undefined
}

/** A double as Go's `%g` writes it: the fewest digits, with an exponent below 1e-4 and from 1e6 on. */
export function formatShortest(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string]
  const exponent = Number(exponentText)
  if (exponent >= -4 && exponent < 6) return String(value)
  const size = Math.abs(exponent)
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${size < 10 ? `0${size}` : size}`
}
