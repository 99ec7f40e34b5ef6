import { describe, expect, it } from 'vitest'
import { crc32c } from '../../src/kernel/index.ts'

describe('crc32c', () => {
  it('gives the check value of the Castagnoli polynomial', () => {
    const bytes = new TextEncoder().encode('123456789')
    expect(crc32c(bytes, 0, 9)).toBe(0xe3069283)
  })

  it('gives the values of RFC 3720 for 32 bytes', () => {
    expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(255), 0, 32)).toBe(0x62a8ab43)
    expect(
      crc32c(
        Uint8Array.from({ length: 32 }, (_, i) => i),
        0,
        32,
      ),
    ).toBe(0x46dd794e)
  })

  it('of two halves, the first as seed, is that of the whole', () => {
    const bytes = Uint8Array.from({ length: 101 }, (_, i) => (i * 37) & 255)
    for (let middle = 0; middle <= 101; middle++)
      expect(crc32c(bytes, middle, 101, crc32c(bytes, 0, middle))).toBe(crc32c(bytes, 0, 101))
  })

  it('of nothing is zero', () => {
    expect(crc32c(new Uint8Array(4), 2, 2)).toBe(0)
  })
})
