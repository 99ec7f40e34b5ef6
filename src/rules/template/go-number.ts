// Numbers as Go's strconv prints them: formats e, f and g, with a precision or the shortest form.

/** 'g' formatting: `precision` significant digits, or undefined for the shortest form that reads back the same. */
export function formatG(value: number, precision?: number, upper = false): string {
  const special = specialForm(value)
  if (special !== undefined) return special
  const significant = precision === 0 ? 1 : precision
  const exact = significant === undefined ? undefined : roundedTo(value, significant)
  const { sign, digits, exponent } = exact ?? decimalOf(value)
  const isShortest = significant === undefined
  let threshold = isShortest ? 6 : significant
  if (!isShortest && threshold > digits.length && digits.length >= exponent + 1)
    threshold = digits.length
  if (exponent < -4 || exponent >= threshold) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    return `${sign}${digits[0]}${fraction}${exponentOf(exponent, upper ? 'E' : 'e')}`
  }
  return `${sign}${placePoint(digits, exponent)}`
}

/** 'e' formatting with `precision` digits after the point, or the shortest form. */
export function formatE(value: number, precision?: number, upper = false): string {
  const special = specialForm(value)
  if (special !== undefined) return special
  const sign = isNegative(value) ? '-' : ''
  const text =
    precision === undefined
      ? Math.abs(value).toExponential()
      : Math.abs(value).toExponential(Math.min(precision, 100))
  const [mantissa, exponent] = text.split('e')
  return `${sign}${mantissa}${exponentOf(Number(exponent), upper ? 'E' : 'e')}`
}

/** 'f' formatting with `precision` digits after the point. */
export function formatF(value: number, precision: number): string {
  const special = specialForm(value)
  if (special !== undefined) return special
  const sign = isNegative(value) ? '-' : ''
  const size = Math.abs(value)
  if (size < 1e21) return `${sign}${size.toFixed(Math.min(precision, 100))}`
  const fraction = precision > 0 ? `.${'0'.repeat(precision)}` : ''
  return `${sign}${BigInt(size)}${fraction}`
}

/** NaN, +Inf and -Inf; undefined for other numbers. */
export function specialForm(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : undefined
}

interface Decimal {
  readonly sign: string
  /** Significant digits, no trailing zeros; the first one stands at 10^exponent. */
  readonly digits: string
  readonly exponent: number
}

function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0)
}

function decimalOf(value: number): Decimal {
  return split(value, Math.abs(value).toExponential())
}

function roundedTo(value: number, significant: number): Decimal {
  return split(value, Math.abs(value).toExponential(Math.min(significant - 1, 100)))
}

function split(value: number, text: string): Decimal {
  const [mantissa, exponent] = text.split('e')
  const digits = mantissa!.replace('.', '').replace(/0+$/, '') || '0'
  return { sign: isNegative(value) ? '-' : '', digits, exponent: Number(exponent) }
}

function exponentOf(exponent: number, letter: string): string {
  const size = String(Math.abs(exponent)).padStart(2, '0')
  return `${letter}${exponent < 0 ? '-' : '+'}${size}`
}

function placePoint(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  if (digits.length <= exponent + 1) return digits.padEnd(exponent + 1, '0')
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}
