// Symbol tables and the walk over sections: held or sampled, through windows of any size, the strings are the same.
import { expect, test } from 'vitest'
import { crc32c } from '../../../src/kernel/index.ts'
import { CorruptionError } from '../../../src/model/index.ts'
import type { ByteWindow } from '../../../src/tsdb/block/file-window.ts'
import { SectionReader } from '../../../src/tsdb/block/section-reader.ts'
import { atOnce, readSymbolTable } from '../../../src/tsdb/index.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A file in memory of which a few bytes are present at a time. */
function windowOver(file: Uint8Array, sizeBytes: number): ByteWindow {
  return {
    file: 'index',
    sizeBytes: file.length,
    bytes: new Uint8Array(0),
    base: 0,
    cover(offset, wanted) {
      const end = Math.min(file.length, offset + Math.max(wanted, sizeBytes))
      Object.assign(this, { bytes: file.slice(offset, end), base: offset })
      return 0
    },
    section: (offset, count) => file.slice(offset, offset + count),
  }
}

/** A symbols section after some bytes that are none of it. */
function sectionOf(texts: readonly string[]): Uint8Array {
  const count = new Uint8Array(4)
  new DataView(count.buffer).setUint32(0, texts.length)
  const content = [...count]
  for (const text of texts) {
    const bytes = encoder.encode(text)
    for (let left = bytes.length; ; left = Math.floor(left / 128)) {
      content.push(left < 128 ? left : 128 + (left % 128))
      if (left < 128) break
    }
    content.push(...bytes)
  }
  const file = new Uint8Array(5 + 4 + content.length + 4)
  const view = new DataView(file.buffer)
  view.setUint32(5, content.length)
  file.set(content, 9)
  view.setUint32(9 + content.length, crc32c(file, 9, 9 + content.length, 0))
  return file
}

const texts = Array.from({ length: 1000 }, (_, i) =>
  // Some stretches are too large to be kept.
  i % 100 === 99 ? 'ü'.repeat(20 * i) : i === 0 ? '' : `value-${String(i).padStart(4, '0')}`,
)

test.each([
  ['held', Infinity],
  ['sampled', 0],
])('%s: every string and every pair, in any order', (_, heldSizeBytesMax) => {
  for (const windowSizeBytes of [1, 17, 4096]) {
    const window = windowOver(sectionOf(texts), windowSizeBytes)
    const table = atOnce(readSymbolTable(window, 2, 5, heldSizeBytesMax))
    expect(texts.map((_, ref) => table.text(ref))).toEqual(texts)
    for (let i = 0; i < 3000; i++) {
      const [name, value] = [(i * 7919) % 1000, (i * 104_729) % 1000]
      const { bytes, nameStart, nameEnd, valueStart, valueEnd } = table.pair(name, value)
      expect(decoder.decode(bytes.subarray(nameStart, nameEnd))).toBe(texts[name])
      expect(decoder.decode(bytes.subarray(valueStart, valueEnd))).toBe(texts[value])
    }
    expect(() => table.text(1000)).toThrow(CorruptionError)
    expect(() => table.pair(0, 1023)).toThrow(CorruptionError)
  }
})

test('a sampled table holds a small part of the strings', () => {
  const many = Array.from({ length: 50_000 }, (_, i) => `a-rather-long-value-of-a-label-${i}`)
  const file = sectionOf(many)
  const [held, sampled] = [Infinity, 0].map((bound) =>
    atOnce(readSymbolTable(windowOver(file, 4096), 2, 5, bound)),
  )
  expect(held!.memoryBytes).toBeGreaterThan(file.length)
  expect(sampled!.memoryBytes).toBeLessThan(1.1 * 2 ** 20)
})

test('a byte changed anywhere is corruption', () => {
  const file = sectionOf(texts.slice(0, 40))
  for (let at = 9; at < file.length; at++) {
    const broken = file.slice()
    broken[at]! ^= 1
    expect(() => atOnce(readSymbolTable(windowOver(broken, 64), 2, 5, 0))).toThrow(CorruptionError)
  }
})

test('a section ends where it ends, whatever the window holds beyond', () => {
  const section = new SectionReader(windowOver(Uint8Array.from([1, 2, 3, 4, 5]), 5), 1, 3)
  expect(section.present(10).u8()).toBe(2)
  section.skip(1)
  expect(section.offset).toBe(3)
  expect(() => section.present(1).u8()).toThrow(CorruptionError)
})
