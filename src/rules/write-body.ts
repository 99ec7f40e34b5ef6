// Samples of rules as a remote write 1.0 body, plain: what every Appendable takes.
// Stale markers are written as words, because a number may lose the bits of a NaN.
// Source: prometheus/prompb remote.proto, types.proto.

import protobuf from 'protobufjs/minimal.js'
import {
  type CounterResetHint,
  type FloatHistogram,
  type Span,
  staleHigh,
  staleLow,
} from '../model/index.ts'
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

const hints: Readonly<Record<CounterResetHint, number>> = {
  unknown: 0,
  reset: 1,
  not_reset: 2,
  gauge: 3,
}

function writeHistogram(
  writer: protobuf.Writer,
  histogram: FloatHistogram,
  timestampMs: number,
): void {
  writer.uint32(0x11).double(histogram.count).uint32(0x19).double(histogram.sum)
  writer.uint32(0x20).sint32(histogram.schema).uint32(0x29).double(histogram.zeroThreshold)
  writer.uint32(0x39).double(histogram.zeroCount)
  writeSpans(writer, 0x42, histogram.negativeSpans)
  writeDoubles(writer, 0x52, histogram.negativeBuckets)
  writeSpans(writer, 0x5a, histogram.positiveSpans)
  writeDoubles(writer, 0x6a, histogram.positiveBuckets)
  writer.uint32(0x70).uint32(hints[histogram.counterResetHint])
  writer.uint32(0x78).int64(timestampMs)
  writeDoubles(writer, 0x82, histogram.customValues)
}

function writeSpans(writer: protobuf.Writer, tag: number, spans: readonly Span[]): void {
  for (const { offset, length } of spans)
    writer.uint32(tag).fork().uint32(0x08).sint32(offset).uint32(0x10).uint32(length).ldelim()
}

function writeDoubles(writer: protobuf.Writer, tag: number, values: Float64Array): void {
  if (values.length === 0) return
  writer.uint32(tag).fork()
  for (const value of values) writer.double(value)
  writer.ldelim()
}
