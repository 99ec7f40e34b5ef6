// Builds a remote-write 2.0 body: series are gathered by their labels, strings live once in the symbol table.
// Units: timestamps in Unix milliseconds, start timestamps 0 = unknown.
// Invariants: symbols[0] is ''; labels of a series are sorted; the samples of a series are sorted by time.
// Doubles are written from two words: a stale marker's bits would not survive a plain number everywhere.

import protobuf from 'protobufjs/minimal.js'
import { type Labels, type Span, staleHigh, staleLow, wordsOf } from '../../model/index.ts'

/** A metric's type as remote write numbers it. */
export const metricTypes = { counter: 1, gauge: 2, histogram: 3, summary: 5 } as const

/** What is known about a metric family. */
export interface FamilyMetadata {
  readonly type: number
  readonly help: string
  readonly unit: string
}

/** One exemplar. */
export interface ExemplarRow {
  readonly labels: Labels
  readonly value: number
  readonly timestampMs: number
}

/** What every sample has. */
export interface SampleTimes {
  readonly timestampMs: number
  readonly startTimestampMs: number
  /** The series ended here: the value is the stale marker. */
  readonly stale: boolean
}

/** A float sample. */
export interface FloatRow extends SampleTimes {
  readonly value: number
}

/** An integer histogram; bucket counts are absolute. */
export interface HistogramRow extends SampleTimes {
  readonly schema: number
  readonly count: number
  readonly sum: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positive: BucketRow
  readonly negative: BucketRow
  readonly customValues: readonly number[]
}

/** The buckets of one sign. */
export interface BucketRow {
  readonly spans: readonly Span[]
  readonly counts: readonly number[]
}

interface SeriesEntry {
  readonly refs: readonly number[]
  readonly metadata: FamilyMetadata
  readonly floats: FloatRow[]
  readonly histograms: HistogramRow[]
  readonly exemplars: ExemplarRow[]
}

/** Gathers series and encodes them. */
export class WriteRequestBuilder {
  readonly #symbols = new Map<string, number>([['', 0]])
  readonly #series = new Map<string, SeriesEntry>()

  /** Whether nothing was added. */
  get isEmpty(): boolean {
    return this.#series.size === 0
  }

  /** Adds a float sample to the series of these sorted labels. */
  addFloat(
    labels: Labels,
    metadata: FamilyMetadata,
    row: FloatRow,
    exemplars: readonly ExemplarRow[],
  ): void {
    const series = this.#entry('f', labels, metadata)
    series.floats.push(row)
    series.exemplars.push(...exemplars)
  }

  /** Adds a histogram to the series of these sorted labels. */
  addHistogram(
    labels: Labels,
    metadata: FamilyMetadata,
    row: HistogramRow,
    exemplars: readonly ExemplarRow[],
  ): void {
    const series = this.#entry('h', labels, metadata)
    series.histograms.push(row)
    series.exemplars.push(...exemplars)
  }

  /** The body of an io.prometheus.write.v2.Request, not compressed. */
  encode(): Uint8Array {
    const series = protobuf.Writer.create()
    for (const entry of this.#series.values()) {
      this.#writeSeries(series.uint32(tag(5, 2)).fork(), entry)
      series.ldelim()
    }
    // Symbols are complete only now, since exemplars and metadata add theirs while they are written.
    const seriesBytes = series.finish()
    const symbols = protobuf.Writer.create()
    for (const symbol of this.#symbols.keys()) symbols.uint32(tag(4, 2)).string(symbol)
    return concat(symbols.finish(), seriesBytes)
  }

  // A series carries floats or histograms, never both, so the kind is part of the key.
  #entry(kind: 'f' | 'h', labels: Labels, metadata: FamilyMetadata): SeriesEntry {
    const refs = this.#refs(labels)
    const key = kind + refs.join()
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const entry = { refs, metadata, floats: [], histograms: [], exemplars: [] }
    this.#series.set(key, entry)
    return entry
  }

  #symbol(text: string): number {
    const known = this.#symbols.get(text)
    if (known !== undefined) return known
    const ref = this.#symbols.size
    this.#symbols.set(text, ref)
    return ref
  }

  #refs(labels: Labels): number[] {
    return labels.flatMap(({ name, value }) => [this.#symbol(name), this.#symbol(value)])
  }

  #writeSeries(writer: protobuf.Writer, entry: SeriesEntry): void {
    writePacked(writer, 1, entry.refs, (out, ref) => out.uint32(ref))
    for (const row of inOrder(entry.floats)) {
      writeFloat(writer.uint32(tag(2, 2)).fork(), row)
      writer.ldelim()
    }
    for (const row of inOrder(entry.histograms)) {
      writeHistogram(writer.uint32(tag(3, 2)).fork(), row)
      writer.ldelim()
    }
    for (const row of inOrder(entry.exemplars)) {
      const out = writer.uint32(tag(4, 2)).fork()
      writePacked(out, 1, this.#refs(row.labels), (into, ref) => into.uint32(ref))
      writeDouble(out, 2, row.value)
      out.uint32(tag(3, 0)).int64(row.timestampMs)
      writer.ldelim()
    }
    const { type, help, unit } = entry.metadata
    writer.uint32(tag(5, 2)).fork().uint32(tag(1, 0)).int32(type)
    writer.uint32(tag(3, 0)).uint32(this.#symbol(help))
    writer.uint32(tag(4, 0)).uint32(this.#symbol(unit)).ldelim()
  }
}

function writeFloat(out: protobuf.Writer, row: FloatRow): void {
  if (row.stale) writeStale(out, 1)
  else writeDouble(out, 1, row.value)
  out.uint32(tag(2, 0)).int64(row.timestampMs)
  if (row.startTimestampMs !== 0) out.uint32(tag(3, 0)).int64(row.startTimestampMs)
}

function writeHistogram(out: protobuf.Writer, row: HistogramRow): void {
  out.uint32(tag(1, 0)).uint64(row.count)
  if (row.stale) writeStale(out, 3)
  else writeDouble(out, 3, row.sum)
  out.uint32(tag(4, 0)).sint32(row.schema)
  writeDouble(out, 5, row.zeroThreshold)
  out.uint32(tag(6, 0)).uint64(row.zeroCount)
  writeBuckets(out, 8, row.negative)
  writeBuckets(out, 11, row.positive)
  out.uint32(tag(15, 0)).int64(row.timestampMs)
  writePacked(out, 16, row.customValues, (into, bound) => into.double(bound))
  if (row.startTimestampMs !== 0) out.uint32(tag(17, 0)).int64(row.startTimestampMs)
}

/** Spans are field `field`, deltas the field after it. */
function writeBuckets(out: protobuf.Writer, field: number, { spans, counts }: BucketRow): void {
  for (const { offset, length } of spans) {
    out.uint32(tag(field, 2)).fork().uint32(tag(1, 0)).sint32(offset)
    out.uint32(tag(2, 0)).uint32(length).ldelim()
  }
  const deltas = counts.map((count, index) => count - (index === 0 ? 0 : counts[index - 1]!))
  writePacked(out, field + 1, deltas, (into, delta) => into.sint64(delta))
}

function writePacked(
  out: protobuf.Writer,
  field: number,
  values: readonly number[],
  write: (out: protobuf.Writer, value: number) => unknown,
): void {
  if (values.length === 0) return
  out.uint32(tag(field, 2)).fork()
  for (const value of values) write(out, value)
  out.ldelim()
}

const scratch = new Float64Array(1)
const scratchWords = wordsOf(scratch)

function writeDouble(out: protobuf.Writer, field: number, value: number): void {
  scratch[0] = value
  out.uint32(tag(field, 1)).fixed32(scratchWords[0]!).fixed32(scratchWords[1]!)
}

function writeStale(out: protobuf.Writer, field: number): void {
  out.uint32(tag(field, 1)).fixed32(staleLow).fixed32(staleHigh)
}

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType
}

function inOrder<T extends { readonly timestampMs: number }>(rows: T[]): T[] {
  return rows.sort((a, b) => a.timestampMs - b.timestampMs)
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}
