// Stale markers and NaN bits. A stale marker is one exact signalling NaN; a JavaScript number may lose its
// payload when it leaves a typed array, so staleness is always read from the bits of a column.
// Source: Prometheus model/value/value.go.

/** High word of the stale marker 0x7ff0000000000002. */
export const staleHigh = 0x7ff00000
/** Low word of the stale marker 0x7ff0000000000002. */
export const staleLow = 2
/** High word of the NaN that Prometheus itself produces, 0x7ff8000000000001. */
export const normalNanHigh = 0x7ff80000
/** Low word of the NaN that Prometheus itself produces. */
export const normalNanLow = 1

/** Whether entry `index` of a Float64Array is a stale marker; `words` is the Uint32Array over the same bytes. */
export function isStaleAt(words: Uint32Array, index: number): boolean {
  return words[2 * index] === staleLow && words[2 * index + 1] === staleHigh
}

/** Writes a stale marker into entry `index` of a Float64Array through `words` over the same bytes. */
export function writeStaleAt(words: Uint32Array, index: number): void {
  words[2 * index] = staleLow
  words[2 * index + 1] = staleHigh
}

/** The words of a Float64Array: little-endian hosts only, which are all that Node supports here. */
export function wordsOf(column: Float64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2)
}
