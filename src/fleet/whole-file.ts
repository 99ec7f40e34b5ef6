// Small files that are replaced as a whole or not at all: once `replaceFile` has resolved, the new one survives the loss
// of power; the rest of a replacement that did not end is NAME.tmp, and is not read.

import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CorruptionError } from '../model/index.ts'

/** The text of a file, undefined where there is none. */
export async function readFileIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

/** The value of a file's text. Throws CorruptionError. */
export function parseJsonFile(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CorruptionError({ file: path, offset: 0, expected: 'JSON', found: 'no JSON', cause })
  }
}

/** Replaces a file, or makes it, folders included. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const directory = dirname(path)
  await mkdir(directory, { recursive: true })
  const temporary = `${path}.tmp`
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const folder = await open(directory, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
