// Dump: the samples of a source as lines of text: `{labels} value timestampMs`, as promtool prints them.
// Units: Unix milliseconds, bounds inclusive. Series come in the order of their labels.

import { SampleBuffer } from '../../chunk/index.ts'
import { type FloatHistogram, formatLabelSet, formatShortest } from '../../model/index.ts'
import {
  type CancelSignal,
  decodeRow,
  pairName,
  pairValue,
  type Queryable,
  type SelectRequest,
} from '../../storage/index.ts'

/** What to dump. */
export interface DumpRequest {
  readonly source: Queryable
  readonly select: Pick<SelectRequest, 'tenants' | 'matchers' | 'minTimeMs' | 'maxTimeMs'>
  readonly signal: CancelSignal
  /** A native histogram as text. */
  readonly formatHistogram: (histogram: FloatHistogram) => string
}

/** Yields the lines of one series at a time, each with its newline. */
export async function* dumpSamples(request: DumpRequest): AsyncGenerator<string> {
  const { source, select, signal, formatHistogram } = request
  const cursor = source.select({ ...select, sorted: true, hints: {} }, signal)
  const samples = new SampleBuffer()
  try {
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
      for (let row = 0; row < batch.rowCount; row++) {
        decodeRow(batch, row, select.minTimeMs, select.maxTimeMs, samples)
        const pairIds = batch.pairIds.subarray(batch.pairStarts[row], batch.pairStarts[row + 1])
        const labels = Array.from(pairIds, (id) => {
          return { name: pairName(batch.pairs, id), value: pairValue(batch.pairs, id) }
        })
        yield linesOf(formatLabelSet(labels), samples, formatHistogram)
      }
    }
  } finally {
    cursor.close()
  }
}

function linesOf(
  labels: string,
  samples: SampleBuffer,
  formatHistogram: (histogram: FloatHistogram) => string,
): string {
  let out = ''
  for (let i = 0; i < samples.count; i++) {
    const histogram = samples.histograms?.[i]
    const value =
      histogram === undefined ? formatShortest(samples.values[i]!) : formatHistogram(histogram)
    out += `${labels} ${value} ${samples.timestampsMs[i]}\n`
  }
  return out
}
