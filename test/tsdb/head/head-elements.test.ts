import { describe, expect, test } from 'vitest'
import { io, prometheus } from '../../../src/encoding/index.ts'
import { windowMs } from '../../../src/model/index.ts'
import { type WindowStats, windowsToCut } from '../../../src/tsdb/head/index.ts'
import {
  anonymous,
  compile,
  continued,
  createHead,
  everything,
  type LogRecord,
  read,
  replayed,
} from './head-fixture.ts'

const start = 236_000 * windowMs
const hour = 3_600_000
const labels = [{ name: '__name__', value: 'h' }]

function requestOne(
  timeseries: prometheus.ITimeSeries[],
  metadata: prometheus.IMetricMetadata[] = [],
) {
  const body = prometheus.WriteRequest.encode({ timeseries, metadata }).finish()
  return {
    tenant: 't',
    sender: anonymous,
    format: 'remote-write-1',
    compression: 'none',
    body,
  } as const
}

function requestTwo(symbols: string[], timeseries: io.prometheus.write.v2.ITimeSeries[]) {
  const body = io.prometheus.write.v2.Request.encode({ symbols, timeseries }).finish()
  return {
    tenant: 't',
    sender: anonymous,
    format: 'remote-write-2',
    compression: 'none',
    body,
  } as const
}

function histogram(
  timestamp: number,
  buckets: number[],
  more: prometheus.IHistogram = {},
): prometheus.IHistogram {
  const count = buckets.reduce((sum, bucket) => sum + bucket, 0)
  return {
    countInt: count,
    sum: count * 2,
    schema: 1,
    zeroThreshold: 0.001,
    positiveSpans: [{ offset: 0, length: buckets.length }],
    positiveDeltas: buckets.map((bucket, i) => bucket - (i === 0 ? 0 : buckets[i - 1]!)),
    timestamp,
    ...more,
  }
}

describe('histograms in the head', () => {
  test('are stored beside floats, late ones too, and come back after a replay', async () => {
    const log: LogRecord[] = []
    const head = createHead(log)
    const send = (...histograms: prometheus.IHistogram[]) =>
      head.append(requestOne([{ labels, histograms }]), start + hour)
    expect(send(histogram(start + 1000, [1, 2]), histogram(start + 2000, [1, 3, 1]))).toMatchObject(
      { histogramsWritten: 2 },
    )
    expect(send(histogram(start + 2000, [1, 3, 1]))).toMatchObject({
      histogramsWritten: 1,
      rejectedCount: 0,
    })
    expect(send(histogram(start + 2000, [9]))).toMatchObject({
      histogramsWritten: 0,
      rejectedCount: 1,
    })
    head.append(
      requestOne([{ labels, samples: [{ timestamp: start + 3000, value: 5 }] }]),
      start + hour,
    )
    expect(send(histogram(start + 4000, [2, 4, 1]), histogram(start + 1500, [1, 2]))).toMatchObject(
      { histogramsWritten: 2 },
    )
    expect(send(histogram(start + 1500, [1, 2]), histogram(start + 1000, [1, 2]))).toMatchObject({
      histogramsWritten: 2,
      rejectedCount: 0,
    })
    expect(send(histogram(start + 1500, [7]))).toMatchObject({ rejectedCount: 1 })
    const expected = [
      `${start + 1000}:h3/6`,
      `${start + 1500}:h3/6`,
      `${start + 2000}:h5/10`,
      `${start + 3000}:0/1075052544`,
      `${start + 4000}:h7/14`,
    ]
    for (const source of [head, replayed(log)])
      expect([...(await read(source, everything(['t']))).values()]).toEqual([expected])
  })

  test('are refused when they contradict themselves, the rest of the body is stored', () => {
    const head = createHead([])
    const faults: [prometheus.IHistogram, RegExp][] = [
      [histogram(start, [1], { countInt: 5 }), /buckets hold 1 observations, but the count is 5/],
      [histogram(start, [1], { schema: 60 }), /unknown schema/],
      [
        histogram(start, [1], { positiveSpans: [{ offset: 0, length: 2 }] }),
        /spans hold 2 buckets/,
      ],
      [
        histogram(start, [1, 1], {
          positiveSpans: [
            { offset: 0, length: 1 },
            { offset: -1, length: 1 },
          ],
        }),
        /overlaps/,
      ],
      [histogram(start, [1], { customValues: [1] }), /custom bounds/],
      [histogram(start, [-1]), /negative bucket/],
      [
        {
          timestamp: start,
          schema: -53,
          countInt: 1,
          customValues: [2, 1],
          positiveSpans: [{ offset: 0, length: 1 }],
          positiveDeltas: [1],
        },
        /do not increase/,
      ],
      [
        {
          timestamp: start,
          schema: -53,
          countInt: 1,
          customValues: [1],
          positiveSpans: [{ offset: 2, length: 1 }],
          positiveDeltas: [1],
        },
        /more custom buckets/,
      ],
    ]
    for (const [fault, message] of faults) {
      const samples = [{ timestamp: start, value: 1 }]
      const good = { labels: [{ name: '__name__', value: 'ok' }], samples }
      const result = head.append(requestOne([{ labels, histograms: [fault] }, good]), start)
      expect(result).toMatchObject({ histogramsWritten: 0, samplesWritten: 1, rejectedCount: 1 })
      expect(result.rejections[0]!.message).toMatch(message)
    }
  })

  test('of a finer schema than 8 are reduced to it', async () => {
    const head = createHead([])
    const fine = histogram(start, [1, 2, 3, 4], {
      schema: 9,
      positiveSpans: [{ offset: 1, length: 4 }],
    })
    expect(head.append(requestOne([{ labels, histograms: [fine] }]), start)).toMatchObject({
      histogramsWritten: 1,
    })
    expect([...(await read(head, everything(['t']))).values()]).toEqual([[`${start}:h10/20`]])
  })
})

describe('exemplars and metadata in the head', () => {
  test('are kept per tenant, in order, and outlive a restart', () => {
    const log: LogRecord[] = []
    const head = createHead(log, { limits: { exemplarsPerTenantMax: 3 } })
    const trace = (id: string) => [{ name: 'trace_id', value: id }]
    const send = (timestamp: number, id: string) =>
      head.append(
        requestOne(
          [
            {
              labels,
              samples: [{ timestamp, value: 1 }],
              exemplars: [{ labels: trace(id), value: 2, timestamp }],
            },
          ],
          [{ type: 3, metricFamilyName: 'h', help: 'latency', unit: 'seconds' }],
        ),
        start,
      )
    for (let i = 0; i < 5; i++)
      expect(send(start + i, `id${i}`)).toMatchObject({ exemplarsWritten: 1 })
    expect(send(start + 4, 'id4')).toMatchObject({ exemplarsWritten: 1, rejectedCount: 0 })
    expect(send(start + 1, 'late').rejections[0]).toMatchObject({ kind: 'exemplar' })
    const selector = [[compile({ name: '__name__', type: '=', value: 'h' })]]
    const checkpoint = head.laneRecords().map((record) => ({ record, windowKey: 0 }))
    for (const source of [
      head,
      replayed(log, { exemplarsPerTenantMax: 3 }),
      replayed(checkpoint),
    ]) {
      const ids = source.exemplars('t', selector, 0, start + 9).map((one) => one.labels[0]!.value)
      expect(ids).toEqual(['id2', 'id3', 'id4'])
      expect(source.exemplars('other', selector, 0, start + 9)).toEqual([])
      expect(source.metadata('t')).toEqual([
        { family: 'h', type: 'histogram', help: 'latency', unit: 'seconds' },
      ])
    }
  })
})

describe('remote write 2.0 in the head', () => {
  const symbols = ['', '__name__', 'h_bucket', 'le', '1', 'some help', 'seconds', 'trace_id', 'abc']

  test('resolves symbols for labels, exemplars and metadata', async () => {
    const head = createHead([])
    const request = requestTwo(symbols, [
      {
        labelsRefs: [3, 4, 1, 2],
        samples: [{ timestamp: start, value: 1, startTimestamp: 5 }],
        exemplars: [{ labelsRefs: [7, 8], value: 3, timestamp: start }],
        metadata: { type: 3, helpRef: 5, unitRef: 6 },
      },
    ])
    for (let i = 0; i < 2; i++)
      expect(head.append(request, start)).toMatchObject({
        samplesWritten: 1,
        exemplarsWritten: 1,
        rejectedCount: 0,
      })
    expect([...(await read(head, everything(['t']))).keys()]).toEqual(['h_bucket{le="1"}'])
    expect(head.metadata('t')).toEqual([
      { family: 'h', type: 'histogram', help: 'some help', unit: 'seconds' },
    ])
  })

  test('refuses series whose refs name no symbols and series without samples, and stores the others', () => {
    const head = createHead([])
    const samples = [{ timestamp: start, value: 1 }]
    // Known beforehand: a broken series must not be taken for the one before it.
    head.append(requestTwo(symbols, [{ labelsRefs: [1, 2], samples }]), start)
    const result = head.append(
      requestTwo(symbols, [
        { labelsRefs: [1, 2], samples },
        { labelsRefs: [1, 99], samples },
        { labelsRefs: [1], samples },
        { labelsRefs: [1, 2], samples, metadata: { helpRef: 77 } },
        { labelsRefs: [1, 2] },
        { labelsRefs: [1, 2], samples },
      ]),
      start,
    )
    expect(result).toMatchObject({ samplesWritten: 2, rejectedCount: 4 })
    expect(result.rejections.map(({ kind }) => kind).sort()).toEqual([
      'invalid_labels',
      'invalid_labels',
      'invalid_labels',
      'no_samples',
    ])
  })

  test('a mapping made by one sender, tenant or epoch is not used for another', async () => {
    const head = createHead([], {
      admit: (sent) => sent,
    })
    const request = requestTwo(symbols, [
      { labelsRefs: [1, 2], samples: [{ timestamp: start, value: 1 }] },
    ])
    head.append(request, start)
    head.append({ ...request, tenant: 'u' }, start)
    let asked = 0
    const admission = {
      epoch: 2,
      plainBounds: () => undefined,
      seriesMax: () => 0,
      checkSize: () => undefined,
      admit: () => {
        asked += 1
        return { labels: [{ name: '__name__', value: 'renamed' }] }
      },
    }
    head.setAdmission(admission)
    head.append(request, start)
    head.append({ ...request, sender: { key: 'west', labels: {} } }, start)
    head.append(request, start)
    expect(asked).toBe(2)
    expect([...(await read(head, everything(['t']))).keys()].sort()).toEqual([
      'h_bucket',
      'renamed',
    ])
    expect([...(await read(head, everything(['u']))).keys()]).toEqual(['h_bucket'])
  })
})

describe('windows to cut', () => {
  const window = (index: number, more: Partial<WindowStats> = {}): WindowStats => ({
    windowKey: 2 * index,
    windowStartMs: start + index * windowMs,
    isOutOfOrder: false,
    isSealed: false,
    seriesCount: 0,
    sampleCount: 1,
    memoryBytes: 100,
    minTimeMs: start + index * windowMs,
    maxTimeMs: start + index * windowMs + 1000,
    createdMs: 0,
    lastWriteMs: 0,
    ...more,
  })
  const rules = { graceMs: hour, idleMs: 600_000, ageMs: hour, openMax: 4, memoryBytesMax: 1000 }

  test('are those that end an hour before the newest sample, once late data has stopped coming', () => {
    const newest = (ms: number) => window(1, { maxTimeMs: start + windowMs + ms })
    expect(windowsToCut([window(0), newest(hour - 1)], hour, rules)).toEqual([])
    expect(windowsToCut([window(0), newest(hour)], hour, rules)).toEqual([0])
    const busy = window(0, { createdMs: 3 * hour - 1, lastWriteMs: 3 * hour })
    expect(windowsToCut([busy, newest(hour)], 3 * hour, rules)).toEqual([])
    expect(windowsToCut([busy, newest(hour)], 3 * hour + 600_000, rules)).toEqual([0])
    expect(windowsToCut([{ ...busy, isSealed: true }, newest(hour)], 9 * hour, rules)).toEqual([])
  })

  test('are the least recently written beyond the bound, and the oldest when memory runs out', () => {
    const many = [0, 1, 2, 3, 4].map((i) =>
      window(i, { lastWriteMs: hour - i, createdMs: hour, maxTimeMs: start }),
    )
    expect(windowsToCut(many, hour, rules)).toEqual([8])
    const big = [
      window(1, { memoryBytes: 600, lastWriteMs: hour, createdMs: hour }),
      window(0, { memoryBytes: 600, lastWriteMs: hour, createdMs: hour }),
    ]
    expect(windowsToCut(big, hour, rules)).toEqual([0])
    expect(windowsToCut(big.slice(0, 1), hour, rules)).toEqual([])
  })

  test('are the oldest already when memory will run out with the samples that are to come', () => {
    const two = (seriesCount: number) => [
      window(0, { memoryBytes: 200, seriesCount, lastWriteMs: hour, createdMs: hour }),
      window(1, { memoryBytes: 200, lastWriteMs: hour, createdMs: hour }),
    ]
    expect(windowsToCut(two(0), hour, rules)).toEqual([])
    expect(windowsToCut(two(1), hour, rules)).toEqual([0])
  })

  test('are the only open one too, once it has grown far beyond the memory there is', () => {
    const only = (memoryBytes: number) =>
      windowsToCut([window(0, { memoryBytes, lastWriteMs: hour, createdMs: hour })], hour, rules)
    expect(only(690)).toEqual([])
    expect(only(700)).toEqual([0])
  })

  test('includes idle out-of-order generations whatever the data says', () => {
    const late = window(0, { isOutOfOrder: true, windowKey: 1 })
    expect(windowsToCut([late], 600_000, rules)).toEqual([1])
    expect(windowsToCut([late], 599_999, rules)).toEqual([])
  })
})

test('a head continues where its log ended', async () => {
  const log: LogRecord[] = []
  createHead(log).append(requestOne([{ labels, samples: [{ timestamp: start, value: 1 }] }]), start)
  const head = continued(replayed(log), log)
  head.append(requestOne([{ labels, samples: [{ timestamp: start + 1, value: 1 }] }]), start)
  expect((await read(replayed(log), everything(['t']))).get('h')).toHaveLength(2)
})
