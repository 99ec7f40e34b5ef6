// The tools and the procedures of docs/backup.md, tried as an operator would: restore from a snapshot, back-filled rules,
// replicas that become one series, the debug bundle.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { start } from './process.ts'
import { write } from './remote-write.ts'

const stepMs = 15_000
const nowMs = Math.floor(Date.now() / stepMs) * stepMs
const root = resolve(import.meta.dirname, '../..')
let gateway: Gateway

interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number, string])[]
}

async function ask(of: Gateway, query: string): Promise<readonly Series[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(query)}&time=${nowMs / 1000}`
  return ((await of.get(path)) as { data: { result: readonly Series[] } }).data.result
}

async function tools(...args: readonly string[]): Promise<string> {
  const bundle = process.env.GATEWAY_BUNDLE
  const entry = bundle === undefined ? join(root, 'src/main.ts') : resolve(bundle, 'main.js')
  const run = start(process.execPath, [entry, 'tools', ...args], { cwd: root })
  await new Promise((done) => run.child.once('exit', done))
  expect([run.child.exitCode, run.output()]).toEqual([0, run.output()])
  return run.output()
}

function history(labels: Readonly<Record<string, string>>, offsetMs = 0) {
  const samples = Array.from(
    { length: 240 },
    (_, i) => [nowMs - (239 - i) * stepMs + offsetMs, i * 3] as const,
  )
  return { labels, samples }
}

beforeAll(async () => {
  gateway = await startGateway({
    args: ['--web.enable-admin-api', '--query.replica-label', 'replica'],
  })
  await write(gateway.url, [
    history({ __name__: 'requests_total', job: 'shop', code: '200' }),
    history({ __name__: 'requests_total', job: 'shop', code: '500' }),
    history({ __name__: 'paired_total', replica: 'a' }),
    history({ __name__: 'paired_total', replica: 'b' }, -1000),
  ])
})

afterAll(() => gateway?.stop())

it('restores a snapshot into another data folder: the same answers', async () => {
  const response = await fetch(`${gateway.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })
  const { data } = (await response.json()) as { data: { name: string } }
  const restored = mkdtempSync(join(tmpdir(), 'restored-'))
  mkdirSync(join(restored, 'blocks'))
  cpSync(join(gateway.data, 'snapshots', data.name), join(restored, 'blocks'), { recursive: true })
  // A folder without format.json but with blocks is somebody's: the format is part of what is copied.
  cpSync(join(gateway.data, 'format.json'), join(restored, 'format.json'))
  const other = await startGateway({ data: restored })
  try {
    const query = 'requests_total[2h]'
    const theirs = await ask(other, query)
    expect(theirs).toEqual(await ask(gateway, query))
    expect(theirs[0]!.values).toHaveLength(240)
  } finally {
    await other.stop()
  }
})

it('answers with one series where replicas differ only in their label', async () => {
  const [series, ...more] = await ask(gateway, 'paired_total')
  expect(more).toEqual([])
  expect(series!.metric).toEqual({ __name__: 'paired_total' })
  const [rate] = await ask(gateway, 'rate(paired_total[10m])')
  expect(Number(rate!.value![1])).toBeCloseTo(0.2, 2)
})

it('back-fills recording rules from a server into blocks that tools and a gateway read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  const file = join(folder, 'rules.yml')
  const rules = [
    {
      record: 'job:requests:rate5m',
      expr: 'sum by (job) (rate(requests_total[5m]))',
      labels: { level: 'job' },
    },
    { alert: 'Ignored', expr: 'up == 0' },
  ]
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'g', interval: '30s', rules }] }))
  const out = join(folder, 'blocks/default-tenant')
  const [from, to] = [nowMs / 1000 - 1800, nowMs / 1000]
  const report = await tools(
    ...['tsdb', 'create-blocks-from', 'rules', file, '--start', String(from), '--end', String(to)],
    ...['--url', gateway.url, '--output-dir', out],
  )
  expect(report).toMatch(/^[0-9A-Z]{26} \d+ \d+ \d+ samples/)
  const lines = (await tools('tsdb', 'dump', out)).trim().split('\n')
  expect(lines).toHaveLength(Math.floor(to / 30) - Math.ceil(from / 30) + 1)
  expect(lines[0]).toMatch(
    /^\{__name__="job:requests:rate5m", job="shop", level="job"\} 0\.(4|39999)\d* \d+$/,
  )
})

it('collects what a support case needs', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'debug-')), 'bundle')
  await tools('debug', 'bundle', '--url', gateway.url, '--output-dir', folder)
  const files = readdirSync(folder)
  expect(files).toContain('metrics.txt')
  for (const file of files) {
    const text = readFileSync(join(folder, file), 'utf8')
    expect(text, file).not.toMatch(/^not collected|"status":"error"/)
  }
})
