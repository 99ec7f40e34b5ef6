// UTF-8 order and validity: Go compares strings by bytes, JavaScript by UTF-16 units.
// The two differ only where a surrogate meets a unit at or above U+E000.

/** Compares as the UTF-8 bytes of both would compare. Negative, zero or positive. */
export function compareUtf8(a: string, b: string): number {
  const count = Math.min(a.length, b.length)
  for (let i = 0; i < count; i++) {
    const unitA = a.charCodeAt(i)
    const unitB = b.charCodeAt(i)
    if (unitA !== unitB) return orderOf(unitA) - orderOf(unitB)
  }
  return a.length - b.length
}

/** Sorts in place by UTF-8 bytes and returns the same array. */
export function sortUtf8(values: string[]): string[] {
  // Without surrogates the order of units is that of bytes, and the runtime's own is many times faster.
  return values.some(hasSurrogates) ? values.sort(compareUtf8) : values.sort()
}

function hasSurrogates(text: string): boolean {
  return /[\ud800-\udfff]/.test(text)
}

/** Whether the string has no lone surrogate, so that it has a UTF-8 form. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}

// Surrogates stand for code points above U+FFFF, so they sort after every other unit.
function orderOf(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x2800 : unit
}
