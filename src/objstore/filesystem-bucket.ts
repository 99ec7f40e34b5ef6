// Filesystem bucket: objects as files below a directory, as Thanos' FILESYSTEM type lays them out.
// A new object is written beside, synced and renamed; directories exist while they hold something.
// Limit: "a" and "a/b" cannot both be objects here.

import { createReadStream, type Dirent } from 'node:fs'
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { compareUtf8, UserError } from '../model/index.ts'
import {
  type Bucket,
  bodySizeBytes,
  bodyStream,
  checkObjectName,
  type ListDepth,
  type ListEntry,
  type ObjectAttributes,
  type ObjectBody,
  objectNotFound,
} from './bucket.ts'
import { wrongSize } from './parts.ts'

// Names of unfinished objects: at the top, so that they need no directory of their own.
const unfinishedPrefix = '.unfinished-'
// What nobody has written to for so long, a crash left: a process that still writes does so within seconds.
const unfinishedMsMax = 86_400_000

/** A bucket in a directory, which is created when the first object is. */
export class FilesystemBucket implements Bucket {
  readonly description: string
  readonly #directory: string
  #lastUnfinished = 0

  constructor(directory: string) {
    this.#directory = directory
    this.description = `FILESYSTEM ${directory}`
  }

  async get(name: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const handle = await this.#open(name)
    const options = signal === undefined ? {} : { signal }
    return createReadStream('', { fd: handle, highWaterMark: 1 << 18, ...options })
  }

  async getRange(name: string, offset: number, sizeBytes: number): Promise<Uint8Array> {
    const handle = await this.#open(name)
    try {
      const room = Math.max(0, (await handle.stat()).size - offset)
      const bytes = new Uint8Array(Math.min(sizeBytes, room))
      let count = 0
      while (count < bytes.length) {
        const { bytesRead } = await handle.read(bytes, count, bytes.length - count, offset + count)
        if (bytesRead === 0) break
        count += bytesRead
      }
      return bytes.subarray(0, count)
    } finally {
      await handle.close()
    }
  }

  async put(name: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    await this.#finish(name, body, signal, async (unfinished, path) => rename(unfinished, path))
  }

  async putIfAbsent(name: string, body: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#finish(name, body, signal, link)
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
  }

  async *list(prefix: string, depth: ListDepth): AsyncGenerator<ListEntry> {
    // No object has such a name, and the directory above is none of ours.
    if (prefix.split('/').includes('..')) return
    const slash = prefix.lastIndexOf('/')
    yield* this.#walk(prefix.slice(0, slash + 1), prefix.slice(slash + 1), depth)
  }

  async attributes(name: string): Promise<ObjectAttributes | undefined> {
    try {
      const found = await stat(this.#pathOf(name))
      if (!found.isFile()) return undefined
      return { sizeBytes: found.size, modifiedMs: Math.floor(found.mtimeMs) }
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }

  async delete(name: string): Promise<void> {
    const path = this.#pathOf(name)
    // A directory is no object; `rm` without `recursive` refuses it, as it should.
    if ((await this.attributes(name)) === undefined) return
    await rm(path, { force: true })
    let directory = dirname(path)
    await syncDirectory(directory)
    while (directory !== this.#directory && (await removedEmpty(directory)))
      directory = dirname(directory)
  }

  close(): void {}

  #pathOf(name: string): string {
    return join(this.#directory, checkObjectName(name))
  }

  async #open(name: string): Promise<FileHandle> {
    try {
      const handle = await open(this.#pathOf(name), 'r')
      if ((await handle.stat()).isFile()) return handle
      await handle.close()
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
    throw objectNotFound(this.description, name)
  }

  // Writes beside the place, then lets `place` give the name.
  async #finish(
    name: string,
    body: ObjectBody,
    signal: AbortSignal | undefined,
    place: (unfinished: string, path: string) => Promise<void>,
  ): Promise<void> {
    const path = this.#pathOf(name)
    const unfinished = join(
      this.#directory,
      `${unfinishedPrefix}${process.pid}-${++this.#lastUnfinished}`,
    )
    await this.#makeOwnDirectory()
    await this.#removeLeftOver()
    try {
      await writeSynced(unfinished, body, signal)
      await this.#placeInDirectory(unfinished, path, place)
      await this.#syncUpwards(dirname(path))
    } catch (error) {
      throw this.#failure(error)
    } finally {
      await rm(unfinished, { force: true })
    }
  }

  async #makeOwnDirectory(): Promise<void> {
    const first = await mkdir(this.#directory, { recursive: true })
    if (first === undefined) return
    for (let directory = this.#directory; directory !== dirname(first); ) {
      directory = dirname(directory)
      await syncDirectory(directory)
    }
  }

  // Before the first object of this process: files of crashes. Other processes may be writing theirs.
  async #removeLeftOver(): Promise<void> {
    if (this.#lastUnfinished > 1) return
    for (const { name } of await readdir(this.#directory, { withFileTypes: true })) {
      if (!name.startsWith(unfinishedPrefix)) continue
      const path = join(this.#directory, name)
      try {
        const { mtimeMs } = await stat(path)
        if (mtimeMs < Date.now() - unfinishedMsMax) await rm(path, { force: true })
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
    }
  }

  // A deletion may take the directory away between making and using it.
  async #placeInDirectory(
    unfinished: string,
    path: string,
    place: (unfinished: string, path: string) => Promise<void>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await mkdir(dirname(path), { recursive: true })
      try {
        return await place(unfinished, path)
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || attempt === 5) throw error
      }
    }
  }

  async #syncUpwards(from: string): Promise<void> {
    for (let directory = from; ; directory = dirname(directory)) {
      await syncDirectory(directory)
      if (directory === this.#directory) return
    }
  }

  async *#walk(directory: string, start: string, depth: ListDepth): AsyncGenerator<ListEntry> {
    for (const entry of await sortedEntries(join(this.#directory, directory), start)) {
      const name = directory + entry.name
      if (directory === '' && entry.name.startsWith(unfinishedPrefix)) continue
      if (!entry.isDirectory()) {
        const attributes = await this.attributes(name)
        if (attributes !== undefined) yield { kind: 'object', name, ...attributes }
      } else if (depth === 'recursive') {
        yield* this.#walk(`${name}/`, '', depth)
      } else if (await this.#holdsObject(`${name}/`)) {
        yield { kind: 'prefix', name: `${name}/` }
      }
    }
  }

  async #holdsObject(directory: string): Promise<boolean> {
    for await (const _ of this.#walk(directory, '', 'recursive')) return true
    return false
  }

  #failure(error: unknown): unknown {
    if (error instanceof Error && error.name === 'AbortError')
      return new UserError('canceled', { what: 'the upload was canceled', cause: error })
    const code = codeOf(error)
    if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
    return new UserError('disk_full', {
      what: 'the disk of the bucket is full',
      where: this.description,
      fix: 'make space',
      cause: error,
    })
  }
}

async function writeSynced(path: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
  const handle = await open(path, 'w')
  const announcedBytes = bodySizeBytes(body)
  let sizeBytes = 0
  try {
    for await (const piece of bodyStream(body)) {
      signal?.throwIfAborted()
      await writeAll(handle, piece)
      sizeBytes += piece.length
    }
    if (sizeBytes !== announcedBytes) throw wrongSize(announcedBytes, sizeBytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let offset = 0
  while (offset < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, offset, bytes.length - offset)
    offset += bytesWritten
  }
}

// In the order of the full names: a directory sorts as its name with the slash.
async function sortedEntries(directory: string, start: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    const key = (entry: Dirent): string => (entry.isDirectory() ? `${entry.name}/` : entry.name)
    return entries
      .filter((entry) => key(entry).startsWith(start))
      .sort((a, b) => compareUtf8(key(a), key(b)))
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    // Emptied and removed by a deletion meanwhile.
    if (!isAbsent(error)) throw error
  }
}

async function removedEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory)
    return true
  } catch {
    return false
  }
}

function isAbsent(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
