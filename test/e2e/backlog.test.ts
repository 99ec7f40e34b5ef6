// Two senders of one tenant; one is cut off for four hours of sample time while the other goes on, then delivers its
// backlog. Sample time is driven by the bodies, from ten hours ago on; nothing waits for the clock on the wall.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { quantile, Sender } from './load.ts'
import { until } from './process.ts'

const hour = 3_600_000
const intervalMs = 15_000
const seriesCount = 200
const startMs = Math.floor(Date.now() / (2 * hour)) * 2 * hour - 10 * hour

interface BlockMeta {
  readonly minTime: number
  readonly maxTime: number
  readonly stats: { readonly numSamples: number; readonly numSeries: number }
}

async function blocksOf(gateway: Gateway): Promise<BlockMeta[]> {
  const answer = (await gateway.get('/api/v1/status/tsdb/blocks')) as {
    data: { blocks: BlockMeta[] }
  }
  return answer.data.blocks
}

async function sendHours(sender: Sender, url: string, hours: number): Promise<void> {
  for (let i = 0; i < (hours * hour) / intervalMs; i++) await sender.send(url)
}

it('a sender that was cut off for four hours of sample time delivers its backlog: no 4xx, nothing missing, blocks complete', async () => {
  const gateway = await startGateway({ args: ['--storage.late-data-wait', '3s'] })
  const { url } = gateway
  const options = { seriesCount, startMs, intervalMs }
  const live = new Sender({ ...options, name: 'live' })
  const late = new Sender({ ...options, name: 'late' })
  await Promise.all([sendHours(live, url, 2), sendHours(late, url, 2)])
  live.latenciesMs.length = 0
  await sendHours(live, url, 4)
  const before = quantile(live.latenciesMs, 0.99)
  live.latenciesMs.length = 0

  // The backlog comes in bodies of 20 samples per series, in order, as fast as it is taken.
  let delivered = false
  const backlog = (async () => {
    const due = (6 * hour) / intervalMs
    while (late.acknowledged < due) await late.send(url, Math.min(20, due - late.acknowledged))
    delivered = true
  })()
  while (!delivered) await live.send(url)
  await backlog
  const during = quantile(live.latenciesMs, 0.99)
  const liveCount = live.latenciesMs.length
  await sendHours(live, url, 3)
  await sendHours(late, url, (live.acknowledged - late.acknowledged) * (intervalMs / hour))

  for (const sender of [live, late]) {
    expect([...sender.refusals], sender.options.name).toEqual([])
    await sender.expectAllStored(url)
  }
  console.log(
    `live p99 ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms while the backlog came (${liveCount} bodies)`,
  )
  expect(during).toBeLessThan(10 * before + 20)

  // The windows of the outage become blocks, by the clock of the data, and hold every sample of both senders.
  const windowSamples = 2 * seriesCount * ((2 * hour) / intervalMs)
  const cutTo = startMs + 6 * hour
  await until(
    'the windows are cut',
    async () => {
      const samples = (await blocksOf(gateway))
        .filter(({ maxTime }) => maxTime <= cutTo)
        .reduce((sum, { stats }) => sum + stats.numSamples, 0)
      return samples === 3 * windowSamples
    },
    { timeoutMs: 60_000, everyMs: 500 },
  )
  await sleep(11_000)
  for (const sender of [live, late]) await sender.expectAllStored(url)
  const after = await gateway.restart('SIGKILL')
  for (const sender of [live, late]) await sender.expectAllStored(url)
  await after.stop()
})
