// Columns to chunks: decoded samples are compressed again, after they were merged or deduplicated.
// Units: timestamps in Unix milliseconds.
// Invariants: floats stay bit exact; histograms become float histograms, which is what PromQL computes with.

import type { FloatHistogram } from '../model/index.ts'
import { wordsOf } from '../model/index.ts'
import { chunkEncoding } from './chunk-encoding.ts'
import { firstChunkHeader, HistogramAppender } from './histogram-appender.ts'
import type { FloatCountHistogram } from './histogram-sample.ts'
import { staleHistogram } from './histogram-sample.ts'
import type { SampleBuffer } from './sample-buffer.ts'
import { XorEncoder } from './xor-chunk.ts'
import { Xor2Encoder } from './xor2-chunk.ts'

/** One chunk with its description. */
export interface EncodedChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Data without the encoding byte. */
  readonly bytes: Uint8Array
}

// Prometheus' targets for both kinds.
const floatsPerChunk = 120
const histogramChunkBytes = 1024

const scratch = new Float64Array(1)
const scratchWords = wordsOf(scratch)

/** Encodes all samples, whose timestamps strictly increase, in chunks of the usual sizes. */
export function encodeSamples(samples: SampleBuffer): EncodedChunk[] {
  const chunks: EncodedChunk[] = []
  let from = 0
  while (from < samples.count) {
    const isHistogram = samples.histograms?.[from] !== undefined
    const encoded = isHistogram ? encodeHistograms(samples, from) : encodeFloats(samples, from)
    chunks.push({
      encoding: encoded.encoding,
      minTimeMs: samples.timestampsMs[from]!,
      maxTimeMs: samples.timestampsMs[encoded.end - 1]!,
      bytes: encoded.bytes,
    })
    from = encoded.end
  }
  return chunks
}

interface Encoded {
  readonly encoding: number
  readonly bytes: Uint8Array
  /** Index after the last sample taken. */
  readonly end: number
}

function encodeFloats(samples: SampleBuffer, from: number): Encoded {
  const { timestampsMs, words, hasStartTimestamps, startTimestampsMs } = samples
  const encoder = hasStartTimestamps ? new Xor2Encoder() : new XorEncoder()
  const limit = Math.min(from + floatsPerChunk, samples.count)
  let end = from
  for (; end < limit && samples.histograms?.[end] === undefined; end++) {
    const startMs = hasStartTimestamps ? startTimestampsMs[end]! : 0
    encoder.append(timestampsMs[end]!, words[2 * end]!, words[2 * end + 1]!, startMs)
  }
  const encoding = hasStartTimestamps ? chunkEncoding.xor2 : chunkEncoding.xor
  return { encoding, bytes: encoder.finish(), end }
}

function encodeHistograms(samples: SampleBuffer, from: number): Encoded {
  const { timestampsMs, startTimestampsMs, hasStartTimestamps, histograms } = samples
  const startMs = (i: number): number => (hasStartTimestamps ? startTimestampsMs[i]! : 0)
  const first = toFloatSample(histograms![from]!)
  const appender = new HistogramAppender(
    { header: firstChunkHeader(first), startTimestamps: hasStartTimestamps },
    timestampsMs[from]!,
    first,
    startMs(from),
  )
  let end = from + 1
  while (end < samples.count && appender.sizeBytes < histogramChunkBytes) {
    const histogram = histograms![end]
    if (histogram === undefined) break
    const result = appender.append(timestampsMs[end]!, toFloatSample(histogram), startMs(end))
    if (typeof result !== 'string') break
    end++
  }
  return { encoding: appender.encoding, bytes: appender.finish(), end }
}

/** A decoded histogram as it is stored: float counts, a stale marker in the sum's bits. */
export function toFloatSample(histogram: FloatHistogram): FloatCountHistogram {
  if (histogram.stale) return staleHistogram('float') as FloatCountHistogram
  scratch[0] = histogram.sum
  const { sum: _sum, stale: _stale, ...rest } = histogram
  return { ...rest, kind: 'float', sumLow: scratchWords[0]!, sumHigh: scratchWords[1]! }
}
