// A native histogram on the wire: prompb.Histogram with float counts, as PromQL sees it; for remote read and for what rules
// record. A stale marker is written as words, because a number may lose the bits of a NaN.
// Source: prometheus/prompb types.proto, storage/remote/codec.go (FloatHistogramToHistogramProto).

import type protobuf from 'protobufjs/minimal.js'
import {
  type CounterResetHint,
  type FloatHistogram,
  type Span,
  staleHigh,
  staleLow,
} from '../model/index.ts'

const hints: Readonly<Record<CounterResetHint, number>> = {
  unknown: 0,
  reset: 1,
  not_reset: 2,
  gauge: 3,
}

/** Writes the fields of prompb.Histogram and returns the writer. Stale histograms carry the marker in the sum. */
export function writeHistogram(
  writer: protobuf.Writer,
  histogram: FloatHistogram,
  timestampMs: number,
): protobuf.Writer {
  writer.uint32(0x11).double(histogram.count)
  if (histogram.stale) writer.uint32(0x19).fixed32(staleLow).fixed32(staleHigh)
  else writer.uint32(0x19).double(histogram.sum)
  writer.uint32(0x20).sint32(histogram.schema)
  writer.uint32(0x29).double(histogram.zeroThreshold)
  writer.uint32(0x39).double(histogram.zeroCount)
  writeSpans(writer, 0x42, histogram.negativeSpans)
  writeDoubles(writer, 0x52, histogram.negativeBuckets)
  writeSpans(writer, 0x5a, histogram.positiveSpans)
  writeDoubles(writer, 0x6a, histogram.positiveBuckets)
  writer.uint32(0x70).uint32(hints[histogram.counterResetHint])
  writer.uint32(0x78).int64(timestampMs)
  writeDoubles(writer, 0x82, histogram.customValues)
  return writer
}

function writeSpans(writer: protobuf.Writer, tag: number, spans: readonly Span[]): void {
  for (const { offset, length } of spans) {
    writer.uint32(tag).fork().uint32(0x08).sint32(offset).uint32(0x10).uint32(length).ldelim()
  }
}

function writeDoubles(writer: protobuf.Writer, tag: number, values: Float64Array): void {
  if (values.length === 0) return
  writer.uint32(tag).fork()
  for (const value of values) writer.double(value)
  writer.ldelim()
}
