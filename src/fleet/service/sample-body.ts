// Samples as a remote write 1.0 body, plain: what every Appendable takes.
// Invariants: labels of a series are in order of name; the stale marker is written as words, because a number may lose
// the bits of a NaN; bytes are written once, into a buffer that grows.
// Units: times in Unix milliseconds, sizes in bytes. Source: prometheus/prompb remote.proto, types.proto.

import { staleHigh, staleLow } from '../../model/index.ts'

const encoder = new TextEncoder()

/** Collects samples and hands them out as a body. */
export class SampleBody {
  #bytes = new Uint8Array(1 << 16)
  #view = new DataView(this.#bytes.buffer)
  #size = 0
  #count = 0

  get sampleCount(): number {
    return this.#count
  }

  /** Adds one sample; `labels` are names and values in turn. `undefined` is the stale marker. Empty values are no labels. */
  add(
    name: string,
    labels: readonly string[],
    value: number | undefined,
    timestampMs: number,
  ): void {
    this.#reserve(1024)
    this.#count++
    this.#bytes[this.#size++] = 0x0a
    const start = this.#begin()
    for (const [label, text] of sortedLabels(name, labels)) this.#addLabel(label, text)
    this.#addSample(value, timestampMs)
    this.#end(start)
  }

  /** The body so far; the next one begins empty. */
  take(): Uint8Array<ArrayBuffer> {
    const body = this.#bytes.slice(0, this.#size)
    this.#size = 0
    this.#count = 0
    return body
  }

  #addLabel(name: string, value: string): void {
    this.#reserve(64 + 3 * (name.length + value.length))
    this.#bytes[this.#size++] = 0x0a
    const start = this.#begin()
    this.#addText(0x0a, name)
    this.#addText(0x12, value)
    this.#end(start)
  }

  #addText(tag: number, text: string): void {
    this.#bytes[this.#size++] = tag
    const start = this.#begin()
    this.#size += encoder.encodeInto(text, this.#bytes.subarray(this.#size)).written
    this.#end(start)
  }

  #addSample(value: number | undefined, timestampMs: number): void {
    this.#reserve(32)
    this.#bytes[this.#size++] = 0x12
    const start = this.#begin()
    this.#bytes[this.#size++] = 0x09
    if (value === undefined) {
      this.#view.setUint32(this.#size, staleLow, true)
      this.#view.setUint32(this.#size + 4, staleHigh, true)
    } else this.#view.setFloat64(this.#size, value, true)
    this.#size += 8
    this.#bytes[this.#size++] = 0x10
    let rest = timestampMs
    while (rest >= 128) {
      this.#bytes[this.#size++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#size++] = rest
    this.#end(start)
  }

  // Lengths are written after what they count, in three bytes of which the first two say that more follow: any reader
  // of varints takes that, and nothing has to be moved.
  #begin(): number {
    const start = this.#size
    this.#size += 3
    return start
  }

  #end(start: number): void {
    const length = this.#size - start - 3
    this.#bytes[start] = (length & 127) | 128
    this.#bytes[start + 1] = ((length >> 7) & 127) | 128
    this.#bytes[start + 2] = (length >> 14) & 127
  }

  #reserve(sizeBytes: number): void {
    if (this.#size + sizeBytes <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#size + sizeBytes))
    larger.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

function sortedLabels(
  name: string,
  labels: readonly string[],
): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [['__name__', name]]
  for (let i = 0; i < labels.length; i += 2)
    if (labels[i + 1] !== '') pairs.push([labels[i]!, labels[i + 1]!])
  return pairs.sort(([one], [other]) => (one < other ? -1 : 1))
}
