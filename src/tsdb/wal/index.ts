// The write-ahead log of a lane: segments, group commits, checkpoints, replay.
export { laneKey } from './checkpoint.ts'
export * from './committer.ts'
export type { LogPosition } from './retired-windows.ts'
export type { WalDamage } from './segment-file.ts'
export * from './wal.ts'
