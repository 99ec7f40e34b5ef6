// The process is killed in mid-ingest, again and again, while senders repeat what was not acknowledged and while windows
// are cut and shipped to the bucket in the data folder.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { randomOf } from '../tsdb/recording-files.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { Sender } from './load.ts'
import { until } from './process.ts'

const killCount = 20
const seed = 20_240_229
const intervalMs = 8_000

it(`after ${killCount} kill -9 under load every acknowledged sample is there, and none twice`, async () => {
  const random = randomOf(seed)
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 9 * 3_600_000
  // With a short wait for late data, windows are cut into blocks between and during the kills.
  const args = ['--storage.late-data-wait', '1s', '--storage.ship-interval', '1s']
  let gateway = await startGateway({ args, waitFor: 'listening' })
  const senders = Array.from(
    { length: 4 },
    (_, i) => new Sender({ name: `s${i}`, seriesCount: 25, startMs, intervalMs }),
  )
  let stopping = false
  const sending = senders.map(async (sender) => {
    // Later in the test sample time would be in the future.
    while (!stopping && sender.acknowledged < 4000)
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
  const shippedCount = expectWholeBlocks(join(gateway.data, 'bucket'))
  const blocks = (await gateway.get('/api/v1/status/tsdb/blocks')) as {
    data: { blocks: unknown[] }
  }
  console.log(
    `${acknowledged() * 25} samples acknowledged, ${blocks.data.blocks.length} blocks, ${shippedCount} shipped, killed ${killedUnderReplay} times before ready`,
  )
  await gateway.stop()
})

function untilReady({ url, process }: Gateway): Promise<void> {
  return until('ready', async () => (await fetch(`${url}/-/ready`)).ok, { of: process })
}

/** A block with a meta.json has all the files that it names, as long as it says. Returns how many there are. */
function expectWholeBlocks(bucket: string): number {
  if (!existsSync(bucket)) return 0
  const blocks = readdirSync(bucket).filter((name) => existsSync(join(bucket, name, 'meta.json')))
  for (const ulid of blocks) {
    const meta = JSON.parse(readFileSync(join(bucket, ulid, 'meta.json'), 'utf8')) as {
      thanos: { files: { rel_path: string; size_bytes?: number }[] }
    }
    for (const { rel_path, size_bytes } of meta.thanos.files) {
      const { size } = statSync(join(bucket, ulid, rel_path))
      if (size_bytes !== undefined) expect(size, `${ulid}/${rel_path}`).toBe(size_bytes)
    }
  }
  return blocks.length
}
