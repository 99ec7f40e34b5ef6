// A Debian Prometheus scrapes a node exporter and itself, and remote-writes to a gateway. What both can be asked, both
// answer alike: selectors bit for bit; functions at times where version 2.42 and version 3 agree (no sample on a
// window's left edge, names dropped alike).
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, type Running, start, until } from './process.ts'

interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

async function query(url: string, expression: string, time: number): Promise<Series[]> {
  const form = new URLSearchParams({ query: expression, time: String(time) })
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: form })
  const answer = (await response.json()) as { status: string; data: { result: Series[] } }
  if (answer.status !== 'success') throw new Error(`${expression}: ${JSON.stringify(answer)}`)
  return answer.data.result
}

function byLabels(series: readonly Series[]): Map<string, Series> {
  const key = (one: Series): string => JSON.stringify(Object.entries(one.metric).sort())
  return new Map(series.map((one) => [key(one), one]))
}

const functions = [
  'rate(node_cpu_seconds_total[20s])',
  'sum by (mode) (rate(node_cpu_seconds_total[20s]))',
  'increase(prometheus_http_requests_total[20s])',
  'irate(node_cpu_seconds_total[20s])',
  'delta(node_memory_MemFree_bytes[20s])',
  'deriv(node_memory_MemFree_bytes[20s])',
  'predict_linear(node_memory_MemFree_bytes[20s], 60)',
  'avg_over_time(node_load1[20s])',
  'max_over_time(node_load1[20s])',
  'quantile_over_time(0.9, node_memory_MemFree_bytes[20s])',
  'stddev_over_time(node_memory_MemFree_bytes[20s])',
  'count_over_time(up[20s])',
  'changes(node_memory_MemFree_bytes[20s])',
  'resets(node_cpu_seconds_total[20s])',
  'histogram_quantile(0.9, sum by (le, handler) (rate(prometheus_http_request_duration_seconds_bucket[20s])))',
  'topk(3, node_filesystem_size_bytes)',
  'count by (__name__) ({job="node"})',
  'sum without (cpu) (node_cpu_seconds_total)',
  'node_filesystem_avail_bytes / node_filesystem_size_bytes',
  'up == 1',
  'node_filesystem_size_bytes > bool 1e9',
  'node_uname_info * on (instance) group_left (nodename) up',
  'max by (device) (node_filesystem_size_bytes) or vector(1)',
  'absent(nonexistent_metric{a="b"})',
  'label_replace(up, "host", "$1", "instance", "(.*):.*")',
  'avg_over_time(sum(up)[20s:2s])',
  'sum(up offset 10s)',
  'vector(scalar(sum(up)) + 1)',
  'quantile(0.5, node_cpu_seconds_total)',
  'count_values("v", up)',
  'floor(node_load1 * 100)',
]

/** A target whose counter goes up by one with every scrape. */
async function startTarget(): Promise<{ port: number; scrapes: () => number; close: () => void }> {
  let scrapes = 0
  const server = createServer((_request, response) => {
    scrapes++
    response.end(`# TYPE scrapes_total counter\nscrapes_total ${scrapes}\n`)
  })
  const port = await freePort()
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  return { port, scrapes: () => scrapes, close: () => server.close() }
}

describe('a Prometheus server that writes to the gateway', () => {
  let gateway: Gateway
  let exporter: Running
  let prometheus: Running
  let url: string
  let time: number

  beforeAll(async () => {
    gateway = await startGateway()
    const [exporterPort, port] = [await freePort(), await freePort()]
    exporter = start('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${exporterPort}`])
    const folder = mkdtempSync(join(tmpdir(), 'peer-'))
    const target = (job: string, at: number) => ({
      job_name: job,
      static_configs: [{ targets: [`127.0.0.1:${at}`] }],
    })
    const config = {
      global: { scrape_interval: '1s' },
      scrape_configs: [target('node', exporterPort), target('prometheus', port)],
      remote_write: [
        { url: `${gateway.url}/api/v1/write`, queue_config: { batch_send_deadline: '500ms' } },
      ],
    }
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
    prometheus = start('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    url = `http://127.0.0.1:${port}`
    await until('prometheus', async () => (await fetch(`${url}/-/ready`)).ok, { of: prometheus })
    await sleep(40_000)
    time = Math.floor(Date.now() / 1000) + 0.443
    await until(
      'the newest samples have arrived',
      async () =>
        (await query(gateway.url, 'min(timestamp(up))', Date.now() / 1000))[0]?.value !==
          undefined &&
        Number((await query(gateway.url, 'min(timestamp(up))', Date.now() / 1000))[0]!.value![1]) >
          time,
      { timeoutMs: 30_000 },
    )
  })

  afterAll(async () => {
    await prometheus?.stop()
    await exporter?.stop()
    await gateway?.stop()
  })

  it('gets the same raw samples from both, bit for bit', async () => {
    const selector = '{job=~"node|prometheus"}[30s]'
    const theirs = byLabels(await query(url, selector, time))
    const ours = byLabels(await query(gateway.url, selector, time))
    expect(theirs.size).toBeGreaterThan(500)
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
    let samples = 0
    for (const [key, series] of theirs) {
      expect(ours.get(key)!.values, key).toEqual(series.values)
      samples += series.values!.length
    }
    expect(samples).toBeGreaterThan(10_000)
  })

  it('gets the same instant vectors from both, bit for bit', async () => {
    for (const selector of [
      '{job="node"}',
      'up',
      'node_cpu_seconds_total{mode!~"idle|iowait"}',
      '{__name__=~"node_m.*"}',
    ]) {
      const theirs = byLabels(await query(url, selector, time))
      expect(byLabels(await query(gateway.url, selector, time)), selector).toEqual(theirs)
    }
  })

  for (const expression of functions) {
    it(`evaluates ${expression} as it does`, async () => {
      const theirs = byLabels(await query(url, expression, time))
      const ours = byLabels(await query(gateway.url, expression, time))
      expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
      for (const [key, { value }] of theirs) {
        const [ourTime, ourValue] = ours.get(key)!.value!
        expect(ourTime).toBe(value![0])
        const [a, b] = [Number(ourValue), Number(value![1])]
        const near =
          a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= 1e-9 * Math.abs(b)
        expect(near, `${key}: ${ourValue} against ${value![1]}`).toBe(true)
      }
    })
  }
})

it('a Prometheus agent that finds the gateway away for a minute catches up: every scrape once, no gap', async () => {
  let gateway = await startGateway()
  const target = await startTarget()
  const folder = mkdtempSync(join(tmpdir(), 'agent-'))
  const config = {
    global: { scrape_interval: '500ms' },
    scrape_configs: [
      { job_name: 'app', static_configs: [{ targets: [`127.0.0.1:${target.port}`] }] },
    ],
    remote_write: [
      {
        url: `${gateway.url}/api/v1/write`,
        queue_config: { batch_send_deadline: '500ms', max_backoff: '1s' },
      },
    ],
  }
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const agent = start('prometheus', [
    '--enable-feature=agent',
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.agent.path=${join(folder, 'agent')}`,
    `--web.listen-address=127.0.0.1:${await freePort()}`,
  ])
  try {
    await until('scrapes', () => target.scrapes() > 20, { of: agent })
    await gateway.stop()
    await sleep(60_000)
    gateway = await gateway.restart()
    const seen = async (): Promise<number[]> => {
      const result = await query(gateway.url, 'scrapes_total[5m]', Date.now() / 1000)
      return (result[0]?.values ?? []).map(([, value]) => Number(value))
    }
    const due = target.scrapes()
    await until('catching up', async () => ((await seen()).at(-1) ?? 0) >= due, {
      timeoutMs: 60_000,
    })
    const values = await seen()
    expect(values).toEqual(values.map((_, i) => i + 1))
    expect(values.length).toBeGreaterThan(120)
  } finally {
    await agent.stop()
    await gateway.stop()
    target.close()
  }
})
