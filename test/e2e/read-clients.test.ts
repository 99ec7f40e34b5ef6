// Real readers: a Debian Prometheus that reads remotely from the gateway and one that scrapes its federation; promtool's
// queries; and the admin API, seen through what readers get afterwards.
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { promtool } from './debian-prometheus.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, type Running, start, until } from './process.ts'
import { type SeriesToWrite, write } from './remote-write.ts'

const stepMs = 15_000
const nowMs = Math.floor(Date.now() / stepMs) * stepMs
// No sample lies on the left edge of a window then, where versions 2 and 3 of Prometheus differ.
const askedAt = nowMs / 1000 + 0.5
let gateway: Gateway

function history(labels: Readonly<Record<string, string>>, slope: number): SeriesToWrite {
  const samples = Array.from(
    { length: 240 },
    (_, i) => [nowMs - (239 - i) * stepMs, i * slope] as const,
  )
  return { labels, samples }
}

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly metric: object
      readonly values?: unknown
      readonly value?: unknown
    }[]
  }
}

async function ask(url: string, query: string, time = askedAt): Promise<Answer['data']['result']> {
  const body = new URLSearchParams({ query, time: String(time) })
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body })
  const answer = (await response.json()) as Answer & { error?: string }
  if (!response.ok) throw new Error(answer.error)
  return answer.data.result
}

function startPrometheus(
  config: unknown,
): Promise<{ readonly url: string; readonly process: Running }> {
  const folder = mkdtempSync(join(tmpdir(), 'reader-'))
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
  return freePort().then(async (port) => {
    const process = start('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    const url = `http://127.0.0.1:${port}`
    await until('prometheus', async () => (await fetch(`${url}/-/ready`)).ok, { of: process })
    return { url, process }
  })
}

beforeAll(async () => {
  gateway = await startGateway({ args: ['--web.enable-admin-api'] })
  await write(gateway.url, [
    history({ __name__: 'requests_total', job: 'shop', code: '200' }, 3),
    history({ __name__: 'requests_total', job: 'shop', code: '500' }, 1),
    history({ __name__: 'temperature', room: 'a' }, -0.25),
  ])
})

afterAll(() => gateway?.stop())

describe('remote read', () => {
  it('gives a Prometheus the same samples that the gateway answers with, and what PromQL makes of them', async () => {
    const reader = await startPrometheus({
      remote_read: [{ url: `${gateway.url}/api/v1/read`, read_recent: true }],
    })
    try {
      for (const query of [
        'requests_total[1h]',
        'temperature[10m]',
        'sum by (code) (rate(requests_total[5m]))',
      ]) {
        const mine = await ask(gateway.url, query)
        const theirs = await ask(reader.url, query)
        // The gateway's external labels are part of what it gives away.
        const bare = theirs.map((series) => {
          const { crowsnest: _external, ...metric } = series.metric as Record<string, string>
          return { ...series, metric }
        })
        expect(mine.length, query).toBeGreaterThan(0)
        expect(bare, query).toEqual(mine)
      }
    } finally {
      await reader.process.stop()
    }
  })
})

describe('federation', () => {
  it('is scraped by a Prometheus, with the times of the samples', async () => {
    const scraper = await startPrometheus({
      scrape_configs: [
        {
          job_name: 'federate',
          scrape_interval: '1s',
          honor_labels: true,
          metrics_path: '/federate',
          params: { 'match[]': ['{job="shop"}'] },
          static_configs: [{ targets: [new URL(gateway.url).host] }],
        },
      ],
    })
    try {
      await until('a scrape', async () => (await ask(scraper.url, 'requests_total')).length === 2)
      const found = await ask(scraper.url, 'requests_total{code="200"}[1m]')
      expect(found[0]).toMatchObject({
        metric: { __name__: 'requests_total', code: '200', crowsnest: 'gateway', job: 'shop' },
        values: [[nowMs / 1000, '717']],
      })
    } finally {
      await scraper.process.stop()
    }
  })
})

it('answers promtool', async () => {
  const time = String(nowMs / 1000)
  const text = await promtool(
    'query',
    'instant',
    `--time=${time}`,
    gateway.url,
    'sum(requests_total)',
  )
  expect(text).toContain('=> 956 @')
  expect(await promtool('query', 'labels', gateway.url, 'code')).toBe('200\n500\n')
  const series = await promtool('query', 'series', '--match=requests_total', gateway.url)
  expect(series).toContain('{__name__="requests_total", code="200", job="shop"}')
})

it('answers in gzip and zstd to who asks for them, and the same bytes to all', async () => {
  const path = `/api/v1/query_range?query=requests_total&start=${nowMs / 1000 - 3600}&end=${nowMs / 1000}&step=15`
  const ask = (encoding: string) =>
    new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) => {
      const headers = { 'accept-encoding': encoding }
      get(gateway.url + path, { headers }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(parts) }),
        )
      }).on('error', reject)
    })
  const plain = await ask('identity')
  expect(plain.encoding).toBeUndefined()
  expect(plain.body.length).toBeGreaterThan(8000)
  const gzip = await ask('gzip')
  expect(gzip.encoding).toBe('gzip')
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true)
  const zstd = await ask('zstd')
  expect(zstd.encoding).toBe('zstd')
  expect(zstdDecompressSync(zstd.body).equals(plain.body)).toBe(true)
})

describe('the admin API', () => {
  const post = (path: string) =>
    fetch(`${gateway.url}/api/v1/admin/tsdb/${path}`, { method: 'POST' })

  it('takes a snapshot with the head in it', async () => {
    const response = await post('snapshot')
    const { data } = (await response.json()) as { data: { name: string } }
    const folder = join(gateway.data, 'snapshots', data.name, 'default-tenant')
    const blocks = readdirSync(folder)
    expect(blocks.length).toBeGreaterThan(0)
    for (const block of blocks) expect(existsSync(join(folder, block, 'meta.json'))).toBe(true)
    const dumped = await promtool('tsdb', 'analyze', folder, blocks[0]!)
    expect(dumped).toMatch(/Series: 3/)
  })

  it('deletes what is asked for, now and after a restart, and nothing else', async () => {
    const selector = encodeURIComponent('requests_total{code="500"}')
    expect((await post(`delete_series?match[]=${selector}`)).status).toBe(204)
    const left = async () =>
      (await ask(gateway.url, 'requests_total[1h]')).map(({ metric }) => metric)
    expect(await left()).toEqual([{ __name__: 'requests_total', code: '200', job: 'shop' }])
    expect((await post('clean_tombstones')).status).toBe(204)
    expect(await left()).toHaveLength(1)
    gateway = await gateway.restart()
    expect(await left()).toEqual([{ __name__: 'requests_total', code: '200', job: 'shop' }])
    expect((await ask(gateway.url, 'temperature[1h]'))[0]!.values).toHaveLength(240)
  })
})
