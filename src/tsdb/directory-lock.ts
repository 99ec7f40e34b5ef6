// Directory lock: one process at a time uses a directory. The holder listens on a unix socket `lock` inside and tells
// its process id to whoever connects; a socket that nobody answers is left over and taken over.
// Invariant: the name `lock` is only ever given by a hard link, which fails where the name exists.

import { closeSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { UserError } from '../model/index.ts'

/** A lock that is held. */
export interface DirectoryLock {
  release(): Promise<void>
}

// A holder that is busy answers late; one that hangs still holds.
const answerMsMax = 2000
const attemptsMax = 5

/** Takes the lock of a directory; throws UserError data_in_use naming the process that has it. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const short = shortPath(directory)
  const own = join(short.path, `lock.${process.pid}.${Math.random().toString(36).slice(2, 8)}`)
  const name = join(short.path, 'lock')
  try {
    const server = await listen(own)
    try {
      await claim(directory, own, name)
    } catch (error) {
      await closed(server)
      throw error
    } finally {
      rmSync(own, { force: true })
    }
    return {
      release: async () => {
        rmSync(join(directory, 'lock'), { force: true })
        await closed(server)
      },
    }
  } finally {
    short.close()
  }
}

async function claim(directory: string, own: string, name: string): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (tryLink(own, name)) return
    await refuseIfAnswered(directory, name)
    // Moved away first and asked again: another process may have claimed the name since.
    const aside = `${own}.stale`
    if (!tryRename(name, aside)) continue
    try {
      await refuseIfAnswered(directory, aside)
    } catch (error) {
      tryLink(aside, name)
      throw error
    } finally {
      rmSync(aside, { force: true })
    }
  }
  throw inUse(directory, 'other processes')
}

async function refuseIfAnswered(directory: string, path: string): Promise<void> {
  const holder = await holderOf(path)
  if (holder !== undefined) throw inUse(directory, holder)
}

function inUse(directory: string, holder: string): UserError {
  return new UserError('data_in_use', {
    what: `the data directory is in use by ${holder}`,
    where: directory,
    fix: 'stop that process, or give this one another --data',
  })
}

// Who listens there; undefined where nobody does.
function holderOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(path)
    socket.setTimeout(answerMsMax, () => {
      socket.destroy()
      resolve('a process that does not answer')
    })
    socket.on('data', (bytes) => {
      text += bytes.toString('utf8')
    })
    socket.on('end', () => resolve(`process ${text.trim()}`))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
          ? undefined
          : `another process (${error.message})`,
      ),
    )
  })
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(`${process.pid}\n`)
    })
    server.once('error', reject)
    server.listen(path, () => resolve(server))
    // The lock alone does not keep a process alive.
    server.unref()
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

// A socket's path has at most 107 bytes; the directory is reached through a descriptor, however deep it lies.
function shortPath(directory: string): { readonly path: string; readonly close: () => void } {
  const descriptor = openSync(directory, 'r')
  return { path: `/proc/self/fd/${descriptor}`, close: () => closeSync(descriptor) }
}
