// The disk of the data directory fills up: a small file system in memory, so this needs the right to mount.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { Sender } from './load.ts'
import { post } from './remote-write.ts'

const data = mkdtempSync(join(tmpdir(), 'small-disk-'))
const ballast = join(data, 'ballast')
let gateway: Gateway | undefined

beforeAll(() => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', data])
})

afterAll(async () => {
  await gateway?.stop('SIGKILL')
  execFileSync('umount', [data])
  rmSync(data, { recursive: true })
})

function fill(leaveBytes: number): void {
  const { bavail, bsize } = statfsSync(data)
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes), 1))
}

async function metric(url: string, name: string): Promise<string | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return text.split('\n').find((line) => line.startsWith(`${name} `))
}

it('with the disk full writes get 503 that says so, reads go on, and writing resumes once there is space', async () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 3_000_000
  gateway = await startGateway({ data })
  const { url } = gateway
  const sender = new Sender({ name: 'd', seriesCount: 500, startMs, intervalMs: 1000 })
  for (let i = 0; i < 20; i++) await sender.send(url)
  fill(200_000)
  let tries = 0
  await sender.send(url, 1, () => sender.refusals.has(503))
  while (!sender.refusals.has(503) && tries++ < 500)
    await sender.send(url, 1, () => sender.refusals.has(503))
  expect(sender.refusals.has(503)).toBe(true)
  const next = sender.body(sender.acknowledged, sender.acknowledged + 1)
  const response = await post(`${url}/api/v1/write`, next)
  expect(response.status).toBe(503)
  expect(response.headers.get('retry-after')).not.toBeNull()
  expect(await response.text()).toMatch(/disk .*full.*make space/s)
  await sender.expectAllStored(url, 1)
  expect(await metric(url, 'crowsnest_wal_disk_full')).toBe('crowsnest_wal_disk_full 1')

  // A restart meanwhile changes nothing: reads go on, writes are refused.
  gateway = await gateway.restart('SIGKILL')
  await sender.expectAllStored(url, 1)
  await sender.send(url, 1, () => (sender.refusals.get(503) ?? 0) > 3)

  rmSync(ballast)
  for (let i = 0; i < 20; i++) await sender.send(url)
  await sender.expectAllStored(url)
  expect([...sender.refusals.keys()]).toEqual([503])
  expect(await metric(url, 'crowsnest_wal_disk_full')).toBe('crowsnest_wal_disk_full 0')
  gateway = await gateway.restart('SIGKILL')
  await sender.expectAllStored(url)
})
