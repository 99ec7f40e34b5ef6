// Which files a block consists of, and the room they take. Sizes in bytes.

import { join } from 'node:path'
import type { Files } from '../files.ts'

/** Paths of a block's files below its directory: meta, index, tombstones and chunk segments. */
export function blockFilePaths(files: Files, directory: string): string[] {
  const segments = files.list(join(directory, 'chunks')).map((name) => join('chunks', name))
  const single = ['meta.json', 'index', 'tombstones'].filter((name) =>
    files.exists(join(directory, name)),
  )
  return [...single, ...segments]
}

/** The sum of the sizes of a block's files. */
export function blockSizeBytes(files: Files, directory: string): number {
  let total = 0
  for (const path of blockFilePaths(files, directory)) total += sizeOf(files, join(directory, path))
  return total
}

/** The size of a block's index. */
export function indexSizeBytes(files: Files, directory: string): number {
  return sizeOf(files, join(directory, 'index'))
}

function sizeOf(files: Files, path: string): number {
  const file = files.open(path, 'read')
  try {
    return file.sizeBytes()
  } finally {
    file.close()
  }
}
