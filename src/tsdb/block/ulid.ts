// ULIDs: the names of blocks. 48 bits of Unix milliseconds and 80 random bits as 26 characters of Crockford base 32,
// so that names sort by time. Source: https://github.com/ulid/spec.

import { randomBytes as cryptoRandomBytes } from 'node:crypto'
import { assert } from '../../model/index.ts'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const form = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const timeLength = 10

/** Whether `text` is a ULID in its canonical upper-case form. */
export function isUlid(text: string): boolean {
  return form.test(text)
}

/** The creation time of a ULID in Unix milliseconds. */
export function ulidTimeMs(ulid: string): number {
  assert(isUlid(ulid), `${ulid} is not a ULID`)
  let timeMs = 0
  for (let i = 0; i < timeLength; i++) timeMs = timeMs * 32 + alphabet.indexOf(ulid[i]!)
  return timeMs
}

/** Makes the next ULID; each sorts after all that came before from the same factory. */
export type UlidFactory = () => string

/**
 * A monotonic factory: within one millisecond (or when the clock steps back) the random part counts up.
 * `randomBytes` returns that many random bytes.
 */
export function createUlidFactory(
  nowMs: () => number,
  randomBytes: (count: number) => Uint8Array = cryptoRandomBytes,
): UlidFactory {
  let lastMs = -1
  let random = 0n
  return () => {
    const timeMs = nowMs()
    if (timeMs > lastMs) {
      lastMs = timeMs
      // The top bit stays clear, so that counting up within a millisecond cannot run over.
      random = BigInt(`0x${Buffer.from(randomBytes(10)).toString('hex')}`) & ((1n << 79n) - 1n)
    } else {
      random++
    }
    return encode(BigInt(lastMs), timeLength) + encode(random, 16)
  }
}

function encode(value: bigint, length: number): string {
  let rest = value
  let out = ''
  for (let i = 0; i < length; i++) {
    out = alphabet[Number(rest & 31n)]! + out
    rest >>= 5n
  }
  return out
}
