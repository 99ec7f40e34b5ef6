// Recorded disk: what the filesystem bucket needs of node:fs/promises to write, over recording files.
import { dirname } from 'node:path'
import type { OpenFile } from '../../src/tsdb/index.ts'
import { DiskError, RecordingFiles, randomOf } from '../tsdb/recording-files.ts'

/** The disk that `recordedPromises` work on; a test puts its own here. */
export const disk = { files: new RecordingFiles(randomOf(1)) }

/** In the place of node:fs/promises. */
export const recordedPromises = {
  open: async (path: string, flags: string) => {
    if (isDirectory(path))
      return { sync: async () => disk.files.syncDirectory(path), close: async () => undefined }
    const file = disk.files.open(path, flags === 'w' ? 'write' : 'read')
    if (flags === 'w' && file.sizeBytes() > 0) file.truncate(0)
    return handleOf(file)
  },
  mkdir: async (path: string) => {
    let first: string | undefined
    for (let at = path; !disk.files.exists(at); at = dirname(at)) first = at
    disk.files.makeDirectory(path)
    return first
  },
  rename: async (from: string, to: string) => {
    if (!isDirectory(dirname(to))) throw new DiskError('ENOENT')
    disk.files.rename(from, to)
  },
  link: async (from: string, to: string) => {
    if (!isDirectory(dirname(to))) throw new DiskError('ENOENT')
    if (disk.files.exists(to)) throw new DiskError('EEXIST')
    disk.files.link(from, to)
  },
  rm: async (path: string) => disk.files.remove(path),
  rmdir: async (path: string) => {
    if (disk.files.list(path).length > 0) throw new DiskError('ENOTEMPTY')
    disk.files.remove(path)
  },
  stat: async (path: string) => {
    if (!disk.files.exists(path)) throw new DiskError('ENOENT')
    const isFile = !isDirectory(path)
    const size = isFile ? disk.files.open(path, 'read').sizeBytes() : 0
    return { isFile: () => isFile, size, mtimeMs: 0 }
  },
  readdir: async (named: string) => {
    const path = named.replace(/\/$/, '')
    if (!disk.files.exists(path)) throw new DiskError('ENOENT')
    return disk.files
      .list(path)
      .map((name) => ({ name, isDirectory: () => isDirectory(`${path}/${name}`) }))
  },
}

function isDirectory(path: string): boolean {
  return disk.files.isDirectory(path)
}

function handleOf(file: OpenFile) {
  let position = 0
  return {
    write: async (bytes: Uint8Array, offset: number, sizeBytes: number) => {
      // Less than asked for, as a disk may do.
      const part = bytes.subarray(offset, offset + Math.min(sizeBytes, 1500))
      file.write([part], position)
      position += part.length
      return { bytesWritten: part.length }
    },
    sync: async () => file.sync(),
    close: async () => file.close(),
  }
}
