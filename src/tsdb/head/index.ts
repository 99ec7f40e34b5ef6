// The head: recent samples in memory.
export type { AdmitSeries, Admitted } from './body-writer.ts'
export * from './cut-plan.ts'
export type { StoredExemplar } from './exemplars.ts'
export type { FamilyMetadata } from './family-metadata.ts'
export { type SealedDescriptor, SealedGeneration } from './generation-queryable.ts'
export * from './head.ts'
export type { HeadCardinality, HeadStats, NameCount } from './head-stats.ts'
export { generationOfKey, type RecordSink, windowKeyOf } from './record.ts'
