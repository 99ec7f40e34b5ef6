// The compressed samples of one series, and decoding them to columns.
export * from './chunk-encoding.ts'
export * from './decode-chunk.ts'
export * from './histogram-appender.ts'
export * from './histogram-chunk.ts'
export * from './histogram-sample.ts'
export * from './sample-buffer.ts'
export * from './xor-chunk.ts'
export * from './xor2-chunk.ts'
