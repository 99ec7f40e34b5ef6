// What ingest costs the server, against Prometheus and VictoriaMetrics fed the same bodies at the same time: creating
// series, live scrapes, live at a paced rate, back-fill, and a fleet that churns (ours only: resident memory).
// Run: npm run bench:ingest [-- --quick] [--only=create+live,paced,backfill,churn] [--series=N,N] [--peers=a,b]
// Units: CPU seconds of the server per million samples, durable or not as the server does it by default; bytes per series.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Body, bodiesOf, clustersFor, Fleet } from './fleet-data.ts'
import { type LoadOptions, type LoadResult, load, median } from './load.ts'
import { allPeers, type Peer, type PeerName, startPeers } from './peers.ts'
import { type Row, readArguments, report } from './report.ts'

const { flags, quick } = readArguments()
const peerNames = (flags.get('peers')?.split(',') ?? allPeers) as readonly PeerName[]
const only = flags.get('only')?.split(',')
const sizes = (flags.get('series') ?? (quick ? '20000' : '100000,1000000')).split(',').map(Number)
const core = flags.has('pin') ? 1 : undefined
const intervalMs = 30_000
const rows: Row[] = []

for (const series of sizes) {
  if (wanted('live')) await live(series, quick ? 6 : series > 500_000 ? 3 : 10)
  if (wanted('backfill')) await backfill(Math.min(series, 100_000), quick ? 3 : 5)
}
if (wanted('paced')) await paced(quick ? 20_000 : 100_000, quick ? 10 : 60)
if (wanted('churn')) await churn(10_000, quick ? 2 : 12)
report('ingest', rows)

function wanted(what: string): boolean {
  return only === undefined || only.includes(what)
}

/** `rounds` scrapes of the whole fleet that end now. */
async function live(series: number, rounds: number): Promise<void> {
  const fleet = fleetOf(series, 0)
  const peers = await startPeers(peerNames, { core })
  try {
    const firstMs = firstScrapeMs(rounds + 1)
    note(`creating ${series} series`, await load(peers, bodiesOf(fleet, firstMs, 1, intervalMs)))
    const each: LoadResult[][] = []
    for (let round = 1; round <= rounds; round++) {
      const bodies = bodiesOf(fleet, firstMs + round * intervalMs, 1, intervalMs)
      each.push(await load(peers, bodies, { settleMs: round === rounds ? 3000 : 200 }))
    }
    noteRounds(`live, ${series} series`, each)
    notePeak(`peak RSS per series, ${series} series`, peers, series)
  } finally {
    await stopAll(peers)
  }
}

/** 20 samples per series and body: what a sender writes after it was cut off. */
async function backfill(series: number, rounds: number): Promise<void> {
  const fleet = fleetOf(series, 0)
  const peers = await startPeers(peerNames, { core })
  try {
    const firstMs = firstScrapeMs(20 * (rounds + 1))
    await load(peers, bodiesOf(fleet, firstMs, 1, intervalMs))
    const each: LoadResult[][] = []
    for (let round = 0; round < rounds; round++) {
      const dueMs = firstMs + (1 + 20 * round) * intervalMs
      each.push(await load(peers, bodiesOf(fleet, dueMs, 20, intervalMs), { settleMs: 500 }))
    }
    noteRounds(`back-fill, ${series} series, 20 samples a series`, each)
  } finally {
    await stopAll(peers)
  }
}

/** One server after the other at a rate that none finds hard. */
async function paced(series: number, seconds: number): Promise<void> {
  const samplesPerSecond = 40_000
  for (const name of peerNames) {
    const fleet = fleetOf(series, 0)
    const peers = await startPeers([name], { core })
    try {
      const rounds = Math.ceil((samplesPerSecond * seconds) / series)
      const firstMs = firstScrapeMs(rounds + 1)
      await load(peers, bodiesOf(fleet, firstMs, 1, intervalMs))
      const options: LoadOptions = { samplesPerSecond, inFlight: 4 }
      const startedMs = performance.now()
      const result = await load(peers, roundsOf(fleet, firstMs + intervalMs, rounds), options)
      const pace = result[0]!.samples / ((performance.now() - startedMs - 2000) / 1000)
      note(`paced at 40k/s (${name} took ${Math.round(pace / 1000)}k/s)`, result)
    } finally {
      await stopAll(peers)
    }
  }
}

/** A tenth of the pods replaced every ten minutes against none, ours only, at the same load. */
async function churn(series: number, hours: number): Promise<void> {
  const rss: number[] = []
  for (const churnPerHour of [0, 0.6]) {
    const fleet = fleetOf(series, churnPerHour)
    // Hours pass in seconds here, so late data must not be waited for by the clock on the wall.
    const args = ['--storage.late-data-wait', '5s']
    const peers = await startPeers(['crowsnest'], { core, args })
    try {
      const rounds = (hours * 3_600_000) / 60_000
      const firstMs = firstScrapeMs(2 * rounds)
      for (let round = 0; round < rounds; round++) {
        await load(peers, bodiesOf(fleet, firstMs + round * 60_000, 1, intervalMs), { settleMs: 0 })
      }
      await sleep(20_000)
      rss.push(peers[0]!.peakRssBytes())
    } finally {
      await stopAll(peers)
    }
  }
  const [steady, churning] = rss as [number, number]
  rows.push({
    figure: `peak RSS with churn over without, ${series} series, ${hours} h`,
    unit: '×',
    values: { crowsnest: churning / steady },
    aim: 1.3,
  })
}

function* roundsOf(fleet: Fleet, firstMs: number, rounds: number): Generator<Body> {
  for (let round = 0; round < rounds; round++) {
    yield* bodiesOf(fleet, firstMs + round * intervalMs, 1, intervalMs)
  }
}

function fleetOf(seriesCount: number, churnPerHour: number): Fleet {
  return new Fleet({ seriesCount, clusters: clustersFor(seriesCount), churnPerHour, seed: 1 })
}

function firstScrapeMs(rounds: number): number {
  return Math.floor(Date.now() / intervalMs - rounds - 1) * intervalMs
}

function note(figure: string, results: readonly LoadResult[]): void {
  noteRounds(figure, [results])
}

function noteRounds(figure: string, rounds: readonly (readonly LoadResult[])[]): void {
  const values: Record<string, number> = {}
  const spreads: Record<string, readonly [number, number]> = {}
  rounds[0]!.forEach(({ name }, i) => {
    const each = rounds.map((round) => round[i]!)
    const costs = each.map(({ cpuSeconds, samples }) => (cpuSeconds / samples) * 1e6)
    values[name] = rounds.length < 3 ? costs.at(-1)! : median(costs)
    spreads[name] = [Math.min(...costs), Math.max(...costs)]
    const refused = each.find((result) => result.refused > 0)
    if (refused !== undefined) {
      console.log(`  ${name} refused ${refused.refused} bodies: ${refused.firstRefusal}`)
    }
  })
  rows.push({ figure, unit: 's/M', values, spreads, aim: aimOf(figure) })
  console.log(`  ${figure}: ${JSON.stringify(values)}`)
}

function notePeak(figure: string, peers: readonly Peer[], series: number): void {
  const values = Object.fromEntries(peers.map((peer) => [peer.name, peer.peakRssBytes() / series]))
  rows.push({ figure, unit: 'B', values, aim: series >= 1e6 ? 600 : undefined })
}

function aimOf(figure: string): number | undefined {
  if (figure.startsWith('creating')) return 6
  if (figure.startsWith('live')) return figure.includes('1000000') ? 1.2 : 0.9
  if (figure.startsWith('paced')) return 1.5
  return 0.3
}

async function stopAll(peers: readonly Peer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer.stop()))
}
