// The process is killed in mid-ingest, again and again, while senders repeat what was not acknowledged.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { randomOf } from '../tsdb/recording-files.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { Sender } from './load.ts'
import { until } from './process.ts'

const killCount = 20
const seed = 20_240_229
const intervalMs = 20_000

it(`after ${killCount} kill -9 under load every acknowledged sample is there, and none twice`, async () => {
  const random = randomOf(seed)
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 9 * 3_600_000
  // With a short wait for late data, windows are cut into blocks between and during the kills.
  const args = ['--storage.late-data-wait', '1s']
  let gateway = await startGateway({ args, waitFor: 'listening' })
  const senders = Array.from(
    { length: 4 },
    (_, i) => new Sender({ name: `s${i}`, seriesCount: 25, startMs, intervalMs }),
  )
  let stopping = false
  const sending = senders.map(async (sender) => {
    // Later in the test sample time would be in the future.
    while (!stopping && sender.acknowledged < 1600)
      await sender.send(gateway.url, 1, () => stopping)
  })
  const acknowledged = (): number => senders.reduce((sum, one) => sum + one.acknowledged, 0)
  let killedUnderReplay = 0
  for (let kill = 0; kill < killCount; kill++) {
    if (kill % 2 === 0) await untilReady(gateway)
    // Long enough now and then for windows to be cut.
    await sleep(kill % 5 === 4 ? 6000 + random() * 1000 : random() ** 2 * 1500)
    if (!(await fetch(`${gateway.url}/-/ready`)).ok) killedUnderReplay++
    gateway = await gateway.restart('SIGKILL')
  }
  await sleep(200)
  stopping = true
  await Promise.all(sending)
  await untilReady(gateway)
  for (const sender of senders) {
    await sender.expectAllStored(gateway.url, 1)
    expect([...sender.refusals.keys()].filter((status) => status < 500)).toEqual([])
  }
  const blocks = (await gateway.get('/api/v1/status/tsdb/blocks')) as {
    data: { blocks: unknown[] }
  }
  console.log(
    `${acknowledged() * 25} samples acknowledged, ${blocks.data.blocks.length} blocks, killed ${killedUnderReplay} times before ready`,
  )
  await gateway.stop()
})

function untilReady({ url, process }: Gateway): Promise<void> {
  return until('ready', async () => (await fetch(`${url}/-/ready`)).ok, { of: process })
}
