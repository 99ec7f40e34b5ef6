// The life of one query: admit, evaluate on a query thread, encode the answer, account.
export * from './active-queries.ts'
export * from './call.ts'
export { acceptedCoding, type ContentCoding, compressedSizeBytesMin } from './compression.ts'
export * from './expressions.ts'
export * from './query-pool.ts'
export * from './query-thread.ts'
export type {
  LimitsByName,
  ReadLimits,
  ReadLimitsOptions,
} from './read-limits.ts'
export * from './run-call.ts'
export type { VisibleCardinality } from './run-cardinality.ts'
export { readVector } from './run-vector.ts'
export * from './step-cache.ts'
export * from './thread-messages.ts'
