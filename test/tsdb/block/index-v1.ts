// Writes an index of version 1, as Prometheus 2.0 to 2.1 did, for the test of the reader: symbol refs and series ids
// are file offsets, series are not padded, the postings table is in no order.
import { crc32c } from '../../../src/kernel/index.ts'

/** One series of the index; labels sorted by name. */
export interface V1Series {
  readonly labels: readonly (readonly [string, string])[]
  readonly chunks: readonly {
    readonly minTimeMs: number
    readonly maxTimeMs: number
    readonly ref: number
  }[]
}

function uvarint(value: number): number[] {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  return [...out, rest]
}

const u32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255)
const text = (value: string): number[] => {
  const bytes = Buffer.from(value)
  return [...uvarint(bytes.length), ...bytes]
}
const crc = (bytes: readonly number[]): number[] => {
  return u32(crc32c(Uint8Array.from(bytes), 0, bytes.length))
}

/** The file's bytes. */
export function indexV1(series: readonly V1Series[]): Uint8Array {
  const out: number[] = [...u32(0xbaaad700), 1]
  const section = (body: readonly number[]): void => {
    out.push(...u32(body.length), ...body, ...crc(body))
  }
  const symbols = [...new Set(series.flatMap(({ labels }) => labels.flat()))].sort()
  const refs = new Map<string, number>()
  const symbolsAt = out.length
  const body = u32(symbols.length)
  for (const symbol of symbols) {
    refs.set(symbol, symbolsAt + 4 + body.length)
    body.push(...text(symbol))
  }
  section(body)
  const seriesAt = out.length
  const lists = new Map<string, number[]>([['\0', []]])
  for (const { labels, chunks } of series) {
    const id = out.length
    const entry = uvarint(labels.length)
    lists.get('\0')!.push(id)
    for (const [name, value] of labels) {
      entry.push(...uvarint(refs.get(name)!), ...uvarint(refs.get(value)!))
      const key = `${name}\0${value}`
      lists.set(key, [...(lists.get(key) ?? []), id])
    }
    entry.push(...uvarint(chunks.length))
    chunks.forEach(({ minTimeMs, maxTimeMs, ref }, i) => {
      const before = chunks[i - 1]
      entry.push(...uvarint(before === undefined ? 2 * minTimeMs : minTimeMs - before.maxTimeMs))
      entry.push(...uvarint(maxTimeMs - minTimeMs))
      entry.push(...uvarint(before === undefined ? ref : 2 * (ref - before.ref)))
    })
    out.push(...uvarint(entry.length), ...entry, ...crc(entry))
  }
  const postingsAt = out.length
  const table = u32(lists.size)
  for (const [key, ids] of [...lists].reverse()) {
    while (out.length % 4 !== 0) out.push(0)
    const [name, value] = key.split('\0') as [string, string]
    table.push(2, ...text(name), ...text(value), ...uvarint(out.length))
    section([...u32(ids.length), ...ids.flatMap(u32)])
  }
  const tableAt = out.length
  section(table)
  const toc = [symbolsAt, seriesAt, postingsAt, tableAt, postingsAt, tableAt].flatMap((offset) => [
    ...u32(0),
    ...u32(offset),
  ])
  return Uint8Array.from([...out, ...toc, ...crc(toc)])
}
