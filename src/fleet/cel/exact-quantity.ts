// Kubernetes quantities in CEL: exact, in billionths.
// Source: k8s.io/apimachinery resource.Quantity (finer parts are rounded away from zero); k8s.io/apiserver CEL quantity library.

/** A quantity. */
export class ExactQuantity {
  readonly nanos: bigint

  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

const nanosOfOne = 1_000_000_000n
const decimals = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const binaries = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const pattern = /^([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,2})|(n|u|m|k|[KMGTPE]i?))?$/

/** The quantity that a text is, or undefined. */
export function parseExactQuantity(text: string): ExactQuantity | undefined {
  const match = text.length > 100 ? null : pattern.exec(text)
  if (match === null) return undefined
  const [, sign, digits = '', exponent, suffix = ''] = match
  const point = digits.indexOf('.')
  const fractionLength = point < 0 ? 0 : digits.length - point - 1
  const binary = binaries.indexOf(suffix)
  const decimal = decimals.indexOf(suffix)
  if (exponent === undefined && binary < 0 && decimal < 0) return undefined
  const power = exponent === undefined ? (binary < 0 ? 3 * (decimal - 3) : 0) : Number(exponent)
  const whole = BigInt(digits.replace('.', '')) * (binary < 0 ? 1n : 1024n ** BigInt(binary + 1))
  const shift = 9 + power - fractionLength
  const nanos = shift >= 0 ? whole * 10n ** BigInt(shift) : dividedUp(whole, 10n ** BigInt(-shift))
  return new ExactQuantity(sign === '-' ? -nanos : nanos)
}

/** Whether it is a whole number that fits 64 bits. */
export function isWhole({ nanos }: ExactQuantity): boolean {
  const whole = nanos / nanosOfOne
  return nanos % nanosOfOne === 0n && whole === BigInt.asIntN(64, whole)
}

/** The whole number; only where `isWhole`. */
export function wholeOf({ nanos }: ExactQuantity): bigint {
  return nanos / nanosOfOne
}

/** A quantity of a whole number. */
export function quantityOf(whole: bigint): ExactQuantity {
  return new ExactQuantity(whole * nanosOfOne)
}

function dividedUp(value: bigint, by: bigint): bigint {
  return value / by + (value % by === 0n ? 0n : 1n)
}
