// Blocks: bytes per sample on disk against Prometheus and VictoriaMetrics, how long a window of many series takes to cut,
// and what writers feel meanwhile.
// Run: npm run bench:blocks [-- --quick] [--only=size,cut] [--series=N] [--hours=N] [--cut-series=N]
// Units: bytes per sample, index included; seconds; latencies of whole requests in milliseconds.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Body, bodiesOf, clustersFor, Fleet } from './fleet-data.ts'
import { load, quantile, Sender } from './load.ts'
import { allPeers, directorySizeBytes, type Peer, startPeer } from './peers.ts'
import { type Row, readArguments, report } from './report.ts'

const { flags, quick } = readArguments()
const only = flags.get('only')
const intervalMs = 30_000
const scrapesPerBody = 20
const windowMs = 7_200_000
const rows: Row[] = []
const admin = ['--web.enable-admin-api']

if (only !== 'cut') {
  const series = Number(flags.get('series') ?? (quick ? 2000 : 20_000))
  await sizes(series, Number(flags.get('hours') ?? (quick ? 6 : 24)))
}
if (only !== 'size') await cut(Number(flags.get('cut-series') ?? (quick ? 50_000 : 1_000_000)))
report('blocks', rows)

/** The same samples into each server; all that it then holds, as a snapshot, or as its directory where it has none. */
async function sizes(series: number, hours: number): Promise<void> {
  const values: Record<string, number> = {}
  for (const name of allPeers) {
    const peer = await startPeer(name, { args: name === 'victoria-metrics' ? [] : admin })
    try {
      const fleet = fleetOf(series, 0.01)
      const endMs = Math.floor(Date.now() / 600_000) * 600_000
      const [loaded] = await load([peer], daysBodies(fleet, endMs, hours))
      if (loaded!.refused > 0) console.log(`  ${name} refused: ${loaded!.firstRefusal}`)
      values[name] = (await storedSizeBytes(peer)) / loaded!.samples
    } finally {
      await peer.stop()
    }
  }
  rows.push({
    figure: `${series} series × ${hours} h at 30 s`,
    unit: 'B/sample',
    values,
    aim: 2.33,
  })
}

async function storedSizeBytes(peer: Peer): Promise<number> {
  if (peer.name !== 'victoria-metrics') {
    // The first one has the head cut; until the second, neighbouring blocks are merged.
    await snapshot(peer)
    await sleep(45_000)
    return directorySizeBytes(await snapshot(peer))
  }
  await fetch(`${peer.url}/internal/force_merge`)
  await sleep(15_000)
  return (
    directorySizeBytes(join(peer.directory, 'data')) +
    directorySizeBytes(join(peer.directory, 'indexdb'))
  )
}

/** Makes a snapshot, the head's samples included, and tells its folder. */
async function snapshot(peer: Peer): Promise<string> {
  const response = await fetch(`${peer.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })
  const answer = (await response.json()) as { status: string; data?: { name: string } }
  if (answer.data === undefined) throw new Error(`${peer.name}: ${JSON.stringify(answer)}`)
  return join(peer.directory, 'snapshots', answer.data.name)
}

/** A window of many series is cut while others write. */
async function cut(series: number): Promise<void> {
  const peer = await startPeer('crowsnest', { args: admin })
  try {
    const live = fleetOf(20_000, 0)
    const oldMs = Math.floor(Date.now() / windowMs - 3) * windowMs + 60_000
    for (let scrape = 0; scrape < 4; scrape++) {
      await load([peer], bodiesOf(fleetOf(series, 0), oldMs + scrape * intervalMs, 1, intervalMs))
    }
    const before = await steadily(peer, live, 0, sleep(quick ? 5000 : 20_000))
    const startedMs = performance.now()
    let seconds = 0
    const cutting = snapshot(peer).then(() => {
      seconds = (performance.now() - startedMs) / 1000
    })
    const during = await steadily(peer, live, 1, cutting)
    const figure = `cut of a window of ${series} series × 4 samples`
    rows.push({ figure, unit: 's', values: { crowsnest: seconds } })
    for (const [share, name] of [
      [0.5, 'p50'],
      [0.99, 'p99'],
    ] as const) {
      const [quiet, busy] = [quantile(before, share), quantile(during, share)]
      rows.push({ figure: `writes ${name} before it`, unit: 'ms', values: { crowsnest: quiet } })
      rows.push({ figure: `writes ${name} meanwhile`, unit: 'ms', values: { crowsnest: busy } })
      rows.push({
        figure: `ratio of ${name}`,
        unit: '×',
        values: { crowsnest: busy / quiet },
        aim: 2,
      })
    }
    rows.push({
      figure: 'peak RSS',
      unit: 'B/series',
      values: { crowsnest: peer.peakRssBytes() / series },
    })
  } finally {
    await peer.stop()
  }
}

/** Ten bodies a second until `end`; the sorted latencies. */
async function steadily(
  peer: Peer,
  fleet: Fleet,
  phase: number,
  end: Promise<unknown>,
): Promise<Float64Array> {
  const sender = new Sender(peer, 4)
  let running = true
  void end.finally(() => {
    running = false
  })
  const startMs = Math.floor(Date.now() / intervalMs) * intervalMs - (20 - 10 * phase) * 60_000
  for (let scrape = 0; running; scrape++) {
    for (const body of bodiesOf(fleet, startMs + scrape * intervalMs, 1, intervalMs)) {
      if (!running) break
      await sender.free()
      sender.post(body)
      await sleep(100)
    }
  }
  await end
  await sender.idle()
  sender.close()
  if (sender.refused > 0) console.log(`  refused ${sender.refused}: ${sender.firstRefusal}`)
  return Float64Array.from(sender.latenciesMs).sort()
}

function* daysBodies(fleet: Fleet, endMs: number, hours: number): Generator<Body> {
  const stepMs = scrapesPerBody * intervalMs
  for (let dueMs = endMs - hours * 3_600_000; dueMs < endMs; dueMs += stepMs) {
    yield* bodiesOf(fleet, dueMs, scrapesPerBody, intervalMs)
  }
}

function fleetOf(seriesCount: number, churnPerHour: number): Fleet {
  return new Fleet({ seriesCount, clusters: clustersFor(seriesCount), churnPerHour, seed: 1 })
}
