// Hostile bodies over HTTP: mutated write requests and nonsense. What the decoder makes of each is tested where it
// lives; here the process stays up, answers 2xx or 4xx, and goes on serving honest senders.
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { randomOf } from '../tsdb/recording-files.ts'
import { startGateway } from './gateway.ts'
import { Sender } from './load.ts'
import { post, writeBody } from './remote-write.ts'

const bodyCount = 600
const seed = 77

type Bytes = Uint8Array<ArrayBuffer>

function seedBodies(): Bytes[] {
  const nowMs = Date.now() - 60_000
  const labels = { __name__: 'hostile', pod: 'a'.repeat(100), zone: 'ünïcödé' }
  return [
    writeBody([{ labels, samples: [[nowMs, 1]] }]),
    writeBody(
      Array.from({ length: 50 }, (_, i) => ({
        labels: { ...labels, i: String(i) },
        samples: [[nowMs - 1000, i] as const, [nowMs, Number.NaN] as const, [2 ** 60, 1] as const],
      })),
    ),
    writeBody([]),
    new Uint8Array(randomBytes(2000)),
    // A snappy length of 4 GiB and nothing behind it; a copy that reaches before the beginning.
    new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x0f]),
    new Uint8Array([0x40, 0x00, 0x61, 0xfe, 0xff, 0xff]),
  ]
}

function mutated(body: Bytes, random: () => number): Bytes {
  const below = (bound: number): number => Math.floor(random() * bound)
  const out = new Uint8Array(body)
  const dice = random()
  if (dice < 0.2) return out.slice(0, below(out.length + 1))
  if (dice < 0.3) return new Uint8Array([...out, ...randomBytes(below(50))])
  if (dice < 0.4) out.fill(below(256), below(out.length), below(out.length))
  const changes = 1 + below(8)
  for (let i = 0; i < changes && out.length > 0; i++)
    out[below(out.length)] = random() < 0.3 ? 0xff : below(256)
  return out
}

const headers = (random: () => number): Record<string, string> =>
  [
    {},
    { 'content-encoding': 'identity' },
    { 'content-encoding': 'gzip' },
    { 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' },
    { 'content-type': 'text/plain' },
    { 'THANOS-TENANT': '../etc' },
  ][Math.floor(random() ** 3 * 6)]!

const paths = [
  '/api/v1/write',
  '/api/v1/receive',
  '/api/metrics/v1/some/api/v1/receive',
  '/api/v1/otlp/v1/metrics',
]

it(`answers ${bodyCount} hostile bodies with 2xx or 4xx and goes on`, async () => {
  const random = randomOf(seed)
  const gateway = await startGateway()
  const { child } = gateway.process
  const sender = new Sender({
    name: 'honest',
    seriesCount: 20,
    startMs: Math.floor(Date.now() / 1000) * 1000 - 3_000_000,
    intervalMs: 1000,
  })
  const seeds = seedBodies()
  const statuses = new Map<number, number>()
  for (let i = 0; i < bodyCount; i++) {
    const original = seeds[i % seeds.length]!
    const body = i < seeds.length ? original : mutated(original, random)
    const path = paths[Math.floor(random() ** 2 * paths.length)]!
    const response = await post(gateway.url + path, body, headers(random))
    const text = await response.text()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    expect(response.status, `body ${i}, seed ${seed}: ${text}`).toBeLessThan(500)
    if (i % 20 === 0) await sender.send(gateway.url)
  }
  console.log(`answers by status: ${JSON.stringify([...statuses].sort())}`)
  expect(statuses.get(400)).toBeGreaterThan(100)
  await sender.expectAllStored(gateway.url)
  expect(sender.refusals.size).toBe(0)
  expect(child.exitCode).toBeNull()
  await gateway.stop()
})
