import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { otlp } from '../../../src/encoding/index.ts'
import { admissionDefaults, limitDefaults } from '../../../src/ingest/index.ts'
import { UserError } from '../../../src/model/index.ts'
import { createHarness, type Harness } from './write-harness.ts'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.app.close()
  harness = undefined
})

async function start(...args: Parameters<typeof createHarness>): Promise<Harness> {
  harness = await createHarness(...args)
  return harness
}

const path = '/api/v1/otlp/v1/metrics'
const protobuf = { 'content-type': 'application/x-protobuf' }
const json = { 'content-type': 'application/json' }

function request(temporality = 2): object {
  const dataPoints = [{ timeUnixNano: '1000000000', asInt: '3' }]
  const sum = { aggregationTemporality: temporality, isMonotonic: true, dataPoints }
  const gauge = { dataPoints }
  const metrics = [
    { name: 'jobs', sum },
    { name: 'level', gauge },
  ]
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }
}

function wire(message: object): Buffer {
  const { fromObject, encode } = otlp.ExportMetricsServiceRequest
  return Buffer.from(encode(fromObject(message)).finish())
}

function post(payload: Buffer, headers: Record<string, string>, url = path) {
  return harness!.app.inject({ method: 'POST', url, payload, headers })
}

describe('an OTLP request', () => {
  it('is stored as remote write 2.0 in every form, and answered in its own', async () => {
    const { store } = await start()
    const text = Buffer.from(JSON.stringify(request()))
    const forms = [
      [wire(request()), protobuf, path],
      [gzipSync(wire(request())), { ...protobuf, 'content-encoding': 'gzip' }, path],
      [text, json, path],
      [gzipSync(text), { ...json, 'content-encoding': 'gzip' }, '/api/v1/otlp'],
    ] as const
    for (const [payload, headers, url] of forms) {
      const reply = await post(payload, headers, url)
      expect(reply.statusCode).toBe(200)
      expect(reply.headers['content-type']).toContain(headers['content-type'])
      expect(reply.body).toBe(headers['content-type'] === json['content-type'] ? '{}' : '')
    }
    expect(store.recorded).toHaveLength(4)
    for (const recorded of store.recorded) {
      expect(recorded.request).toMatchObject({ format: 'remote-write-2', compression: 'none' })
      expect(recorded.samples).toEqual(['{__name__=jobs_total} 3@1000', '{__name__=level} 3@1000'])
    }
  })

  it('goes to the tenant of its header', async () => {
    const { store } = await start()
    await post(wire(request()), { ...protobuf, 'THANOS-TENANT': 'team-a' })
    expect(store.recorded[0]!.request.tenant).toBe('team-a')
  })

  it('that is empty is a success and stores nothing', async () => {
    const { store } = await start()
    expect((await post(Buffer.alloc(0), protobuf)).statusCode).toBe(200)
    expect(store.recorded).toHaveLength(0)
  })
})

describe('a partly good OTLP request', () => {
  it('is a partial success that counts and explains', async () => {
    const { store } = await start()
    const reply = await post(wire(request(1)), protobuf)
    expect(reply.statusCode).toBe(200)
    const { partialSuccess } = otlp.ExportMetricsServiceResponse.decode(reply.rawPayload)
    expect(Number(partialSuccess!.rejectedDataPoints)).toBe(1)
    expect(partialSuccess!.errorMessage).toMatch(/metric "jobs".*delta/)
    expect(store.recorded[0]!.samples).toEqual(['{__name__=level} 3@1000'])
    const text = await post(Buffer.from(JSON.stringify(request(1))), json)
    expect(text.json().partialSuccess.rejectedDataPoints).toBe('1')
  })

  it('counts what storage refused, and is 400 where nothing was stored', async () => {
    const { store } = await start()
    const rejections = [{ kind: 'too_old', message: 'too old' }] as const
    store.overlay = { samplesWritten: 1, rejectedCount: 1, rejections }
    expect((await post(wire(request()), protobuf)).statusCode).toBe(200)
    store.overlay = { samplesWritten: 0, rejectedCount: 2, rejections }
    const reply = await post(wire(request()), protobuf)
    expect(reply.statusCode).toBe(400)
    expect(otlp.Status.decode(reply.rawPayload)).toMatchObject({ code: 3, message: 'too old' })
  })

  it('is 429 where a limit may pass', async () => {
    const { store } = await start()
    store.overlay = { rejectedCount: 1, limited: true }
    const reply = await post(wire(request()), protobuf)
    expect([reply.statusCode, reply.headers['retry-after']]).toEqual([429, '5'])
  })
})

describe('a bad OTLP request', () => {
  it('gets 415, 400, 413 or 503 with a status message', async () => {
    const limits = { default: { ...limitDefaults, bodyPlainSizeBytesMax: 1000 }, tenants: {} }
    const { store } = await start({ options: { admission: { ...admissionDefaults, limits } } })
    const statusOf = async (payload: Buffer, headers: Record<string, string>) =>
      (await post(payload, headers)).statusCode
    expect(await statusOf(wire(request()), { 'content-type': 'text/plain' })).toBe(415)
    expect(await statusOf(wire(request()), { ...protobuf, 'content-encoding': 'br' })).toBe(415)
    expect(await statusOf(Buffer.from('{"resourceMetrics":1}'), json)).toBe(400)
    const gzip = { ...protobuf, 'content-encoding': 'gzip' }
    expect(await statusOf(Buffer.from('not gzip'), gzip)).toBe(400)
    expect(await statusOf(gzipSync(Buffer.alloc(100_000)), gzip)).toBe(413)
    store.failure = new UserError('not_ready', { what: 'replaying' })
    const reply = await post(Buffer.from(JSON.stringify(request())), json)
    expect([reply.statusCode, reply.headers['retry-after']]).toEqual([503, '5'])
    expect(reply.json()).toEqual({ code: 14, message: 'replaying' })
  })
})
