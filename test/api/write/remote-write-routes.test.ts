import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { admissionDefaults, ingestDefaults, limitDefaults } from '../../../src/ingest/index.ts'
import { tenantNamingDefaults, UserError } from '../../../src/model/index.ts'
import {
  bodyV1,
  bodyV2,
  createHarness,
  type Harness,
  headersV1,
  headersV2,
} from './write-harness.ts'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.app.close()
  harness = undefined
})

async function start(...args: Parameters<typeof createHarness>): Promise<Harness> {
  harness = await createHarness(...args)
  return harness
}

function post(url: string, payload: Buffer, headers: Record<string, string> = headersV1) {
  return harness!.app.inject({ method: 'POST', url, payload, headers })
}

const written = 'x-prometheus-remote-write-samples-written'

function limited(limits: Partial<typeof limitDefaults>) {
  const config = { default: { ...limitDefaults, ...limits }, tenants: {} }
  return { options: { admission: { ...admissionDefaults, limits: config } } }
}

describe('a write', () => {
  it('reaches storage as it came, and is answered with 204, 200 on the receive paths', async () => {
    const { store } = await start()
    for (const [url, status] of [
      ['/api/v1/write', 204],
      ['/api/v1/receive', 200],
      ['/api/metrics/v1/team-a/api/v1/receive', 200],
    ] as const) {
      const reply = await post(url, bodyV1({ up: 1 }))
      expect([reply.statusCode, reply.body]).toEqual([status, ''])
      expect(reply.headers[written]).toBe('1')
      expect(reply.headers['x-prometheus-remote-write-histograms-written']).toBe('0')
    }
    expect(store.recorded.map(({ request }) => request.tenant)).toEqual([
      'default-tenant',
      'default-tenant',
      'team-a',
    ])
    expect(store.recorded[0]!.samples).toEqual(['{__name__=up} 1@1000'])
    expect(store.recorded[0]!.request.compression).toBe('snappy')
  })

  it('is read as 2.0 where the content type says so', async () => {
    const { store } = await start()
    expect((await post('/api/v1/write', bodyV2({ up: 1, down: 2 }), headersV2)).statusCode).toBe(
      204,
    )
    expect(store.recorded[0]!.samples).toEqual(['{__name__=up} 1@1000', '{__name__=down} 2@1000'])
  })

  it('owns the memory of its body, so that it can be handed to another thread', async () => {
    const { store } = await start()
    await post('/api/v1/write', bodyV1({ up: 1 }))
    const { body } = store.recorded[0]!.request
    expect(body.byteOffset).toBe(0)
    expect(body.buffer.byteLength).toBe(body.length)
  })

  it('goes to the tenant that its headers name, once, and to none where they disagree', async () => {
    const { store } = await start()
    const named = { ...headersV1, 'THANOS-TENANT': 'team-b' }
    expect((await post('/api/v1/write', bodyV1({ up: 1 }), named)).statusCode).toBe(204)
    expect(store.recorded[0]!.request.tenant).toBe('team-b')
    const disagreeing = await post('/api/metrics/v1/a/api/v1/receive', bodyV1({ up: 1 }), named)
    expect(disagreeing.statusCode).toBe(403)
    const dots = await post('/api/metrics/v1/%2e%2e/api/v1/receive', bodyV1({ up: 1 }))
    expect([400, 404]).toContain(dots.statusCode)
    const slash = await post('/api/metrics/v1/a%2Fb/api/v1/receive', bodyV1({ up: 1 }))
    expect(slash.statusCode).toBe(400)
    expect(store.recorded).toHaveLength(1)
  })

  it('carries the labels of the sender’s identity', async () => {
    const identity = { key: 'cert:west', tenant: 'team-a', labels: { cluster: 'west' } }
    const { store } = await start({
      caller: {
        name: 'west',
        identity,
        mayRead: [],
        mayWrite: ['team-a'],
        scope: 'all',
        isAdmin: false,
      },
    })
    expect((await post('/api/v1/receive', bodyV1({ up: 1 }))).statusCode).toBe(200)
    expect(store.recorded[0]!.request).toMatchObject({
      tenant: 'team-a',
      sender: { key: 'cert:west', labels: { cluster: 'west' } },
    })
  })
})

describe('negotiation', () => {
  it('answers 415 before it looks at a corrupt body', async () => {
    await start()
    const garbage = Buffer.from('garbage')
    for (const headers of [
      { ...headersV1, 'content-type': 'application/json' },
      { ...headersV1, 'content-type': 'application/x-protobuf;proto=x.Y' },
      { ...headersV1, 'content-type': 'nonsense' },
      { ...headersV1, 'content-encoding': 'gzip' },
      { ...headersV1, 'content-encoding': 'zstd' },
    ]) {
      const reply = await post('/api/v1/write', garbage, headers)
      expect(reply.statusCode, JSON.stringify(headers)).toBe(415)
      expect(reply.headers[written]).toBeUndefined()
    }
  })

  it('answers 405 to other methods and says which one is served', async () => {
    await start()
    for (const method of ['GET', 'PUT', 'DELETE', 'HEAD'] as const) {
      const reply = await harness!.app.inject({ method, url: '/api/v1/write' })
      expect([reply.statusCode, reply.headers.allow]).toEqual([405, 'POST'])
    }
  })

  it('takes a body without content type and encoding as snappy 1.0', async () => {
    const { store } = await start()
    expect((await post('/api/v1/write', bodyV1({ up: 1 }), {})).statusCode).toBe(204)
    expect(store.recorded[0]!.request.format).toBe('remote-write-1')
  })

  it('answers 400 with zero counts to an undecodable body', async () => {
    await start()
    const reply = await post('/api/v1/write', Buffer.from([0xff, 0xff, 0xff]))
    expect([reply.statusCode, reply.headers[written]]).toEqual([400, '0'])
  })
})

describe('refused samples', () => {
  const rejections = [
    { kind: 'out_of_order', message: 'sample of up at 1970 is behind; correct the clock' },
  ] as const

  it('are 400 on the path of Prometheus and 409 on those of Thanos, with count and reasons', async () => {
    const { store } = await start()
    store.overlay = { rejectedCount: 12, rejections, samplesWritten: 3 }
    const prometheus = await post('/api/v1/write', bodyV1({ up: 1 }))
    expect(prometheus.statusCode).toBe(400)
    expect(prometheus.headers[written]).toBe('3')
    expect(prometheus.headers['content-type']).toMatch(/^text\/plain/)
    expect(prometheus.body).toBe(
      '12 elements were refused, the others are stored: out_of_order: sample of up at 1970 is behind; correct the clock\nand 11 more\n',
    )
    expect((await post('/api/v1/receive', bodyV1({ up: 1 }))).statusCode).toBe(409)
    expect((await post('/api/metrics/v1/a/api/v1/receive', bodyV1({ up: 1 }))).statusCode).toBe(409)
  })

  it('are 429 with Retry-After where a limit may pass', async () => {
    const { store } = await start()
    store.overlay = { rejectedCount: 1, rejections, limited: true }
    const reply = await post('/api/v1/receive', bodyV1({ up: 1 }))
    expect([reply.statusCode, reply.headers['retry-after']]).toEqual([429, '5'])
  })
})

describe('overload and faults', () => {
  it('answer 503 with Retry-After where storage is not ready or the disk is full', async () => {
    const { store } = await start()
    for (const code of ['not_ready', 'disk_full'] as const) {
      store.failure = new UserError(code, { what: 'no' })
      const reply = await post('/api/v1/write', bodyV1({ up: 1 }))
      expect([reply.statusCode, reply.headers['retry-after'], reply.headers[written]]).toEqual([
        503,
        '5',
        '0',
      ])
    }
  })

  it('answer 500 without details for a fault of ours', async () => {
    const { store } = await start()
    store.failure = new Error('secret detail')
    const reply = await post('/api/v1/write', bodyV1({ up: 1 }))
    expect(reply.statusCode).toBe(500)
    expect(reply.body).not.toContain('secret')
  })

  it('refuse a body that is too large by its length, by its bytes, or once decompressed', async () => {
    await start(limited({ bodySizeBytesMax: 100, bodyPlainSizeBytesMax: 1000 }))
    expect((await post('/api/v1/write', Buffer.alloc(101))).statusCode).toBe(413)
    // A snappy body that declares 2 000 000 bytes.
    const bomb = await post('/api/v1/write', Buffer.from([0x80, 0x89, 0x7a, 0x00]))
    expect(bomb.statusCode).toBe(413)
    expect(bomb.body).toContain('limits.bodySize')
  })

  it('hold a tenant to its requests in flight, and let it in again afterwards', async () => {
    const { store } = await start(limited({ requestsInFlightMax: 1 }))
    let release = (): void => {}
    store.hold = new Promise((resolve) => {
      release = resolve
    })
    const first = post('/api/v1/write', bodyV1({ up: 1 }))
    await sleep(20)
    const second = await post('/api/v1/write', bodyV1({ up: 1 }))
    expect([second.statusCode, second.headers['retry-after']]).toEqual([429, '5'])
    const other = post('/api/metrics/v1/b/api/v1/receive', bodyV1({ up: 1 }))
    release()
    expect((await first).statusCode).toBe(204)
    expect((await other).statusCode).toBe(200)
    expect((await post('/api/v1/write', bodyV1({ up: 1 }))).statusCode).toBe(204)
  })

  it('end a drain once the requests in flight are answered, and refuse new ones meanwhile', async () => {
    const { store, ingest } = await start()
    let release = (): void => {}
    store.hold = new Promise((resolve) => {
      release = resolve
    })
    const first = post('/api/v1/write', bodyV1({ up: 1 }))
    await sleep(20)
    let drained = false
    const drain = ingest.drain().then(() => {
      drained = true
    })
    expect((await post('/api/v1/write', bodyV1({ up: 1 }))).statusCode).toBe(503)
    expect(drained).toBe(false)
    release()
    expect((await first).statusCode).toBe(204)
    await drain
  })

  it('follow a reload of the limits', async () => {
    const { ingest } = await start()
    expect((await post('/api/v1/write', bodyV1({ up: 1 }))).statusCode).toBe(204)
    ingest.reload({ ...ingestDefaults, ...limited({ bodySizeBytesMax: 1 }).options })
    expect((await post('/api/v1/write', bodyV1({ up: 1 }))).statusCode).toBe(413)
    ingest.reload(ingestDefaults)
    expect((await post('/api/v1/write', bodyV1({ up: 1 }))).statusCode).toBe(204)
  })

  it('follow a reload of the tenant header', async () => {
    const { ingest, store } = await start()
    ingest.reload({
      ...ingestDefaults,
      naming: { ...tenantNamingDefaults, header: 'X-Scope-OrgID' },
    })
    await post('/api/v1/write', bodyV1({ up: 1 }), { ...headersV1, 'X-Scope-OrgID': 'team-a' })
    await post('/api/v1/write', bodyV1({ up: 1 }), { ...headersV1, 'THANOS-TENANT': 'team-b' })
    expect(store.recorded.map(({ request }) => request.tenant)).toEqual(['team-a', 'team-b'])
  })

  it('are counted', async () => {
    const { metrics } = await start()
    await post('/api/v1/write', bodyV1({ up: 1 }))
    await post('/api/v1/write', bodyV1({ up: 1 }), { ...headersV1, 'THANOS-TENANT': '..' })
    const text = await metrics.expose()
    expect(text).toContain('thanos_receive_write_samples_sum{code="204",tenant="default-tenant"} 1')
    expect(text).toContain('crowsnest_ingest_refused_requests_total{reason="bad_tenant"} 1')
    expect(text).toContain('crowsnest_ingest_requests_in_flight 0')
    expect(text).toContain('crowsnest_ingest_body_bytes_in_flight 0')
  })
})

describe('over a real socket', () => {
  async function listen(...args: Parameters<typeof createHarness>) {
    const { app } = await start(...args)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const address = app.server.address()
    return typeof address === 'object' ? address!.port : 0
  }

  async function exchange(port: number, parts: readonly (Buffer | string)[]): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    let reply = ''
    socket.setEncoding('latin1').on('data', (text) => {
      reply += text
    })
    socket.on('error', () => {})
    for (const part of parts) socket.write(part)
    await Promise.race([once(socket, 'data'), sleep(3000)])
    await sleep(20)
    socket.destroy()
    return reply
  }

  const head = (extra: string) =>
    `POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Encoding: snappy\r\n${extra}\r\n\r\n`

  it('a body may come in chunks of unknown total size', async () => {
    const port = await listen()
    const body = bodyV1({ up: 1, down: 2 })
    const chunks = [body.subarray(0, 5), body.subarray(5)].flatMap((chunk) => [
      `${chunk.length.toString(16)}\r\n`,
      chunk,
      '\r\n',
    ])
    const reply = await exchange(port, [head('Transfer-Encoding: chunked'), ...chunks, '0\r\n\r\n'])
    expect(reply).toMatch(/^HTTP\/1.1 204/)
    expect(harness!.store.recorded[0]!.samples).toHaveLength(2)
  })

  it('a chunked body that grows beyond its bound is refused while it grows', async () => {
    const port = await listen(limited({ bodySizeBytesMax: 1000 }))
    const chunk = ['400\r\n', Buffer.alloc(1024), '\r\n']
    const reply = await exchange(port, [head('Transfer-Encoding: chunked'), ...chunk, ...chunk])
    expect(reply).toMatch(/^HTTP\/1.1 413/)
  })

  it('a length that is too large is refused before the body comes', async () => {
    const port = await listen(limited({ bodySizeBytesMax: 1000 }))
    expect(await exchange(port, [head('Content-Length: 5000')])).toMatch(/^HTTP\/1.1 413/)
  })

  it('a sender that is too slow gets 503, so that it tries again', async () => {
    const port = await listen({ bodyTimeoutMs: 50 })
    const reply = await exchange(port, [head('Content-Length: 100'), 'abc'])
    expect(reply).toMatch(/^HTTP\/1.1 503/)
    expect(reply.toLowerCase()).toContain('retry-after: 5')
  })

  it('what a refused sender still sends is thrown away, for a while', async () => {
    const port = await listen({ ...limited({ bodySizeBytesMax: 1000 }), bodyTimeoutMs: 100 })
    const socket = connect(port, '127.0.0.1')
    socket.write(head('Content-Length: 5000'))
    const [reply] = await once(socket, 'data')
    expect(String(reply)).toMatch(/^HTTP\/1.1 413/)
    socket.write(Buffer.alloc(100))
    socket.on('error', () => {})
    await once(socket, 'close')
  })

  it('a sender that goes away gives its place back', async () => {
    const port = await listen()
    const socket = connect(port, '127.0.0.1')
    socket.write(head('Content-Length: 100'))
    await sleep(50)
    expect(await harness!.metrics.expose()).toContain('crowsnest_ingest_requests_in_flight 1')
    socket.destroy()
    await sleep(50)
    expect(await harness!.metrics.expose()).toContain('crowsnest_ingest_requests_in_flight 0')
    expect(harness!.store.recorded).toHaveLength(0)
  })

  it('a connection goes on after refused and stored requests', async () => {
    const port = await listen(limited({ bodySizeBytesMax: 1000 }))
    const body = bodyV1({ up: 1 })
    const good = [head(`Content-Length: ${body.length}`), body]
    const reply = await exchange(port, [head('Content-Length: 2000'), Buffer.alloc(2000), ...good])
    await sleep(50)
    expect(reply).toMatch(/^HTTP\/1.1 413/)
    expect(harness!.store.recorded).toHaveLength(1)
  })
})
