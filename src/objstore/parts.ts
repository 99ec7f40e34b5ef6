// Parts: a stream of pieces of any size as parts of one size, and as one piece. Each part is a buffer of its own.
import { UserError } from '../model/index.ts'

/** Parts of `partSizeBytes`, the last one shorter; throws UserError bad_data where the stream has another size than said. */
export async function* fixedParts(
  stream: AsyncIterable<Uint8Array>,
  partSizeBytes: number,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let restBytes = sizeBytes
  let part = new Uint8Array(Math.min(partSizeBytes, restBytes))
  let filled = 0
  for await (const piece of stream) {
    let rest = piece
    while (rest.length > 0) {
      if (part.length === 0) throw wrongSize(sizeBytes, sizeBytes + rest.length)
      const taken = rest.subarray(0, part.length - filled)
      part.set(taken, filled)
      filled += taken.length
      rest = rest.subarray(taken.length)
      if (filled < part.length) continue
      yield part
      restBytes -= filled
      part = new Uint8Array(Math.min(partSizeBytes, restBytes))
      filled = 0
    }
  }
  if (restBytes > 0) throw wrongSize(sizeBytes, sizeBytes - restBytes + filled)
}

/** All pieces in one. */
export async function gathered(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** The failure of a body that is not as long as announced. */
export function wrongSize(announcedBytes: number, foundBytes: number): UserError {
  return new UserError('bad_data', {
    what: `an object of ${announcedBytes} bytes was announced, its content has ${foundBytes}`,
  })
}
