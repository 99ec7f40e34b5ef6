// Samples of rules as a remote write 1.0 body, plain: what every Appendable takes.
// Stale markers are written as words, because a number may lose the bits of a NaN.
// Source: prometheus/prompb remote.proto, types.proto.

import protobuf from 'protobufjs/minimal.js'
import { writeHistogram } from '../encoding/index.ts'
import { staleHigh, staleLow } from '../model/index.ts'
import { labelsKey, type RuleWrite } from './evaluation.ts'

/** The body of a WriteRequest. */
export function encodeWrites(writes: readonly RuleWrite[]): Uint8Array {
  const writer = protobuf.Writer.create()
  for (const series of Map.groupBy(writes, ({ labels }) => labelsKey(labels)).values()) {
    writer.uint32(0x0a).fork()
    for (const { name, value } of series[0]!.labels)
      writer.uint32(0x0a).fork().uint32(0x0a).string(name).uint32(0x12).string(value).ldelim()
    for (const write of series) writeSample(writer, write)
    writer.ldelim()
  }
  return writer.finish()
}

function writeSample(writer: protobuf.Writer, write: RuleWrite): void {
  const { timestampMs, value, histogram, isStale } = write
  if (histogram !== undefined) {
    writer.uint32(0x22).fork()
    writeHistogram(writer, histogram, timestampMs)
    writer.ldelim()
    return
  }
  writer.uint32(0x12).fork().uint32(0x09)
  if (isStale) writer.fixed32(staleLow).fixed32(staleHigh)
  else writer.double(value)
  writer.uint32(0x10).int64(timestampMs).ldelim()
}
