// What queries cost the server, against Prometheus and VictoriaMetrics over the same data: a fleet's series at 30 s with
// pods that come and go. Every answer is first compared with Prometheus', row by row, at times where its version 2 and
// version 3 agree: no sample lies on a window's left edge.
// --moving asks the range queries as a dashboard does that refreshes: each time moved on by one step, caches on.
// --instant asks the instant queries only, for many series and few samples: --instant --series=100000 --hours=1.
// Run: npm run bench:query [-- --quick] [--moving] [--instant] [--head-only] [--series=N] [--hours=N] [--rounds=N] [--peers=a,b] [--names=text]
// Units: CPU milliseconds of all threads of the server per query, warm, median over rounds.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Body, bodiesOf, clustersFor, Fleet } from './fleet-data.ts'
import { load, median } from './load.ts'
import { allPeers, type Peer, type PeerName, startPeer } from './peers.ts'
import { type Answer, ask, difference, rowCount } from './query-answers.ts'
import { type BenchQuery, benchQueries } from './query-list.ts'
import { type Row, readArguments, report } from './report.ts'

const { flags, quick } = readArguments()
const numberOf = (flag: string, byDefault: number): number => Number(flags.get(flag) ?? byDefault)
const series = numberOf('series', quick ? 10_000 : 20_000)
const hours = numberOf('hours', quick ? 6 : 24)
const rounds = numberOf('rounds', quick ? 3 : 5)
const peerNames = (flags.get('peers')?.split(',') ?? allPeers) as readonly PeerName[]
const queries = benchQueries.filter(
  ({ name, path, rangeSeconds }) =>
    name.includes(flags.get('names') ?? '') &&
    (!flags.has('instant') || (path === undefined && rangeSeconds === undefined)),
)
const intervalMs = 30_000
const scrapesPerBody = 20
const warmRounds = quick ? 2 : 8

const core = flags.has('pin') ? 1 : undefined
const peers: Peer[] = []
for (const name of peerNames) {
  const args = name === 'crowsnest' ? ['--web.enable-admin-api'] : []
  peers.push(await startPeer(name, { core, args }))
}
try {
  await run(peers)
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
}

async function run(all: readonly Peer[]): Promise<void> {
  const stepMs = scrapesPerBody * intervalMs
  const endMs = Math.floor(Date.now() / stepMs) * stepMs
  const fleet = new Fleet({
    seriesCount: series,
    clusters: clustersFor(series),
    churnPerHour: 0.01,
    seed: 1,
  })
  const loaded = await load(all, bodiesUntil(fleet, endMs, stepMs), { settleMs: 5000 })
  for (const { name, samples, cpuSeconds, refused, firstRefusal } of loaded) {
    console.log(`  ${name}: ${samples} samples, ${((cpuSeconds / samples) * 1e6).toFixed(2)} s/M`)
    if (refused > 0) console.log(`  ${name} refused ${refused} bodies: ${firstRefusal}`)
  }
  for (const peer of all) await quiet(peer)
  // An odd number of milliseconds is no scrape's time.
  const askedMs = endMs - 60_001
  for (const place of flags.has('head-only') ? ['head'] : ['head', 'blocks']) {
    if (place === 'blocks') await moveToBlocks(all)
    const where = `our data in ${place === 'head' ? 'the head' : place}`
    await compare(all, askedMs)
    if (flags.has('moving')) {
      const moving = queries.filter(({ rangeSeconds }) => rangeSeconds !== undefined)
      const rows = await measureAll(all, moving, (peer, query, round) =>
        ask(peer.url, query, askedMs + (round - rounds + 1) * query.stepSeconds! * 1000),
      )
      report(`moving range queries with caches, ${where}`, rows)
      continue
    }
    report(
      `query, ${where}`,
      await measureAll(all, queries, (peer, query) => answerOf(peer, query, askedMs)),
    )
  }
  for (const peer of all) {
    console.log(`${peer.name}: peak RSS ${(peer.peakRssBytes() / 1e6).toFixed(0)} MB`)
  }
}

/** Has our head cut into blocks, as time would; Prometheus did it while it was loaded. */
async function moveToBlocks(all: readonly Peer[]): Promise<void> {
  for (const peer of all) {
    if (peer.name !== 'crowsnest') continue
    await (await fetch(`${peer.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })).text()
    // The windows stay readable for a while after their blocks are there.
    await sleep(20_000)
    await quiet(peer)
  }
}

function* bodiesUntil(fleet: Fleet, endMs: number, stepMs: number): Generator<Body> {
  for (let dueMs = endMs - hours * 3_600_000; dueMs < endMs; dueMs += stepMs) {
    yield* bodiesOf(fleet, dueMs, scrapesPerBody, intervalMs)
  }
}

/** Waits until a server no longer works on what it was given, at most a minute. */
async function quiet(peer: Peer): Promise<void> {
  for (let second = 0; second < 60; second++) {
    const before = peer.cpuSeconds()
    await sleep(1000)
    if (peer.cpuSeconds() - before < 0.06) return
  }
}

async function compare(all: readonly Peer[], askedMs: number): Promise<void> {
  const ours = all.find(({ name }) => name === 'crowsnest')
  const theirs = all.find(({ name }) => name === 'prometheus')
  if (ours === undefined || theirs === undefined) return
  let different = 0
  for (const query of queries) {
    const answers = [await answerOf(ours, query, askedMs), await answerOf(theirs, query, askedMs)]
    const found = difference(query, answers[0]!, answers[1]!)
    if (found === undefined) continue
    different++
    console.log(`  DIFFERENT ${query.name}: ${found}`)
  }
  console.log(`  ${queries.length - different} of ${queries.length} answers equal Prometheus'`)
  if (different > 0) process.exitCode = 1
}

/** `answer` asks one query; rounds are numbered from below zero, those before zero are not counted. */
async function measureAll(
  all: readonly Peer[],
  asked: readonly BenchQuery[],
  answer: (peer: Peer, query: BenchQuery, round: number) => Promise<Answer>,
): Promise<Row[]> {
  const costs = new Map(asked.map((query) => [query, all.map((): number[] => [])]))
  const counts = new Map<BenchQuery, number>()
  // The first rounds warm compilers and caches and are not counted.
  for (let round = -warmRounds; round < rounds; round++) {
    for (const query of asked) {
      for (let i = 0; i < all.length; i++) {
        const peer = all[(i + round + warmRounds) % all.length]!
        const before = peer.threadsCpuMs()
        const answered = await answer(peer, query, round)
        const used = peer.threadsCpuMs() - before
        if (round >= 0) costs.get(query)![all.indexOf(peer)]!.push(used)
        if (peer.name === 'crowsnest') counts.set(query, rowCount(query, answered))
      }
    }
  }
  const rows = asked.map((query): Row => {
    const each = costs.get(query)!
    const values = Object.fromEntries(all.map((peer, i) => [peer.name, median(each[i]!)]))
    const spreads = Object.fromEntries(
      all.map((peer, i) => [peer.name, [Math.min(...each[i]!), Math.max(...each[i]!)] as const]),
    )
    return {
      figure: `${query.name} (${counts.get(query) ?? '?'} rows)`,
      unit: 'ms',
      values,
      spreads,
    }
  })
  return [...rows, ...summaries(rows)]
}

function summaries(rows: readonly Row[]): Row[] {
  const names = Object.keys(rows[0]!.values)
  const sum = (name: string): number => rows.reduce((total, row) => total + row.values[name]!, 0)
  const totals = Object.fromEntries(names.map((name) => [name, sum(name)]))
  const geometric = (name: string): number => {
    const logs = rows.map((row) => Math.log(row.values.crowsnest! / row.values[name]!))
    return Math.exp(logs.reduce((total, log) => total + log, 0) / logs.length)
  }
  const means = Object.fromEntries(
    names.filter((name) => name !== 'crowsnest').map((name) => [name, geometric(name)]),
  )
  return [
    {
      figure: 'the whole list',
      unit: 'ms',
      values: totals,
      aim: flags.has('moving') || flags.has('instant') ? undefined : 540,
    },
    { figure: 'geometric mean of ours over theirs (aims 0.35 and 0.7)', unit: '×', values: means },
  ]
}

function answerOf(peer: Peer, query: BenchQuery, askedMs: number): Promise<Answer> {
  // Ours and VictoriaMetrics keep answers, and both are told not to by this name; Prometheus keeps none.
  const more: Record<string, string> = peer.name === 'prometheus' ? {} : { nocache: '1' }
  return ask(peer.url, query, askedMs, more)
}
