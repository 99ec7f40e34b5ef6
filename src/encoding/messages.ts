// Protobuf messages, generated from `proto/` by scripts/build.ts and not committed. 64-bit fields decode to Long:
// callers convert (safe milliseconds) with Number().

/** Generated message classes by protobuf package. */
export { io, otlp, prometheus, thanos } from '../../build/proto/messages.js'
