// A thousand tenants of twenty series each: what they cost in memory and latency against one tenant, and that their
// answers do not depend on the number of lanes.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { quantile, residentBytes, Sender } from './load.ts'

const tenantCount = 1000
const seriesCount = 20
const rounds = 3
const startMs = Math.floor(Date.now() / 60_000) * 60_000 - 3 * 3_600_000
// Rounds lie in different windows, so that every tenant has open and cut ones.
const intervalMs = 3_600_000
let gateway: Gateway

afterAll(() => gateway?.stop())

function senderOf(tenant: string): Sender {
  return new Sender({ name: 'm', seriesCount, startMs, intervalMs, tenant })
}

// One request at a time on each of four connections.
async function sendAll(senders: readonly Sender[]): Promise<void> {
  let next = 0
  const connection = async (): Promise<void> => {
    while (next < senders.length) await senders[next++]!.send(gateway.url)
  }
  await Promise.all([0, 1, 2, 3].map(connection))
}

// The same again with one tenant: series differ, so that as many are created.
async function sendAlone(): Promise<number[]> {
  const senders = Array.from(
    { length: tenantCount },
    (_, i) => new Sender({ name: `a${i}`, seriesCount, startMs, intervalMs, tenant: 'alone' }),
  )
  for (let round = 0; round < rounds; round++) await sendAll(senders)
  return senders.flatMap((sender) => sender.latenciesMs)
}

async function answers(): Promise<unknown[]> {
  const sampled = Array.from({ length: 25 }, (_, i) => `tenant-${i * 40}`)
  const form = 'query=load[6h]'
  return Promise.all(
    sampled.map((tenant) =>
      gateway.get(`/api/v1/query?${form}&time=${Date.now() / 1000}`, { 'THANOS-TENANT': tenant }),
    ),
  ).then((all) => all.map((one) => JSON.stringify((one as { data: { result: unknown } }).data)))
}

it('a thousand tenants cost under 200 KB each and are as quick as one', async () => {
  gateway = await startGateway({ args: ['--storage.lanes', '1'] })
  const alone = await sendAlone()
  const before = residentBytes(gateway.process.child.pid!)
  const senders = Array.from({ length: tenantCount }, (_, i) => senderOf(`tenant-${i}`))
  for (let round = 0; round < rounds; round++) await sendAll(senders)
  const perTenant = (residentBytes(gateway.process.child.pid!) - before) / tenantCount
  const many = senders.flatMap((sender) => sender.latenciesMs)
  const [p99Alone, p99Many] = [quantile(alone, 0.99), quantile(many, 0.99)]
  console.log(
    `${(perTenant / 1024).toFixed(1)} KiB a tenant; p99 ${p99Many.toFixed(1)} ms, one tenant ${p99Alone.toFixed(1)} ms`,
  )
  expect(perTenant).toBeLessThan(200_000)
  expect(p99Many).toBeLessThan(5 * p99Alone + 50)
  // One stream of commits: one log for all of them.
  expect(readdirSync(join(gateway.data, 'wal'))).toEqual(['lane-0'])
  for (const sender of senders.slice(0, 50)) await sender.expectAllStored(gateway.url)
})

it('restarted with 1, 2 and 3 lanes, and back, they get the same answers', async () => {
  const expected = await answers()
  for (const answer of expected) expect(answer).toContain('"series":"19"')
  const writes = senderOf('tenant-7')
  writes.acknowledged = rounds
  for (const lanes of [2, 3, 1, 2]) {
    const { data, url } = gateway
    await gateway.stop(lanes === 3 ? 'SIGKILL' : 'SIGTERM')
    const port = Number(new URL(url).port)
    gateway = await startGateway({ data, port, args: ['--storage.lanes', String(lanes)] })
    expect(await answers(), `${lanes} lanes`).toEqual(expected)
    const logs = readdirSync(join(data, 'wal')).sort()
    expect(logs).toEqual(Array.from({ length: lanes }, (_, lane) => `lane-${lane}`))
    // What is sent again after a restart is there once, in whatever lane it lands.
    const again = senderOf('tenant-0')
    for (let round = 0; round < rounds; round++) await again.send(url)
    expect(again.refusals.size).toBe(0)
    expect(await answers(), `${lanes} lanes, sent again`).toEqual(expected)
  }
  await writes.expectAllStored(gateway.url)
})
