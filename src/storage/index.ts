// What sources and sinks of series look like; merge, dedup, fan-out and scope on top of the seam.
export * from './appendable.ts'
export * from './cancel.ts'
export * from './decode-row.ts'
export * from './matcher-compiler.ts'
export * from './queryable.ts'
export * from './series-batch.ts'
