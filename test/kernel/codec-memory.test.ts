import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createMemory,
  instantiateKernel,
  readSnappyHeader,
  snappyDeflate,
  snappySizeBytesMax,
} from '../../src/kernel/index.ts'

interface Exports {
  inflate(src: number, srcEnd: number, dst: number, dstEnd: number): number
  deflate(src: number, srcEnd: number, dst: number, table: number): number
}

const memory = createMemory(4 * 65_536, 4 * 65_536)
const kernel = instantiateKernel<Exports>('codec', memory)
const bytes = new Uint8Array(memory.buffer)
const canary = 0xa5
const untouched = new Uint8Array(bytes.length).fill(canary)
const src = 65_536
const dst = 2 * 65_536
const table = 3 * 65_536
const tableSizeBytes = 32 * 1024

/** Whether all bytes but those of the input's page, of the output [dst, end) and of the table hold the canary. */
function untouchedOutside(end: number, tableBytes: number): boolean {
  const all = (from: number, to: number): boolean =>
    Buffer.compare(bytes.subarray(from, to), untouched.subarray(from, to)) === 0
  return all(0, src) && all(end, table) && all(table + tableBytes, bytes.length)
}

const body = fc
  .array(
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 20 })),
    {
      maxLength: 20,
    },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts.flatMap(([part, n]) => Array(n).fill(part)))))
  .filter((whole) => whole.length < 30_000)

describe('the codec kernel', () => {
  it('writes nothing outside of the output when it inflates, whatever the block', () => {
    fc.assert(
      fc.property(
        body,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.integer({ min: -20, max: 20 }),
        (whole, changes, extra) => {
          const block = snappyDeflate(whole)
          const { elementsOffset } = readSnappyHeader(block, whole.length)
          for (const [at, byte] of changes) block[at % block.length] = byte
          bytes.fill(canary)
          bytes.set(block, src)
          const outputEnd = dst + Math.max(0, whole.length + extra)
          kernel.inflate(src + elementsOffset, src + block.length, dst, outputEnd)
          expect(Buffer.compare(bytes.slice(src, src + block.length), block)).toBe(0)
          expect(untouchedOutside(outputEnd, 0)).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('writes nothing beyond the largest deflated size, the table apart', () => {
    fc.assert(
      fc.property(body, (whole) => {
        bytes.fill(canary)
        bytes.set(whole, src)
        const end = kernel.deflate(src, src + whole.length, dst, table)
        expect(end - dst).toBeLessThanOrEqual(snappySizeBytesMax(whole.length))
        expect(untouchedOutside(end, tableSizeBytes)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})
