// Bytes without a kernel: protobuf messages, varints, label bytes, framing.
export * from './messages.ts'
export * from './write-histogram.ts'
