// How many elements an OTLP body holds, before anything is allocated for them: two bytes on the wire may become an
// object of a hundred, and one packed byte a 64-bit integer or a whole bucket series.
// Units: an element is a field, or a member of a packed list; a bucket with explicit bounds counts eight times.
// Invariants: never less than what decoding allocates; what cannot be read is counted by its bytes.

/** The fields of a message that need a closer look, by field number. */
interface Shape {
  readonly messages?: Readonly<Record<number, () => Shape>>
  /** Elements per byte of a packed list. */
  readonly packed?: Readonly<Record<number, number>>
}

const anyValue = (): Shape => ({
  messages: { 5: () => ({ messages: { 1: anyValue } }), 6: () => ({ messages: { 1: keyValue } }) },
})
const keyValue = (): Shape => keyValueShape
const keyValueShape: Shape = { messages: { 2: anyValue } }
const exemplarShape: Shape = { messages: { 7: keyValue } }
const exemplar = (): Shape => exemplarShape
const bucketsShape: Shape = { packed: { 2: 1 } }
const buckets = (): Shape => bucketsShape

const number: Shape = { messages: { 5: exemplar, 7: keyValue } }
const explicit: Shape = { messages: { 8: exemplar, 9: keyValue }, packed: { 6: 1, 7: 1 / 8 } }
const exponential: Shape = { messages: { 1: keyValue, 8: buckets, 9: buckets, 11: exemplar } }
const summary: Shape = { messages: { 7: keyValue } }

function dataOf(point: Shape): () => Shape {
  const shape = { messages: { 1: () => point } }
  return () => shape
}

const metric: Shape = {
  messages: {
    5: dataOf(number),
    7: dataOf(number),
    9: dataOf(explicit),
    10: dataOf(exponential),
    11: dataOf(summary),
  },
}
const scope: Shape = { messages: { 3: keyValue } }
const scopeMetrics: Shape = { messages: { 1: () => scope, 2: () => metric } }
const resource: Shape = { messages: { 1: keyValue } }
const resourceMetrics: Shape = { messages: { 1: () => resource, 2: () => scopeMetrics } }
const request: Shape = { messages: { 1: () => resourceMetrics } }

// Deeper nesting than any decoder takes.
const depthMax = 128

/** Counts the elements of an ExportMetricsServiceRequest; stops soon after `max`. */
export function countElements(body: Uint8Array, max: number): number {
  const walk = new Walk(body, max)
  walk.message(0, body.length, request, 0)
  return walk.count
}

class Walk {
  count = 0
  readonly #bytes: Uint8Array
  readonly #max: number
  #offset = 0

  constructor(bytes: Uint8Array, max: number) {
    this.#bytes = bytes
    this.#max = max
  }

  message(from: number, to: number, shape: Shape, depth: number): void {
    this.#offset = from
    while (this.#offset < to && this.count <= this.#max) {
      this.count++
      const tag = this.#varint(to)
      const field = Math.floor(tag / 8)
      const wireType = tag % 8
      if (wireType === 0) this.#varint(to)
      else if (wireType === 1) this.#offset += 8
      else if (wireType === 5) this.#offset += 4
      else if (wireType === 2) this.#delimited(to, field, shape, depth)
      else this.#unreadable(to)
    }
  }

  #delimited(to: number, field: number, shape: Shape, depth: number): void {
    const size = this.#varint(to)
    const end = this.#offset + size
    if (end > to || depth > depthMax) {
      this.#unreadable(to)
      return
    }
    const inner = shape.messages?.[field]
    if (inner !== undefined) this.message(this.#offset, end, inner(), depth + 1)
    this.count += size * (shape.packed?.[field] ?? 0)
    this.#offset = end
  }

  #varint(to: number): number {
    let value = 0
    for (let shift = 0; shift < 70 && this.#offset < to; shift += 7) {
      const byte = this.#bytes[this.#offset++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    this.#unreadable(to)
    return 0
  }

  #unreadable(to: number): void {
    this.count += Math.max(0, to - this.#offset)
    this.#offset = to
  }
}
