// Recent samples on local disk: head, write-ahead log, blocks in Prometheus' formats.
export * from './block/batch-builder.ts'
export * from './block/block.ts'
export * from './block/block-meta.ts'
export * from './block/ulid.ts'
export * from './block/write-block.ts'
export * from './data-directory.ts'
export * from './files.ts'
export * from './wal/index.ts'
