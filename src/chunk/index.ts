// The compressed samples of one series, and decoding them to columns.
export * from './sample-buffer.ts'
