// The write-ahead log of a lane: segments, group commits, checkpoints, replay.
export { laneKey } from './checkpoint.ts'
export {
  type Committer,
  inlineCommitter,
  portCommitter,
  serveCommits,
} from './committer.ts'
export { nearCommitDefaults, nearCommitter } from './near-committer.ts'
export type { LogPosition } from './retired-windows.ts'
export type { WalDamage } from './segment-file.ts'
export * from './wal.ts'
