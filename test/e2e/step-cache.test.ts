// Range queries asked again: steps come from the cache until what they look at changes, on any thread that holds samples.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { write } from './remote-write.ts'

const minute = 60_000
const endMs = Math.floor(Date.now() / minute) * minute
const startMs = endMs - 60 * minute
let gateway: Gateway

beforeAll(async () => {
  gateway = await startGateway({ args: ['--query.workers', '2', '--web.enable-admin-api'] })
  await write(
    gateway.url,
    ['a', 'b'].map((pod) => ({
      labels: { __name__: 'm', pod },
      samples: Array.from({ length: 60 }, (_, i) => [startMs + i * minute, i] as const),
    })),
  )
})

afterAll(() => gateway.stop())

async function ask(more = ''): Promise<unknown> {
  const range = `start=${startMs / 1000}&end=${(endMs - minute) / 1000}&step=60`
  return gateway.get(`/api/v1/query_range?query=sum(m)&${range}${more}`)
}

async function stepsFromCache(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^crowsnest_query_range_steps_total\{source="cache"\} (\d+)/m.exec(text)?.[1] ?? 0)
}

async function gained(work: () => Promise<unknown>): Promise<number> {
  const before = await stepsFromCache()
  await work()
  return (await stepsFromCache()) - before
}

it('a range asked again comes from the cache, but for steps that late samples or deletions changed', async () => {
  expect(await gained(ask)).toBe(0)
  expect(await gained(ask)).toBe(60)
  expect(await gained(() => ask('&nocache=1'))).toBe(0)
  await write(gateway.url, [
    { labels: { __name__: 'm', pod: 'late' }, samples: [[startMs + 40 * minute, 1000]] },
  ])
  expect(await gained(ask)).toBe(40)
  expect(await ask()).toEqual(await ask('&nocache=1'))
  const deleted = await fetch(
    `${gateway.url}/api/v1/admin/tsdb/delete_series?match[]=m{pod="b"}&start=${startMs / 1000}&end=${(startMs + 10 * minute) / 1000}`,
    { method: 'POST' },
  )
  expect(deleted.status).toBe(204)
  expect(await gained(async () => expect(await ask()).toEqual(await ask('&nocache=1')))).toBe(0)
  expect(await gained(ask)).toBe(60)
})
