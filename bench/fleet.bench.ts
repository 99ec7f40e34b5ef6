// The fleet of a large hub: 3,000 clusters × 200 policies × 500 applications in a fleet thread, asked and followed while
// it changes. Units: ms, MiB, CPU seconds per second. Budgets: p99 of the API 100 ms, a transition on the stream
// within 2 s, 500 MiB of state. Run: npm run bench:fleet.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, Worker } from 'node:worker_threads'
import { connectFleet, type FleetCall, type FleetConnection } from '../src/fleet/index.ts'
import { clusterName, hubSize } from './fleet-hub.ts'

const budgets = { apiMs: 100, streamMs: 2000, stateMebibytes: 500 }
const measureMs = 30_000

const directory = mkdtempSync(join(tmpdir(), 'bench-fleet-'))
const { port1, port2 } = new MessageChannel()
const rssAtStart = process.memoryUsage().rss
const worker = new Worker(new URL('./fleet-thread.ts', import.meta.url), {
  workerData: { port: port2, directory },
  transferList: [port2],
  resourceLimits: { maxYoungGenerationSizeMb: 64 },
})
const written = { bodies: 0, bytes: 0 }
const fleet = connectFleet(port1, {
  async write(body) {
    written.bodies++
    written.bytes += body.length
  },
  onMembership: () => undefined,
})

const scope = 'all' as const
const list = (name: string, more: object = {}): FleetCall =>
  ({
    kind: 'list',
    list: name,
    scope,
    filter: {},
    limit: 100,
    format: 'json',
    ...more,
  }) as FleetCall
const one = (name: string, object: object): FleetCall =>
  ({ kind: 'object', list: name, scope, filter: {}, limit: 100, ...object }) as FleetCall

const calls: Readonly<Record<string, (number: number) => FleetCall>> = {
  summary: () => ({ kind: 'summary', scope, filter: {} }),
  'clusters, a page': () => list('clusters'),
  'clusters of a set and state': (i) =>
    list('clusters', { filter: { set: [`set-000${i % 10}`], state: ['unavailable'] } }),
  'clusters by label': () =>
    list('clusters', { filter: { selector: 'team.example/label-1=value-4' } }),
  'one cluster': (i) => one('clusters', { namespace: '', name: clusterName(i % hubSize.clusters) }),
  'policies, sorted by state': () => list('policies', { sort: 'state' }),
  'policies on a cluster': (i) =>
    list('policies', { filter: { cluster: [clusterName(i % hubSize.clusters)] } }),
  'one policy, a page of clusters': (i) =>
    one('policies', { namespace: 'policies', name: `policy-0${String(i % 200).padStart(3, '0')}` }),
  'applications that failed': () => list('applications', { filter: { state: ['failed'] } }),
  'addons of a name': () => list('addons', { filter: { name: 'addon-0001' } }),
  placements: () => list('placements'),
  events: () => list('events'),
}

function quantile(values: readonly number[], part: number): number {
  return (
    values.toSorted((a, b) => a - b)[
      Math.min(values.length - 1, Math.floor(part * values.length))
    ] ?? 0
  )
}

async function measureCalls(deadlineMs: number): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>()
  for (let number = 0; performance.now() < deadlineMs; number++) {
    for (const [name, callOf] of Object.entries(calls)) {
      const fromMs = performance.now()
      await fleet.ask(callOf(number))
      const took = performance.now() - fromMs
      times.set(name, [...(times.get(name) ?? []), took])
      await sleep(15)
    }
  }
  return times
}

async function measureStream(fleet: FleetConnection, signal: AbortSignal): Promise<number[]> {
  const delays: number[] = []
  for await (const events of fleet.follow({ afterId: 0, scope }, signal))
    for (const { kind, message } of events) {
      const at = /changed at (\d+)/.exec(message)?.[1]
      if (kind === 'cluster' && at !== undefined) delays.push(Date.now() - Number(at))
    }
  return delays
}

interface ThreadFigures {
  readonly heapBytes: number
  readonly rssBytes: number
  /** CPU time of each call. */
  readonly askMs: readonly number[]
  /** CPU time between two looks five milliseconds apart, or as soon as the thread came to look. */
  readonly tickMs: readonly number[]
}

function memory(): Promise<ThreadFigures> {
  return new Promise((resolve) => {
    worker.once('message', resolve)
    worker.postMessage('collect')
  })
}

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20)

const startMs = performance.now()
for (;;) {
  const answer = await fleet.ask(list('sources')).catch(() => undefined)
  if (answer !== undefined && new TextDecoder().decode(answer.body).includes('"synced"')) break
  await sleep(200)
}
const syncMs = performance.now() - startMs
const syncCpu = process.cpuUsage()
// The first samples of every series, which take a while.
for (let bodies = -1; bodies !== written.bodies; ) {
  bodies = written.bodies
  await sleep(2000)
}
const atRest = await memory()
const cpuBefore = process.cpuUsage()
const ending = new AbortController()
const stream = measureStream(fleet, ending.signal)
worker.postMessage('change')
const times = await measureCalls(performance.now() + measureMs)
const cpu = process.cpuUsage(cpuBefore)
worker.postMessage('rest')
await sleep(2500)
ending.abort()
const delays = await stream
const after = await memory()
await fleet.close()
await worker.terminate()
port1.close()
rmSync(directory, { recursive: true })

const all = [...times.values()].flat()
const result = {
  hub: hubSize,
  firstSyncMs: Math.round(syncMs),
  firstSyncCpuSeconds: (syncCpu.user + syncCpu.system) / 1e6,
  stateHeapMebibytes: mebibytes(after.heapBytes),
  stateRssMebibytes: mebibytes(after.rssBytes - rssAtStart),
  stateRssMebibytesAtRest: mebibytes(atRest.rssBytes - rssAtStart),
  cpuSecondsPerSecond: (cpu.user + cpu.system) / 1e3 / measureMs,
  apiP50Ms: quantile(all, 0.5),
  apiP99Ms: quantile(all, 0.99),
  apiCalls: all.length,
  apiCpuP50Ms: quantile(after.askMs, 0.5),
  apiCpuP99Ms: quantile(after.askMs, 0.99),
  busyCpuP99Ms: quantile(after.tickMs, 0.99),
  busyCpuMaxMs: quantile(after.tickMs, 1),
  streamP99Ms: quantile(delays, 0.99),
  streamMaxMs: quantile(delays, 1),
  streamEvents: delays.length,
  samplesMebibytes: mebibytes(written.bytes),
}
console.table(
  [...times].map(([name, own]) => ({
    call: name,
    p50: quantile(own, 0.5).toFixed(1),
    p99: quantile(own, 0.99).toFixed(1),
    max: quantile(own, 1).toFixed(1),
  })),
)
console.log(result)
const isOver =
  result.apiP99Ms > budgets.apiMs ||
  result.streamMaxMs > budgets.streamMs ||
  result.stateHeapMebibytes > budgets.stateMebibytes ||
  delays.length === 0
if (isOver) {
  console.error('over budget', budgets)
  process.exitCode = 1
}
