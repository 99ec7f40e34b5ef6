// Rehoming: what to do with the logs of lanes that are no more, after a start with fewer lanes than before. Their samples
// go into blocks and their records that belong to no window into the log of a lane that stays; then they are deleted.
// More lanes than before need nothing: every lane answers selects, and a window is cut across lanes.
// Invariant: a log is deleted only after all that it held is durable elsewhere, so a crash on the way costs nothing:
// the next start does the rest, and what is done twice is there once.

import { dirname } from 'node:path'
import type { MatcherCompiler } from '../../storage/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { LocalBlocks } from '../block/local-blocks.ts'
import type { Files } from '../files.ts'
import { cutRuleDefaults, type Head, type RecordSink } from '../head/index.ts'
import { inlineCommitter, laneKey, Wal, walDefaults } from '../wal/index.ts'
import { StorageLane } from './storage-lane.ts'
import { type CuttableLane, WindowCutter } from './window-cutter.ts'

/** What rehoming works with. */
export interface RehomeParts {
  /** Directories of the logs that are to go. */
  readonly from: readonly string[]
  /** Directory of the log of a lane that stays and has not been opened yet. */
  readonly to: string
  readonly files: Files
  readonly blocks: LocalBlocks
  readonly createHead: (sink: RecordSink) => Head
  readonly compile: MatcherCompiler
  readonly log: Logger
  readonly clock: () => number
}

interface OldLane {
  readonly directory: string
  readonly head: Head
  readonly lane: StorageLane
}

/** Moves the contents of logs as said above. Rejects with UserError disk_full where there is no room; try again later. */
export async function rehomeLanes(parts: RehomeParts): Promise<void> {
  const { from, to, files, blocks, compile, log, clock } = parts
  if (from.length === 0) return
  log.info({ from, to }, 'logs of lanes that are no more are taken over')
  const old = from.map((directory) => openOld(parts, directory))
  for (const { lane } of old) await lane.replay()
  const rules = { ...cutRuleDefaults, openMax: 0, memoryBytesMax: 0 }
  const lanes = old.map(cuttable)
  const cutter = new WindowCutter({ lanes, blocks, compile, rules, log, clock, dropDelayMs: 0 })
  await cutter.cutRange(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  const heir = openLog(parts, to)
  for (const { head } of old) for (const record of head.laneRecords()) heir.push(record, laneKey)
  await heir.commit()
  await heir.close()
  for (const { directory, lane } of old) {
    await lane.close()
    files.remove(directory)
    files.syncDirectory(dirname(directory))
  }
}

function openLog({ files, log }: RehomeParts, directory: string): Wal {
  return Wal.open({
    ...walDefaults,
    directory,
    files,
    committer: inlineCommitter(files),
    onDamage: (damage) => log.error(damage, 'the write-ahead log is damaged'),
  })
}

function openOld(parts: RehomeParts, directory: string): OldLane {
  const { log, clock } = parts
  const wal = openLog(parts, directory)
  const head = parts.createHead(wal)
  return {
    directory,
    head,
    lane: new StorageLane({ head, wal, log, clock, waitingBytesMax: 0 }),
  }
}

function cuttable({ head, lane }: OldLane): CuttableLane {
  return {
    windows: async () => head.windows(),
    seal: (windowKey) => lane.seal(windowKey),
    retire: async (windowKey, mark) => void lane.retire(windowKey, mark),
    drop: async (id) => lane.drop(id),
  }
}
