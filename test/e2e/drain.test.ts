// Start and end of a process: what is answered while the log is replayed, how SIGTERM drains, and that a data
// directory has one user.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { rawSamples, Sender } from './load.ts'
import { until } from './process.ts'
import { post, write, writeBody } from './remote-write.ts'

let gateway: Gateway
afterEach(() => gateway.stop('SIGKILL'))

function startMs(): number {
  return Math.floor(Date.now() / 1000) * 1000 - 3_600_000
}

async function ready(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/-/ready`)
  return { status: response.status, text: await response.text() }
}

it('SIGTERM under load drains: exit code 0 within 20 s, writes get 503, nothing acknowledged is lost', async () => {
  gateway = await startGateway()
  const senders = Array.from(
    { length: 4 },
    (_, i) => new Sender({ name: `s${i}`, seriesCount: 100, startMs: startMs(), intervalMs: 1000 }),
  )
  let stopping = false
  const sending = senders.map(async (sender) => {
    while (!stopping) await sender.send(gateway.url, 1, () => stopping)
  })
  await sleep(1500)
  const beginMs = performance.now()
  const { child } = gateway.process
  await gateway.stop('SIGTERM')
  const drainMs = performance.now() - beginMs
  expect(child.exitCode, gateway.process.output()).toBe(0)
  expect(drainMs).toBeLessThan(20_000)
  stopping = true
  await Promise.all(sending)
  const refusals = senders.flatMap((sender) => [...sender.refusals.keys()])
  expect(refusals.filter((status) => status !== 503)).toEqual([])
  gateway = await gateway.restart()
  for (const sender of senders) {
    expect(sender.acknowledged).toBeGreaterThan(3)
    await sender.expectAllStored(gateway.url, 1)
  }
  console.log(`drained in ${drainMs.toFixed(0)} ms under load`)
})

it('while the log is replayed queries get 503 with progress, and writes are kept', async () => {
  gateway = await startGateway()
  // Enough to replay for a while: many series, so that it is not only samples.
  const seriesPerBody = 5000
  for (let body = 0; body < 40; body++) {
    const series = Array.from({ length: seriesPerBody }, (_, i) => ({
      labels: { __name__: 'filler', body: String(body), i: String(i), pod: `pod-${body}-${i}` },
      samples: [[startMs(), i] as const],
    }))
    expect((await post(`${gateway.url}/api/v1/write`, writeBody(series))).status).toBe(204)
  }
  await gateway.stop('SIGKILL')
  gateway = await startGateway({
    data: gateway.data,
    port: Number(new URL(gateway.url).port),
    waitFor: 'listening',
  })
  const sender = new Sender({ name: 'r', seriesCount: 50, startMs: startMs(), intervalMs: 1000 })
  const seen: string[] = []
  let refusedQuery = ''
  let writtenBefore = 0
  for (;;) {
    const { status, text } = await ready(gateway.url)
    if (status === 200) break
    expect(status).toBe(503)
    seen.push(text)
    await sender.send(gateway.url)
    if ((await ready(gateway.url)).status === 503) writtenBefore = sender.acknowledged
    const response = await fetch(`${gateway.url}/api/v1/query?query=count(filler)`)
    if (response.status === 503) refusedQuery = await response.text()
    else await response.arrayBuffer()
  }
  console.log(`${seen.length} looks: ${seen.at(-1)}; ${writtenBefore} bodies written before ready`)
  expect(seen.some((text) => /replayed: [1-9]\d* % of \d+ bytes/.test(text))).toBe(true)
  expect(refusedQuery).toMatch(/replayed: \d+ %/)
  expect(writtenBefore).toBeGreaterThan(0)
  expect([...sender.refusals.keys()]).toEqual([])
  await sender.expectAllStored(gateway.url)
  const time = (Date.now() - 3_600_000) / 1000
  const answer = await rawSamples(gateway.url, 'filler{body="39"}', (time - 300) * 1000, Date.now())
  expect(answer.size).toBe(seriesPerBody)
})

it('SIGTERM while a large window is cut ends in time, and the window is cut at last', async () => {
  const args = ['--storage.late-data-wait', '1s']
  gateway = await startGateway({ args })
  const { url } = gateway
  const oldMs = Date.now() - 6 * 3_600_000
  const [bodyCount, seriesPerBody] = [75, 4000]
  for (let body = 0; body < bodyCount; body++) {
    const series = Array.from({ length: seriesPerBody }, (_, i) => ({
      labels: { __name__: 'large', body: String(body), i: String(i), pod: `pod-${body}-${i}` },
      samples: [[oldMs, i] as const],
    }))
    expect((await post(`${url}/api/v1/write`, writeBody(series))).status).toBe(204)
  }
  // The data's clock moves on, so that the window before is due at the next look, within five seconds.
  await write(url, [{ labels: { __name__: 'now' }, samples: [[Date.now(), 1]] }])
  await until('the cut begins', () =>
    readdirSync(join(gateway.data, 'blocks'), { recursive: true }).some((name) =>
      String(name).includes('.tmp-for-creation'),
    ),
  )
  const { child } = gateway.process
  const beginMs = performance.now()
  await gateway.stop('SIGTERM')
  expect(child.exitCode, gateway.process.output()).toBe(0)
  expect(performance.now() - beginMs).toBeLessThan(20_000)
  const first = gateway.process
  gateway = await gateway.restart()
  const count = async (): Promise<string> => {
    const form = `query=count(large)&time=${(oldMs + 1000) / 1000}`
    return JSON.stringify(await gateway.get(`/api/v1/query?${form}`))
  }
  expect(await count()).toContain(`"${bodyCount * seriesPerBody}"`)
  const isCut = ({ output }: typeof first): boolean => output().includes('window cut')
  await until('the window is cut', () => isCut(first) || isCut(gateway.process), {
    timeoutMs: 90_000,
    everyMs: 500,
  })
  console.log(`the cut ended ${isCut(first) ? 'before the process' : 'after the next start'}`)
  expect(await count()).toContain(`"${bodyCount * seriesPerBody}"`)
})

it('a second process on the same data directory is refused and names the first', async () => {
  gateway = await startGateway()
  const second = startGateway({ data: gateway.data })
  await expect(second).rejects.toThrow(new RegExp(`in use by process ${gateway.process.child.pid}`))
  await until('the first goes on', async () => (await ready(gateway.url)).status === 200)
})
