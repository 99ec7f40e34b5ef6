// Where a number or duration literal ends. What the scan accepts may still be no number ("1_"): literals.ts
// decides that. Both scans tell how far they read, since messages show just that much.
// Source: Prometheus 3.14 promql/parser/lex.go.

/** Whether the text read is one literal, and the index after the last character read. */
export interface Scan {
  readonly accepted: boolean
  readonly end: number
}

/** Scans a decimal or hexadecimal number from `start`. */
export function acceptsNumber(text: string, start: number): Scan {
  let at = start
  let digits = '0123456789'
  const isNext = (set: string) => at < text.length && set.includes(text[at]!)
  const accept = (set: string) => {
    if (!isNext(set)) return false
    at++
    return true
  }
  if (accept('0') && accept('xX')) {
    accept('_')
    digits = '0123456789abcdefABCDEF'
  }
  const isHex = digits.length > 10
  accept('.')
  accept(digits)
  let sawDot = false
  let sawExponent = false
  const refused = (): Scan => ({ accepted: false, end: at })
  while (isNext(digits) || isNext('._eE')) {
    if (sawDot && accept('.')) return refused()
    if (sawExponent && accept('eE')) return refused()
    if (accept('.')) {
      sawDot = true
      if (accept('_.') || isHex) return refused()
    } else if (accept('eE')) {
      sawExponent = true
      accept('+-')
      if (accept('._eE') || at === text.length) return refused()
    } else if (accept('_')) {
      if (accept('._eE') || at === text.length) return refused()
    } else {
      while (accept(digits));
    }
  }
  if (at === start) return refused()
  return { accepted: !isWordChar(text[at]), end: at }
}

/** Scans the rest of a duration whose first digits end at `start`. */
export function acceptsDuration(text: string, start: number): Scan {
  let at = start
  const accept = (set: string) => {
    if (at >= text.length || !set.includes(text[at]!)) return false
    at++
    return true
  }
  if (!accept('smhdwy')) return { accepted: false, end: at }
  accept('s')
  while (accept('0123456789')) {
    while (accept('0123456789'));
    if (!accept('smhdw')) return { accepted: false, end: at }
    accept('s')
  }
  if (isWordChar(text[at])) return { accepted: false, end: at + 1 }
  return { accepted: true, end: at }
}

function isWordChar(char: string | undefined): boolean {
  return char !== undefined && /[A-Za-z0-9_]/.test(char)
}
