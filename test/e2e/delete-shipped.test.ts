// Deleting series whose blocks are in the bucket already: gone from answers at once, over a kill and without local blocks,
// and from the bucket's blocks a little later, as promtool reads them.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { promtoolDump } from './debian-prometheus.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { until } from './process.ts'
import { write } from './remote-write.ts'

const stepMs = 60_000
const endMs = Math.floor(Date.now() / stepMs) * stepMs
const startMs = endMs - 6 * 3_600_000
const deleted = { start: startMs + 3_600_000, end: endMs - 3_600_000 }
let gateway: Gateway

beforeAll(async () => {
  gateway = await startGateway({
    args: [
      ...['--storage.ship-interval', '1s', '--objstore.delete-delay', '2s'],
      '--web.enable-admin-api',
    ],
  })
})
afterAll(async () => {
  await gateway?.stop()
})

function blocksIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  const names = readdirSync(directory).filter((name) => /^[0-9A-Z]{26}$/.test(name))
  return names.filter((name) => existsSync(join(directory, name, 'meta.json')))
}

async function countOf(metric: string): Promise<number> {
  const query = `sum(count_over_time(${metric}[7h]))`
  const path = `/api/v1/query?query=${encodeURIComponent(query)}&time=${endMs / 1000}`
  const answer = (await gateway.get(path)) as { data: { result: { value: [number, string] }[] } }
  return Number(answer.data.result[0]?.value[1] ?? 0)
}

it('holds in answers and in the bucket, over kill -9 and without the local blocks', async () => {
  const bucket = join(gateway.data, 'bucket')
  const times = Array.from({ length: 360 }, (_, i) => startMs + i * stepMs)
  const series = ['secret', 'open'].flatMap((name) =>
    ['a', 'b'].map((pod) => ({
      labels: { __name__: name, pod },
      samples: times.map((t) => [t, (t - startMs) / stepMs] as const),
    })),
  )
  await write(gateway.url, series)
  const admin = `${gateway.url}/api/v1/admin/tsdb`
  await fetch(`${admin}/snapshot`, { method: 'POST' })
  const local = join(gateway.data, 'blocks/default-tenant')
  const blockCount = blocksIn(local).length
  expect(blockCount).toBeGreaterThanOrEqual(3)
  await until('all is shipped', async () => blocksIn(bucket).length === blockCount)
  const before = new Set(blocksIn(bucket))
  const range = `start=${deleted.start / 1000}&end=${deleted.end / 1000}`
  const answer = await fetch(`${admin}/delete_series?match[]=secret{pod="a"}&${range}`, {
    method: 'POST',
  })
  expect(answer.status).toBe(204)
  const left = 720 - times.filter((t) => t >= deleted.start && t <= deleted.end).length
  expect(await countOf('secret')).toBe(left)
  await gateway.stop('SIGKILL')
  for (const ulid of blocksIn(local)) rmSync(join(local, ulid), { recursive: true })
  rmSync(join(gateway.data, 'wal'), { recursive: true })
  rmSync(join(gateway.data, 'cache'), { recursive: true, force: true })
  gateway = await gateway.restart()
  await until('the bucket is listed', async () => (await countOf('open')) > 0)
  expect(await countOf('open')).toBe(720)
  expect(await countOf('secret')).toBe(left)
  await until('the old blocks are gone', async () => {
    const now = blocksIn(bucket)
    return now.length === blockCount && [...before].filter((ulid) => now.includes(ulid)).length <= 1
  })
  expect(await countOf('open')).toBe(720)
  expect(await countOf('secret')).toBe(left)
  const lines = await promtoolDump(bucket)
  const timesOf = (text: string): number[] =>
    lines.filter((line) => line.includes(text)).map((line) => Number(line.split(' ').at(-1)))
  expect(timesOf('open').length).toBe(720)
  expect(timesOf('secret').length).toBe(left)
  const secret = lines.filter((line) => line.includes('secret') && line.includes('pod="a"'))
  const inside = secret.filter((line) => {
    const t = Number(line.split(' ').at(-1))
    return t >= deleted.start && t <= deleted.end
  })
  expect(inside).toEqual([])
})
