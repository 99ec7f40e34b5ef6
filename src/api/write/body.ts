// Write bodies, read by hand: one buffer with a memory of its own, so that it can be handed to another thread.
// Bounds: size, and the time between the first and the last byte.

import type { Readable } from 'node:stream'
import { UserError } from '../../model/index.ts'

/** What a body may cost. */
export interface BodyBounds {
  readonly sizeBytesMax: number
  /** From now to the last byte. */
  readonly timeoutMs: number
  /** Content-Length, if known: the buffer is then allocated once. */
  readonly declaredSizeBytes: number | undefined
}

const firstSizeBytes = 64 * 1024
// What a length alone, with no byte sent, may make us allocate.
const declaredSizeBytesTrusted = 4 * 1024 * 1024

/**
 * Reads a body to its end. Rejects with UserError body_too_large, timeout (the sender is too slow) or canceled
 * (it went away); the rest of the body is then read and thrown away, so that the answer still reaches it.
 */
export function readBody(source: Readable, bounds: BodyBounds): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const declared = bounds.declaredSizeBytes ?? firstSizeBytes
    let buffer: Buffer = Buffer.allocUnsafeSlow(Math.min(declared, declaredSizeBytesTrusted))
    let sizeBytes = 0
    const onData = (chunk: Buffer): void => {
      const needed = sizeBytes + chunk.length
      if (needed > bounds.sizeBytesMax) {
        fail(tooLarge(bounds.sizeBytesMax))
        return
      }
      if (needed > buffer.length) buffer = grown(buffer, sizeBytes, needed)
      chunk.copy(buffer, sizeBytes)
      sizeBytes = needed
    }
    const onEnd = (): void => {
      stop()
      resolve(buffer.subarray(0, sizeBytes))
    }
    const onClose = (): void => fail(new UserError('canceled', { what: 'the sender went away' }))
    const timer = setTimeout(() => {
      const what = `the body did not arrive within ${bounds.timeoutMs} ms`
      fail(new UserError('timeout', { what, fix: 'retry, or send smaller requests' }))
    }, bounds.timeoutMs)
    const stop = (): void => {
      clearTimeout(timer)
      source.off('data', onData).off('end', onEnd).off('close', onClose)
    }
    // The error listener stays: a socket that breaks after we have answered must not end the process.
    source.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
    function fail(error: UserError): void {
      stop()
      source.resume()
      reject(error)
    }
  })
}

function grown(buffer: Buffer, usedBytes: number, neededBytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(neededBytes, 2 * buffer.length))
  buffer.copy(larger, 0, 0, usedBytes)
  return larger
}

function tooLarge(sizeBytesMax: number): UserError {
  return new UserError('body_too_large', {
    what: `the body has more than ${sizeBytesMax} bytes`,
    fix: 'send smaller requests or raise limits.bodySize',
  })
}
