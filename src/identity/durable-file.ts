// Small files that survive a power cut: written beside, synced, renamed, the folder synced.

import { randomBytes } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Replaces a file whole: after a cut it has the old text or the new one. */
export async function writeDurably(path: string, text: string, mode = 0o644): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}.tmp`
  const file = await open(beside, 'wx', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
