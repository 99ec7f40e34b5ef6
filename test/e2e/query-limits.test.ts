// Queries that want too much: each is stopped with a clear answer, and nothing else notices. Times are slack for hosts
// that are shared.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { quantile } from './load.ts'
import { until } from './process.ts'
import { write } from './remote-write.ts'

const seriesCount = 2000
const stepMs = 15_000
const pathCount = 20_000
const endMs = Math.floor(Date.now() / stepMs) * stepMs - 60_000
const sampleCount = 120
const startMs = endMs - (sampleCount - 1) * stepMs

let gateway: Gateway

interface Reply {
  readonly status: number
  readonly body: { readonly errorType?: string; readonly error?: string; readonly data?: never }
  readonly tookMs: number
}

async function ask(
  path: string,
  form: Record<string, string>,
  signal?: AbortSignal,
): Promise<Reply> {
  const from = performance.now()
  const response = await fetch(`${gateway.url}/api/v1/${path}`, {
    method: 'POST',
    body: new URLSearchParams(form),
    ...(signal === undefined ? {} : { signal }),
  })
  const body = (await response.json()) as Reply['body']
  return { status: response.status, body, tookMs: performance.now() - from }
}

const range = (query: string, more: Record<string, string> = {}): Promise<Reply> =>
  ask('query_range', {
    query,
    start: String(startMs / 1000),
    end: String(endMs / 1000),
    step: '15',
    ...more,
  })

// Eighteen thousand steps under each window: far longer than any timeout here.
const slow = (matcher: string): string =>
  `sum(quantile_over_time(0.9, wide{${matcher}}[30m:100ms])) + count(wide)`

async function activeQueries(): Promise<readonly { readonly what: string }[]> {
  return ((await gateway.get('/api/v1/status/active_queries')) as { data: { what: string }[] }).data
}

beforeAll(async () => {
  gateway = await startGateway({
    args: ['--query.max-samples', '200000', '--query.max-memory', '24MB', '--query.workers', '1'],
  })
  for (let from = 0; from < seriesCount; from += 500) {
    await write(
      gateway.url,
      Array.from({ length: 500 }, (_, i) => ({
        labels: {
          __name__: 'wide',
          series: String(from + i),
        },
        samples: Array.from(
          { length: sampleCount },
          (_, k) => [startMs + k * stepMs, (from + i) * k] as const,
        ),
      })),
    )
  }
  for (let from = 0; from < pathCount; from += 2000) {
    await write(
      gateway.url,
      Array.from({ length: 2000 }, (_, i) => ({
        labels: { __name__: 'paths', path: `/${'a'.repeat(150)}/${from + i}/${'ab'.repeat(40)}` },
        samples: [[endMs, i] as const],
      })),
    )
  }
  await write(
    gateway.url,
    Array.from({ length: 60 }, (_, i) => ({
      labels: { __name__: 'long', series: String(i), text: `${i}-${'x'.repeat(8000)}` },
      samples: [[endMs, i] as const],
    })),
  )
})

afterAll(() => gateway.stop())

describe('a query', () => {
  it('that would hold too many samples is refused with 422', async () => {
    const { status, body } = await range('wide')
    expect([status, body.errorType]).toEqual([422, 'execution'])
    expect(body.error).toMatch(/too many samples/)
  })

  it('that would hold too much memory is refused with 422 and told what to do', async () => {
    const { status, body } = await range('count(wide + on (series) wide)', { step: '1' })
    expect([status, body.errorType]).toEqual([422, 'execution'])
    expect(body.error).toMatch(/more than 24 MiB of memory.*query\.maxMemory/)
  })

  it('of more than 11,000 points is refused with 400', async () => {
    const { status, body } = await range('up', { step: '0.1' })
    expect([status, body.errorType]).toEqual([400, 'bad_data'])
    expect(body.error).toMatch(/11,000 points/)
  })

  it('that takes too long ends with 503 soon after its time', async () => {
    const { status, body, tookMs } = await range(slow('series=~"1."'), {
      timeout: '200ms',
      step: '1',
    })
    expect([status, body.errorType]).toEqual([503, 'timeout'])
    expect(tookMs).toBeLessThan(200 + 1000)
  })

  it('whose reader goes away is seen while it runs and gone soon after', async () => {
    const leaving = new AbortController()
    const query = slow('series=~"2."')
    const answer = ask(
      'query_range',
      { query, start: String(startMs / 1000), end: String(endMs / 1000), step: '1' },
      leaving.signal,
    )
    answer.catch(() => undefined)
    await until('seen', async () => (await activeQueries()).some(({ what }) => what === query))
    leaving.abort()
    await expect(answer).rejects.toThrow()
    await until('gone', async () => (await activeQueries()).length === 0, { timeoutMs: 2000 })
  })

  it('that makes endless labels is refused with 422, and the next one is answered', async () => {
    const sources = Array.from({ length: 1500 }, () => '"text"').join()
    const query = `label_join(long, "joined", "", ${sources})`
    const { status, body } = await ask('query', { query, time: String(endMs / 1000) })
    expect([status, body.errorType]).toEqual([422, 'execution'])
    expect(body.error).toMatch(/memory/)
    const after = await ask('query', { query: 'count(long)', time: String(endMs / 1000) })
    expect(after.status).toBe(200)
  })
})

describe('a hostile pattern', () => {
  it('beside ingest blocks neither health checks nor writes, and keeps its deadline', async () => {
    const pattern = '(a|aa|[a-z]*/)*(.*a.{12}){4}[0-9]+/(.*b.{15})+x'
    let over = false
    const healthMs: number[] = []
    const writeMs: number[] = []
    const watch = async (): Promise<void> => {
      while (!over) {
        const from = performance.now()
        expect((await fetch(`${gateway.url}/-/healthy`)).ok).toBe(true)
        healthMs.push(performance.now() - from)
        await sleep(20)
      }
    }
    const ingest = async (): Promise<void> => {
      for (let i = 1; !over; i++) {
        const from = performance.now()
        const labels = { __name__: 'live', series: '1' }
        await write(gateway.url, [{ labels, samples: [[endMs + i, i]] }])
        writeMs.push(performance.now() - from)
        await sleep(20)
      }
    }
    const beside = [watch(), ingest()]
    const replies: Reply[] = []
    for (let i = 0; i < 20; i++) {
      const query = `count(paths{path=~"${pattern}${i}"})`
      replies.push(await range(query, { timeout: '300ms' }))
    }
    over = true
    await Promise.all(beside)
    console.log(
      `health p99 ${quantile(healthMs, 0.99).toFixed(1)} ms of ${healthMs.length}, write p99 ${quantile(writeMs, 0.99).toFixed(1)} ms, queries at most ${Math.max(...replies.map(({ tookMs }) => tookMs)).toFixed(0)} ms`,
    )
    for (const { status, tookMs } of replies) {
      expect([200, 422, 503]).toContain(status)
      expect(tookMs).toBeLessThan(300 + 1000)
    }
    expect(Math.max(...healthMs)).toBeLessThan(500)
  })
})
