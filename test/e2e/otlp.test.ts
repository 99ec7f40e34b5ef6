// OTLP/HTTP metrics into the running gateway, as protobuf and as JSON: stored alike, translated away from the thread that
// serves HTTP, and bounded.
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { otlp } from '../../src/encoding/index.ts'
import { type Gateway, startGateway } from './gateway.ts'

const timeMs = Math.floor(Date.now() / 1000) * 1000
let gateway: Gateway

beforeAll(async () => {
  gateway = await startGateway({ args: ['--limits.body-size', '64MB'] })
})
afterAll(async () => {
  await gateway?.stop()
})

function requestOf(job: string, pointCount: number) {
  const dataPoints = Array.from({ length: pointCount }, (_, i) => ({
    attributes: [
      { key: 'http.route', value: { stringValue: `/r/${i}` } },
      { key: 'pod', value: { stringValue: `p${i % 7}` } },
    ],
    startTimeUnixNano: `${timeMs - 60_000}000000`,
    timeUnixNano: `${timeMs}000000`,
    asDouble: i + 0.5,
  }))
  const metric = {
    name: 'http.server.requests',
    unit: '1',
    sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints },
  }
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: job } }] }
  return { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }] }
}

function post(body: Uint8Array<ArrayBuffer> | string, type: string, gzip = false) {
  const headers = { 'content-type': type, ...(gzip ? { 'content-encoding': 'gzip' } : {}) }
  return fetch(`${gateway.url}/api/v1/otlp/v1/metrics`, { method: 'POST', body, headers })
}

function protobufOf(job: string, pointCount: number): Uint8Array<ArrayBuffer> {
  const message = otlp.ExportMetricsServiceRequest.fromObject(requestOf(job, pointCount))
  return new Uint8Array(otlp.ExportMetricsServiceRequest.encode(message).finish())
}

async function answerTo(query: string): Promise<string | undefined> {
  const path = `/api/v1/query?query=${encodeURIComponent(query)}&time=${timeMs / 1000}`
  const answer = (await gateway.get(path)) as { data: { result: { value: [number, string] }[] } }
  return answer.data.result[0]?.value[1]
}

it('stores protobuf and JSON alike, compressed or not', async () => {
  const text = JSON.stringify(requestOf('json', 50))
  const sent = [
    await post(protobufOf('protobuf', 50), 'application/x-protobuf'),
    await post(new Uint8Array(gzipSync(protobufOf('zipped', 50))), 'application/x-protobuf', true),
    await post(text, 'application/json'),
  ]
  expect(sent.map(({ status }) => status)).toEqual([200, 200, 200])
  for (const job of ['protobuf', 'zipped', 'json'])
    expect(await answerTo(`sum(http_server_requests_total{job="${job}"})`)).toBe('1250')
})

it('answers others while large bodies are translated', async () => {
  const large = protobufOf('large', 40_000)
  const posts = Array.from({ length: 4 }, () => post(large, 'application/x-protobuf'))
  const beganMs = performance.now()
  let done = false
  const all = Promise.all(posts).finally(() => {
    done = true
  })
  let slowestMs = 0
  while (!done) {
    const startMs = performance.now()
    await (await fetch(`${gateway.url}/-/healthy`)).text()
    slowestMs = Math.max(slowestMs, performance.now() - startMs)
  }
  const tookMs = performance.now() - beganMs
  expect((await all).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(await answerTo('count(http_server_requests_total{job="large"})')).toBe('40000')
  // On the thread that serves HTTP each body would hold up the others for a quarter of the time.
  expect(slowestMs).toBeLessThan(tookMs / 8)
})

it('refuses a body with more fields than it may have, and goes on', async () => {
  const huge = await post(protobufOf('huge', 150_000), 'application/x-protobuf')
  expect(huge.status).toBe(413)
  expect(await post('{"resourceMetrics":1}', 'application/json')).toMatchObject({ status: 400 })
  const after = await post(protobufOf('after', 3), 'application/x-protobuf')
  expect(after.status).toBe(200)
})
