// A block that Prometheus 3.14 made of our data: we read it, and we make the very same chunks of the same data.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SampleBuffer } from '../../../src/chunk/index.ts'
import { io } from '../../../src/encoding/index.ts'
import { type FloatHistogram, labelsOf, labelValue } from '../../../src/model/index.ts'
import { createMatcherCompiler } from '../../../src/promql/index.ts'
import {
  decodeRow,
  neverCancelled,
  pairName,
  pairValue,
  type Queryable,
  type SeriesBatch,
} from '../../../src/storage/index.ts'
import { openBlock } from '../../../src/tsdb/index.ts'
import { createHead } from '../head/head-fixture.ts'
import { goldenSeries, goldenStartMs, goldenStepMs } from './golden/golden-series.ts'

const folder = join(import.meta.dirname, 'golden/prometheus-3.14')

async function golden(): Promise<Queryable> {
  const [ulid] = readdirSync(folder)
  const compileMatcher = createMatcherCompiler()
  return openBlock(join(folder, ulid!), { seed: new Uint32Array(4), compileMatcher })
}

interface Row {
  readonly batch: SeriesBatch
  readonly row: number
}

async function rowsOf(source: Queryable, tenant: string): Promise<Map<string, Row>> {
  const range = { minTimeMs: goldenStartMs, maxTimeMs: goldenStartMs + 7_200_000 - 1 }
  const request = { tenants: [tenant], matchers: [], ...range, sorted: true, hints: {} }
  const cursor = source.select(request, neverCancelled)
  const rows = new Map<string, Row>()
  for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
    for (let row = 0; row < batch.rowCount; row++) {
      const ids = batch.pairIds.subarray(batch.pairStarts[row], batch.pairStarts[row + 1])
      const pairs = [...ids].map((id) => [pairName(batch.pairs, id), pairValue(batch.pairs, id)])
      const labels = labelsOf(Object.fromEntries(pairs))
      rows.set(labelValue(labels, '__name__'), { batch, row })
    }
  }
  return rows
}

function chunksOf({ batch, row }: Row): string[] {
  const { chunks, chunkStarts } = batch
  const out: string[] = []
  for (let i = chunkStarts[row]!; i < chunkStarts[row + 1]!; i++) {
    const start = chunks.offsets[i]!
    const bytes = Buffer.from(chunks.bytes.slice(start, start + chunks.sizes[i]!))
    out.push(
      `${chunks.encodings[i]} ${chunks.minTimesMs[i]} ${chunks.maxTimesMs[i]} ${bytes.toString('hex')}`,
    )
  }
  return out
}

function bodyOf(i: number): Uint8Array {
  const symbols = ['']
  const ref = (text: string): number => {
    const known = symbols.indexOf(text)
    return known >= 0 ? known : symbols.push(text) - 1
  }
  const timestamp = goldenStartMs + i * goldenStepMs
  const timeseries = goldenSeries.flatMap((series): io.prometheus.write.v2.ITimeSeries[] => {
    const { labels, samples, histograms } = series
    const labelsRefs = labelsOf(labels).flatMap(({ name, value }) => [ref(name), ref(value)])
    if (histograms !== undefined) return [{ labelsRefs, histograms: [histograms[i]!] }]
    return i < samples!.length
      ? [{ labelsRefs, samples: [{ value: samples![i]!, timestamp }] }]
      : []
  })
  return io.prometheus.write.v2.Request.encode({ symbols, timeseries }).finish()
}

it('reads every sample of a block that Prometheus 3.14 made', async () => {
  const rows = await rowsOf(await golden(), '')
  expect([...rows.keys()].sort()).toEqual(goldenSeries.map(({ labels }) => labels.__name__).sort())
  const samples = new SampleBuffer()
  for (const { labels, samples: values, histograms } of goldenSeries) {
    const { batch, row } = rows.get(labels.__name__!)!
    decodeRow(batch, row, -1e15, 1e15, samples)
    expect(samples.count).toBe((values ?? histograms)!.length)
    for (let i = 0; i < samples.count; i++) {
      expect(samples.timestampsMs[i]).toBe(goldenStartMs + i * goldenStepMs)
      if (values !== undefined) expect(Object.is(samples.values[i], values[i])).toBe(true)
      else expectHistogram(samples.histograms![i]!, histograms![i]!)
    }
  }
})

it('makes the same chunks of the same data, byte for byte', async () => {
  const head = createHead([])
  for (let i = 0; i < 20; i++) {
    const sender = { key: '', labels: {} }
    const request = {
      tenant: 't',
      sender,
      format: 'remote-write-2',
      compression: 'none',
      body: bodyOf(i),
    } as const
    expect(head.append(request, goldenStartMs + 600_000).rejectedCount).toBe(0)
  }
  const theirs = await rowsOf(await golden(), '')
  const ours = await rowsOf(head, 't')
  for (const [name, row] of theirs) expect(chunksOf(ours.get(name)!), name).toEqual(chunksOf(row))
})

function expectHistogram(read: FloatHistogram, sent: io.prometheus.write.v2.IHistogram): void {
  expect(read.count).toBe(Number(sent.countInt ?? sent.countFloat))
  expect(read.sum).toBe(sent.sum)
  expect(read.schema).toBe(sent.schema)
  expect(read.zeroCount).toBe(Number(sent.zeroCountInt ?? sent.zeroCountFloat ?? 0))
  expect([...read.customValues]).toEqual(sent.customValues ?? [])
  const total = (buckets: Float64Array): number => buckets.reduce((sum, count) => sum + count, 0)
  expect(total(read.positiveBuckets) + total(read.negativeBuckets) + read.zeroCount).toBe(
    read.count,
  )
}
