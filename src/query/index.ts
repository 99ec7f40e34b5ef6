// The life of one query: admit, evaluate on a query thread, encode the answer, account.
export * from './active-queries.ts'
export * from './call.ts'
export * from './expressions.ts'
export * from './query-pool.ts'
export * from './query-thread.ts'
export * from './run-call.ts'
export { readVector, type VectorSample } from './run-vector.ts'
export * from './thread-messages.ts'
