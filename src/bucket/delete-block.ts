// Deleting a block from a bucket: meta.json first, so that no reader takes what is left for a whole block, and the
// deletion mark last, so that whoever comes after a crash sees why the rest is there.

import type { Bucket } from '../objstore/index.ts'
import { metaFileName } from '../tsdb/index.ts'

/** The object of a block that says that it is to be deleted, and why. */
export const deletionMarkName = 'deletion-mark.json'

/** Deletes all objects of a block; one that is not there, or only in part, is fine. */
export async function deleteBlock(
  bucket: Bucket,
  ulid: string,
  signal: AbortSignal,
): Promise<void> {
  await bucket.delete(`${ulid}/${metaFileName}`, signal)
  const names: string[] = []
  for await (const entry of bucket.list(`${ulid}/`, 'recursive', signal)) names.push(entry.name)
  const mark = `${ulid}/${deletionMarkName}`
  for (const name of names) if (name !== mark) await bucket.delete(name, signal)
  await bucket.delete(mark, signal)
}

/** Marks a block as one to delete, as Thanos does, unless it is. */
export async function markForDeletion(
  bucket: Bucket,
  ulid: string,
  mark: { readonly details: string; readonly timeMs: number },
  signal: AbortSignal,
): Promise<void> {
  const name = `${ulid}/${deletionMarkName}`
  if ((await bucket.attributes(name, signal)) !== undefined) return
  const { details, timeMs } = mark
  const content = { id: ulid, version: 1, details, deletion_time: Math.floor(timeMs / 1000) }
  await bucket.put(name, Buffer.from(JSON.stringify(content)), signal)
}
