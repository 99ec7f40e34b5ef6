// Data directory: what `--data` names: its layout, its format version, and that one process at a time uses it.
// Drawn in docs/formats/data-directory.md.

import { join } from 'node:path'
import { CorruptionError, UserError } from '../model/index.ts'
import { lockDirectory } from './directory-lock.ts'
import { type Files, nodeFiles, readWhole, writeDurably } from './files.ts'

/** The layout version that this program writes. */
export const dataVersion = 1

/** Brings a directory from version `from` to `from + 1`. Runs under the lock; may be repeated after a crash. */
export interface Migration {
  readonly from: number
  readonly run: (directory: string, files: Files) => void
}

/** An open data directory. */
export interface DataDirectory {
  readonly path: string
  /** The log of a lane; created when the log is opened. */
  laneDirectory(lane: number): string
  /** Lanes that left a log, ascending: with another lane count than before these have to be replayed too. */
  lanesOnDisk(): number[]
  /** Blocks as TENANT/ULID below it. */
  readonly blocksDirectory: string
  /** The default FILESYSTEM bucket. */
  readonly bucketDirectory: string
  /** Scratch space, emptied at every start. */
  readonly temporaryDirectory: string
  /** Lets other processes in. */
  close(): Promise<void>
}

/**
 * Opens or creates a data directory. Throws UserError data_in_use (naming the process), data_too_new, or bad_config
 * where the directory is somebody else's.
 */
export async function openDataDirectory(
  path: string,
  migrations: readonly Migration[] = [],
): Promise<DataDirectory> {
  nodeFiles.makeDirectory(path)
  const lock = await lockDirectory(path)
  try {
    adopt(path, migrations)
  } catch (error) {
    await lock.release()
    throw error
  }
  const walDirectory = join(path, 'wal')
  return {
    path,
    laneDirectory: (lane) => join(walDirectory, `lane-${lane}`),
    lanesOnDisk: () =>
      nodeFiles
        .list(walDirectory)
        .flatMap((name) => (/^lane-\d+$/.test(name) ? [Number(name.slice(5))] : []))
        .sort((a, b) => a - b),
    blocksDirectory: join(path, 'blocks'),
    bucketDirectory: join(path, 'bucket'),
    temporaryDirectory: join(path, 'tmp'),
    close: () => lock.release(),
  }
}

function adopt(path: string, migrations: readonly Migration[]): void {
  const formatPath = join(path, 'format.json')
  if (!nodeFiles.exists(formatPath)) {
    refuseForeign(path)
    writeVersion(formatPath, dataVersion)
  }
  let version = readVersion(formatPath)
  if (version > dataVersion)
    throw new UserError('data_too_new', {
      what: `the data has format version ${version}, this program knows ${dataVersion}`,
      where: path,
      fix: 'start the newer program, or restore a backup from before it ran',
    })
  while (version < dataVersion) {
    const migration = migrations.find((known) => known.from === version)
    if (migration === undefined)
      throw new UserError('bad_config', {
        what: `the data has format version ${version}, which this program cannot bring to ${dataVersion}`,
        where: path,
        fix: 'start a version in between first',
      })
    migration.run(path, nodeFiles)
    version++
    writeVersion(formatPath, version)
  }
  nodeFiles.remove(join(path, 'tmp'))
  for (const name of ['wal', 'blocks', 'tmp']) nodeFiles.makeDirectory(join(path, name))
}

// The version is the first thing we write, so a directory with a log but no version is not ours.
function refuseForeign(path: string): void {
  const foreign = nodeFiles
    .list(path)
    .filter((name) => ['wal', 'blocks', 'chunks_head'].includes(name))
  if (foreign.length > 0)
    throw new UserError('bad_config', {
      what: `the directory holds ${foreign.join(', ')} but no format.json: it belongs to another program`,
      where: path,
      fix: 'give an empty or new directory as --data',
    })
}

function writeVersion(path: string, version: number): void {
  writeDurably(nodeFiles, path, [Buffer.from(`${JSON.stringify({ version })}\n`)])
}

function readVersion(path: string): number {
  const text = Buffer.from(readWhole(nodeFiles, path)).toString('utf8')
  const version = versionOf(text)
  if (version !== undefined) return version
  throw new CorruptionError({
    file: path,
    offset: 0,
    expected: '{"version": a whole number}',
    found: JSON.stringify(text.slice(0, 80)),
  })
}

function versionOf(text: string): number | undefined {
  try {
    const { version } = JSON.parse(text) as { version?: unknown }
    return typeof version === 'number' && Number.isSafeInteger(version) ? version : undefined
  } catch {
    return undefined
  }
}
