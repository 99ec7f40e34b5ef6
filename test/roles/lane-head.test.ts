import { describe, expect, test } from 'vitest'
import { prometheus } from '../../src/encoding/index.ts'
import { type AdmissionConfig, admissionDefaults } from '../../src/ingest/index.ts'
import { windowMs } from '../../src/model/index.ts'
import { createLaneHead, headAdmission } from '../../src/roles/lane-head.ts'
import { type Head, headLimitDefaults } from '../../src/tsdb/index.ts'
import { createRandom } from '../random.ts'
import { compile, everything, type LogRecord, read } from '../tsdb/head/head-fixture.ts'

const start = 236_000 * windowMs
const now = start + 2 * windowMs

function createHead(config: AdmissionConfig, way: 'plain' | 'general', log: LogRecord[]): Head {
  const data = {
    seed: new Uint32Array([5, 6, 7, 8]),
    limits: { ...headLimitDefaults, outOfOrderWindowMs: 10 * windowMs },
    startTimestamps: false,
    admission: config,
    retentionMs: Date.now() - start + windowMs,
    cutWindows: [],
  }
  const sink = {
    push: (record: Uint8Array, windowKey: number) =>
      void log.push({ record: record.slice(), windowKey }),
  }
  const head = createLaneHead(data, sink, compile)
  if (way === 'general')
    head.setAdmission({ ...headAdmission(config), plainBounds: () => undefined })
  return head
}

function randomSeries(random: () => number) {
  const any = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const labels = new Map([['__name__', any(['up', 'requests_total', 'x'])]])
  for (const name of ['cluster', 'instance', 'job', 'pod', 'zone'])
    if (random() < 0.7) labels.set(name, `${name}-${Math.floor(random() * 12)}`)
  if (random() < 0.05) labels.set('path', '/kubepods/'.repeat(Math.floor(random() * 40)))
  if (random() < 0.05) labels.set(any(['ä', 'empty', 'Ünïcode']), any(['', 'ö', 'plain']))
  if (random() < 0.02) labels.delete('__name__')
  if (random() < 0.02) for (let i = 0; i < 70; i++) labels.set(`many_${i}`, `${i % 3}`)
  const list = [...labels].map(([name, value]) => ({ name, value }))
  if (random() < 0.9) list.sort((a, b) => (a.name < b.name ? -1 : 1))
  if (random() < 0.02) list.push(list[0]!)
  const time = start + Math.floor(random() * 2 * windowMs)
  const samples = Array.from({ length: Math.floor(random() * 3) }, (_, i) => ({
    timestamp: time + i,
    value: Math.floor(random() * 100),
  }))
  const exemplars = random() < 0.05 ? [{ labels: [], value: 1, timestamp: time }] : []
  return { labels: list, samples, exemplars }
}

async function sameHeads(config: AdmissionConfig, rounds: number): Promise<void> {
  const number = Date.now() % 2 ** 31
  const random = createRandom(number)
  const logs: LogRecord[][] = [[], []]
  const [plain, general] = [
    createHead(config, 'plain', logs[0]!),
    createHead(config, 'general', logs[1]!),
  ]
  for (let round = 0; round < rounds; round++) {
    const timeseries = Array.from({ length: 1 + Math.floor(random() * 60) }, () =>
      randomSeries(random),
    )
    const body = prometheus.WriteRequest.encode({ timeseries }).finish()
    const identity: Record<string, string> = round % 10 === 0 ? { cluster: 'own' } : {}
    const request = {
      tenant: round % 3 === 0 ? 'a' : 'b',
      sender: { key: round % 10 === 0 ? 'own' : '', labels: identity },
      format: 'remote-write-1',
      compression: 'none',
      body,
    } as const
    const why = `seed ${number} round ${round}`
    expect(plain.append(request, now), why).toEqual(general.append(request, now))
  }
  const ask = everything(['a', 'b'], true)
  const expected = await read(general, ask)
  expect(expected.size).toBeGreaterThan(10)
  const again = createHead(config, 'plain', [])
  for (const { record, windowKey } of logs[0]!) again.replay(record, windowKey, now)
  for (const head of [plain, again]) {
    expect(await read(head, ask), `seed ${number}`).toEqual(expected)
    const { seriesCount, sampleCount, pairCount, seriesByTenant } = general.stats()
    const counts = { seriesCount, sampleCount, pairCount, seriesByTenant }
    expect(head.stats(), `seed ${number}`).toMatchObject(counts)
  }
}

describe('a lane that takes plain series the short way', () => {
  test('stores, refuses and logs what the general way does', { timeout: 30_000 }, async () => {
    await sameHeads(admissionDefaults, 120)
  })

  test('keeps to the limits of labels', { timeout: 30_000 }, async () => {
    const limits = {
      ...admissionDefaults.limits.default,
      labelCountMax: 4,
      labelNameSizeBytesMax: 7,
      labelValueSizeBytesMax: 9,
    }
    const tenants = { b: { labelCountMax: 5, labelNameSizeBytesMax: 0 } }
    await sameHeads({ ...admissionDefaults, limits: { default: limits, tenants } }, 60)
  })

  test('leaves what relabelling may change to the general way', { timeout: 30_000 }, async () => {
    const drop = { source_labels: ['pod'], regex: 'pod-[0-5]', action: 'drop' }
    await sameHeads({ ...admissionDefaults, relabel: { default: [], tenants: { b: [drop] } } }, 60)
  })

  test('admits no series more than a tenant may have', () => {
    const limits = { ...admissionDefaults.limits.default, activeSeriesMax: 100 }
    const config = { ...admissionDefaults, limits: { default: limits, tenants: {} } }
    const head = createHead(config, 'plain', [])
    const bodyOf = (from: number): Uint8Array => {
      const timeseries = Array.from({ length: 60 }, (_, i) => ({
        labels: [
          { name: '__name__', value: 'up' },
          { name: 'pod', value: `${from + i}` },
        ],
        samples: [{ timestamp: start, value: 1 }],
      }))
      return prometheus.WriteRequest.encode({ timeseries }).finish()
    }
    const send = (from: number) => {
      const format = 'remote-write-1' as const
      const compression = 'none' as const
      const sender = { key: '', labels: {} }
      return head.append({ tenant: 't', sender, format, compression, body: bodyOf(from) }, now)
    }
    expect(send(0)).toMatchObject({ samplesWritten: 60, limited: false })
    expect(send(60)).toMatchObject({ samplesWritten: 40, rejectedCount: 20, limited: true })
    expect(send(0)).toMatchObject({ samplesWritten: 60, rejectedCount: 0 })
    expect(head.stats().seriesCount).toBe(100)
  })
})
