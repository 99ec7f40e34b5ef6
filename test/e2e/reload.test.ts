// Limits, relabelling and reload over HTTP: what a runaway sender meets, and how an operator caps it without a restart.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { post, writeBody } from './remote-write.ts'

const file = join(mkdtempSync(join(tmpdir(), 'reload-')), 'crowsnest.yaml')
let gateway: Gateway
let nowMs = Date.now()

function configure(config: unknown): void {
  writeFileSync(file, JSON.stringify(config))
}

const reload = () => fetch(`${gateway.url}/-/reload`, { method: 'POST' })

function send(names: readonly string[], headers: Record<string, string> = {}): Promise<Response> {
  nowMs += 1000
  const series = names.map((name) => ({
    labels: { __name__: name, job: 'a' },
    samples: [[nowMs, 1]] as const,
  }))
  return post(`${gateway.url}/api/v1/write`, writeBody(series), headers)
}

beforeAll(async () => {
  nowMs = Date.now() - 300_000
  configure({
    limits: { activeSeries: 2, bodySize: '64KB' },
    tenants: { overrides: { big: { limits: { activeSeries: 100 } } } },
  })
  gateway = await startGateway({ args: ['--config', file] })
})

afterAll(() => gateway?.stop())

describe('limits', () => {
  it('writes known series on and answers new ones with 429, Retry-After and the name of the limit', async () => {
    expect((await send(['a', 'b'])).status).toBe(204)
    const refused = await send(['a', 'b', 'c'])
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.text()).toMatch(/activeSeries/)
    expect(refused.headers.get('x-prometheus-remote-write-samples-written')).toBe('2')
    expect((await send(['a', 'b'])).status).toBe(204)
  })

  it('holds each tenant to its own', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    expect((await send(names, { 'THANOS-TENANT': 'big' })).status).toBe(204)
  })

  it('answers a body that is too large with 413 before it is read', async () => {
    const names = Array.from({ length: 9000 }, (_, i) => `metric_${(i * 7919) % 100_003}_${i}`)
    const refused = await send(names, { 'THANOS-TENANT': 'big' })
    expect(refused.status).toBe(413)
    expect(await refused.text()).toMatch(/limits.bodySize/)
  })
})

describe('reload', () => {
  it('raises a limit and starts to drop a metric without a restart', async () => {
    configure({
      limits: { activeSeries: 50 },
      ingest: {
        writeRelabel: [{ source_labels: ['__name__'], regex: 'runaway_.*', action: 'drop' }],
      },
    })
    expect((await reload()).status).toBe(200)
    expect((await send(['a', 'b', 'c', 'runaway_x'])).status).toBe(204)
    const { data } = (await gateway.get('/api/v1/label/__name__/values')) as { data: string[] }
    expect(data).toEqual(['a', 'b', 'c'])
  })

  it('drops a known series too, from the reload on', async () => {
    configure({
      ingest: { writeRelabel: [{ source_labels: ['__name__'], regex: 'c', action: 'drop' }] },
    })
    await reload()
    const before = nowMs
    await send(['a', 'c'])
    const newest = async (name: string): Promise<number> => {
      const path = `/api/v1/query?query=timestamp(${name})&time=${nowMs / 1000}`
      const answer = (await gateway.get(path)) as {
        data: { result: { value: [number, string] }[] }
      }
      return Number(answer.data.result[0]!.value[1]) * 1000
    }
    expect(await newest('a')).toBe(nowMs)
    expect(await newest('c')).toBeLessThanOrEqual(before)
  })

  it('keeps the old configuration when the new one has faults, and lists them all', async () => {
    configure({ limits: { activeSeries: -1 }, query: { timeout: 'never' }, unknown: 1 })
    const refused = await reload()
    expect(refused.status).toBe(400)
    const { error } = (await refused.json()) as { error: string }
    for (const part of ['limits.activeSeries', 'query.timeout', 'unknown: unknown field']) {
      expect(error).toContain(part)
    }
    expect((await send(['a', 'b'])).status).toBe(204)
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    expect(metrics).toContain('prometheus_config_last_reload_successful 0')
  })

  it('changes the log level at runtime and refuses one that is none', async () => {
    const set = (level: string) =>
      fetch(`${gateway.url}/-/log-level?level=${level}`, { method: 'POST' })
    expect((await set('debug')).status).toBe(200)
    expect((await set('loud')).status).toBe(400)
    expect(await gateway.get('/-/log-level')).toMatchObject({ data: { level: 'debug' } })
  })
})

describe('limits of readers and tenants', () => {
  const ask = async (path: string) => {
    const response = await fetch(`${gateway.url}/api/v1/${path}`)
    const { error = '', warnings = [] } = (await response.json()) as {
      error?: string
      warnings?: string[]
    }
    return { status: response.status, text: error + warnings.join() }
  }

  it('hold from a reload on, and name what to raise', async () => {
    configure({
      access: { limits: { queryRange: '1h', queriesPerMinute: 6 } },
      query: { limits: { samplesPerQuery: 1 } },
    })
    expect((await reload()).status).toBe(200)
    const end = nowMs / 1000
    const long = await ask(`query_range?query=1&start=${end - 7200}&end=${end}&step=60`)
    expect(long).toMatchObject({ status: 422, text: expect.stringMatching(/limits\.queryRange/) })
    const wide = await ask(`query?query=max_over_time({job="a"}[10m])&time=${end}`)
    expect(wide).toMatchObject({ status: 422, text: expect.stringMatching(/samplesPerQuery/) })
    expect(await ask('labels')).toMatchObject({
      status: 200,
      text: 'the list begins 1h before its end, by access.limits.queryRange',
    })
    for (let i = 0; i < 4; i++) expect((await ask('query?query=1')).status).toBe(200)
    const often = await ask('query?query=1')
    expect(often).toMatchObject({ status: 429, text: expect.stringMatching(/queriesPerMinute/) })
    configure({})
    expect((await reload()).status).toBe(200)
    expect((await ask('query?query=1')).status).toBe(200)
  })
})
