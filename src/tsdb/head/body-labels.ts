// Labels of a series in a decoded body, as strings: the slow path of series that the lookup does not know.
// Throws where the protobufjs reader would: lengths, wire types and UTF-8 are checked by it wherever the bytes are not
// of the plain form that senders write.

import { io, prometheus } from '../../encoding/index.ts'
import type { DecodedBody } from '../../kernel/index.ts'
import { seriesBadRefs } from '../../kernel/index.ts'
import { type Label, UserError } from '../../model/index.ts'
import type { LabelCache } from './label-cache.ts'

/** Reads labels of one body. `undefined` = the refs of version 2 are odd in number or name no symbol. */
export class BodyLabels {
  readonly #body: DecodedBody
  readonly #cache: LabelCache
  readonly #text: Buffer
  /** By place in a series: the label that stood there last, and its bytes. */
  readonly #before: { start: number; stop: number; label: Label }[] = []
  readonly #symbols: (string | undefined)[] = []

  constructor(body: DecodedBody, cache: LabelCache) {
    this.#body = body
    this.#cache = cache
    this.#text = Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.length)
  }

  /** The labels of series `index` as sent. Throws UserError bad_data when its bytes are no labels. */
  read(index: number): Label[] | undefined {
    const start = this.#body.seriesRanges[2 * index]!
    const end = this.#body.seriesRanges[2 * index + 1]!
    if (this.#body.version === 1) return this.#readPlain(start, end) ?? this.#decode(start, end)
    if ((this.#body.seriesFlags[index]! & seriesBadRefs) !== 0) return undefined
    const series = io.prometheus.write.v2.TimeSeries.decode(this.#body.bytes.slice(start, end))
    return this.resolve(series.labelsRefs)
  }

  /** The labels that refs of version 2 name; undefined where they do not. */
  resolve(refs: readonly number[]): Label[] | undefined {
    if (refs.length % 2 !== 0 || refs.some((ref) => ref >= this.#body.symbolCount)) return undefined
    const labels: Label[] = []
    for (let i = 0; i < refs.length; i += 2)
      labels.push({ name: this.symbol(refs[i]!), value: this.symbol(refs[i + 1]!) })
    return labels
  }

  /** Symbol `ref`, '' where there is none. */
  symbol(ref: number): string {
    const known = this.#symbols[ref]
    if (known !== undefined) return known
    if (ref >= this.#body.symbolCount) return ''
    const start = this.#body.symbols[8 * ref + 4]!
    const text = this.#text.toString('utf8', start, start + this.#body.symbols[8 * ref + 5]!)
    this.#symbols[ref] = text
    return text
  }

  // Labels first, each name then value, sizes of one or two bytes, ASCII: what nearly every sender writes. Two bytes are
  // not rare: the cgroup path of a container's series is longer than 127.
  #readPlain(start: number, end: number): Label[] | undefined {
    const bytes = this.#text
    const labels: Label[] = []
    let at = start
    while (at < end && bytes[at] === 10) {
      const size = this.#smallSize(at + 1)
      const name = at + (size < 128 ? 2 : 3)
      const stop = name + size
      if (size < 0 || stop > end || bytes[name] !== 10 || bytes[name + 1]! >= 128) return undefined
      const value = name + 2 + bytes[name + 1]!
      if (value + 2 > stop || bytes[value] !== 18) return undefined
      const valueSize = this.#smallSize(value + 1)
      const text = value + (valueSize < 128 ? 2 : 3)
      if (valueSize < 0 || text + valueSize !== stop) return undefined
      const label = this.#labelAt(labels.length, at, name + 2, value, text, stop)
      if (label === undefined) return undefined
      labels.push(label)
      at = stop
    }
    return this.#noMoreLabels(at, end) ? labels : undefined
  }

  // A size below 2^14 in as few bytes as it needs; negative for all others.
  #smallSize(at: number): number {
    const low = this.#text[at]!
    if (low < 128) return low
    const high = this.#text[at + 1]!
    return high < 128 && high > 0 ? (low & 127) | (high << 7) : -1
  }

  // Most labels are those of the series before, at the same place: comparing bytes is cheaper than making a string.
  #labelAt(
    place: number,
    start: number,
    name: number,
    value: number,
    valueText: number,
    stop: number,
  ): Label | undefined {
    const before = this.#before[place]
    if (before !== undefined && this.#isSame(before.start, before.stop, start, stop))
      return before.label
    const text = this.#text.toString('latin1', start, stop)
    let label = this.#cache.get(text)
    if (label === undefined) {
      // Only what is ASCII enters the cache: the bytes of anything else are no text in this encoding.
      if (!isAscii(this.#text, name, value) || !isAscii(this.#text, valueText, stop)) return
      const [nameText, own] = [this.#slice(name, value), this.#slice(valueText, stop)]
      label = this.#cache.add(text, nameText, own)
    }
    this.#before[place] = { start, stop, label }
    return label
  }

  #isSame(otherStart: number, otherStop: number, start: number, stop: number): boolean {
    if (otherStop - otherStart !== stop - start) return false
    const bytes = this.#text
    // From the end: what differs is mostly a number there.
    for (let i = stop - 1, j = otherStop - 1; i >= start; i--, j--)
      if (bytes[i] !== bytes[j]) return false
    return true
  }

  #slice(start: number, stop: number): string {
    return this.#text.toString('latin1', start, stop)
  }

  // Whether only samples and other fields with a size of one byte follow.
  #noMoreLabels(start: number, end: number): boolean {
    const bytes = this.#text
    let at = start
    while (at < end) {
      const tag = bytes[at]!
      if (tag !== 18 && tag !== 26 && tag !== 34) return false
      if (bytes[at + 1]! >= 128) return false
      at += 2 + bytes[at + 1]!
    }
    return at === end
  }

  #decode(start: number, end: number): Label[] {
    try {
      // A copy: a text decoder does not read shared memory.
      const bytes = this.#body.bytes.slice(start, end)
      const series = decodeAtDepth<prometheus.TimeSeries>(prometheus.TimeSeries, bytes, 1)
      return (series.labels ?? []).map(({ name, value }) => ({
        name: name ?? '',
        value: value ?? '',
      }))
    } catch (cause) {
      throw badData('labels', start, cause)
    }
  }
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let all = 0
  for (let i = start; i < end; i++) all |= bytes[i]!
  return all < 128
}

/** A body that is not what its content type says. */
export function badData(what: string, offset: number, cause: unknown): UserError {
  return new UserError('bad_data', {
    what: `the body holds ${what} that cannot be decoded: ${cause instanceof Error ? cause.message : String(cause)}`,
    where: `byte ${offset}`,
    cause,
  })
}

/** Decodes a message that stands `depth` levels deep in a body: nested groups count towards the reader's limit. */
export function decodeAtDepth<T>(type: unknown, bytes: Uint8Array, depth: number, into?: T): T {
  return (type as DeepDecoder<T>).decode(bytes, undefined, undefined, depth, into)
}

interface DeepDecoder<T> {
  decode(reader: Uint8Array, length?: number, end?: undefined, depth?: number, into?: T): T
}
