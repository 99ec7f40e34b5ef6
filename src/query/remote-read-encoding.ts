// The bytes of remote-read answers: series with samples, and frames of chunks.
// Written by hand because values must keep their NaN bits and chunk bytes must not pass through objects.
// Source: prometheus/prompb remote.proto and types.proto; frame = uvarint size, CRC-32C big endian, payload.

import protobuf from 'protobufjs/minimal.js'
import { SampleBuffer } from '../chunk/index.ts'
import { writeHistogram } from '../encoding/index.ts'
import { crc32c } from '../kernel/index.ts'
import type { Labels } from '../model/index.ts'
import { decodeRow, type SeriesBatch } from '../storage/index.ts'

/** About the payload of one frame; labels count too. */
const frameSizeBytesMax = 1 << 20
/** Frames gathered before they go out. */
const pieceSizeBytesMin = 256 * 1024

const samples = new SampleBuffer()

/** A TimeSeries message of one row within the bounds, or undefined where no sample lies in them. */
export function encodeSampleSeries(
  batch: SeriesBatch,
  row: number,
  labels: Labels,
  minTimeMs: number,
  maxTimeMs: number,
): { readonly bytes: Uint8Array; readonly sampleCount: number } | undefined {
  decodeRow(batch, row, minTimeMs, maxTimeMs, samples)
  if (samples.count === 0) return undefined
  const writer = protobuf.Writer.create()
  writeLabels(writer, labels)
  for (let i = 0; i < samples.count; i++) {
    const histogram = samples.histograms?.[i]
    if (histogram !== undefined) {
      writeHistogram(writer.uint32(0x22).fork(), histogram, samples.timestampsMs[i]!).ldelim()
      continue
    }
    writer.uint32(0x12).fork()
    writer
      .uint32(0x09)
      .fixed32(samples.words[2 * i]!)
      .fixed32(samples.words[2 * i + 1]!)
    writer.uint32(0x10).int64(samples.timestampsMs[i]!)
    writer.ldelim()
  }
  return { bytes: writer.finish(), sampleCount: samples.count }
}

/** Gathers ChunkedReadResponse frames: one series per frame, split where the chunks grow too large. */
export class ChunkFrames {
  chunkCount = 0
  #frames: Uint8Array[] = []
  #sizeBytes = 0

  /** Whether enough is gathered to be sent. */
  get isFull(): boolean {
    return this.#sizeBytes >= pieceSizeBytesMin
  }

  /** Whether nothing is gathered. */
  get isEmpty(): boolean {
    return this.#sizeBytes === 0
  }

  /** Adds one row of the answer to query `queryIndex`. */
  add(batch: SeriesBatch, row: number, labels: Labels, queryIndex: number): void {
    const { chunks } = batch
    const end = batch.chunkStarts[row + 1]!
    const labelSize = labels.reduce((sum, label) => sum + label.name.length + label.value.length, 0)
    let chunk = batch.chunkStarts[row]!
    while (chunk < end) {
      const from = chunk
      let size = labelSize
      while (chunk < end && (size < frameSizeBytesMax || chunk === from))
        size += chunks.sizes[chunk++]!
      this.#addFrame(encodeChunks(batch, from, chunk, labels, queryIndex))
      this.chunkCount += chunk - from
    }
  }

  /** What is gathered; the gatherer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.#sizeBytes)
    let offset = 0
    for (const frame of this.#frames) {
      out.set(frame, offset)
      offset += frame.length
    }
    this.#frames = []
    this.#sizeBytes = 0
    return out
  }

  #addFrame(payload: Uint8Array): void {
    const size = protobuf.Writer.create().uint32(payload.length).finish()
    const crc = new Uint8Array(4)
    new DataView(crc.buffer).setUint32(0, crc32c(payload, 0, payload.length))
    this.#frames.push(size, crc, payload)
    this.#sizeBytes += size.length + crc.length + payload.length
  }
}

function encodeChunks(
  batch: SeriesBatch,
  from: number,
  to: number,
  labels: Labels,
  queryIndex: number,
): Uint8Array {
  const { chunks } = batch
  const writer = protobuf.Writer.create()
  writer.uint32(0x0a).fork()
  writeLabels(writer, labels)
  for (let chunk = from; chunk < to; chunk++) {
    const start = chunks.offsets[chunk]!
    writer.uint32(0x12).fork()
    writer.uint32(0x08).int64(chunks.minTimesMs[chunk]!)
    writer.uint32(0x10).int64(chunks.maxTimesMs[chunk]!)
    writer.uint32(0x18).uint32(chunks.encodings[chunk]!)
    writer.uint32(0x22).bytes(chunks.bytes.slice(start, start + chunks.sizes[chunk]!))
    writer.ldelim()
  }
  writer.ldelim()
  if (queryIndex > 0) writer.uint32(0x10).int64(queryIndex)
  return writer.finish()
}

function writeLabels(writer: protobuf.Writer, labels: Labels): void {
  for (const { name, value } of labels) {
    writer.uint32(0x0a).fork().uint32(0x0a).string(name).uint32(0x12).string(value).ldelim()
  }
}
