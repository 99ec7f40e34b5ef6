// The head: recent samples in memory.
export * from './cut-plan.ts'
export type { StoredExemplar } from './exemplars.ts'
export type { FamilyMetadata } from './family-metadata.ts'
export { type SealedDescriptor, SealedGeneration } from './generation-queryable.ts'
export * from './head.ts'
export type { HeadCardinality, HeadStats } from './head-stats.ts'
export type { ActivityCall, LabelActivity } from './label-activity.ts'
export { generationOfKey, type RecordSink, windowKeyOf } from './record.ts'
