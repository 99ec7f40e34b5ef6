// `kill -9` under load, then a start on what is left: how long until writes are accepted, until complete queries are
// answered, and how many acknowledged samples are gone.
// Run: npm run bench:restart [-- --quick] [--series=N] [--peers=a,b]
// Units: seconds from the start of the process; samples.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Body, bodiesOf, clustersFor, Fleet } from './fleet-data.ts'
import { shapesOf } from './fleet-shapes.ts'
import { load, Sender } from './load.ts'
import { allPeers, type Peer, type PeerName, startPeer } from './peers.ts'
import { type Row, readArguments, report } from './report.ts'

const { flags, quick } = readArguments()
const series = Number(flags.get('series') ?? (quick ? 50_000 : 500_000))
const peerNames = (flags.get('peers')?.split(',') ?? allPeers) as readonly PeerName[]
const intervalMs = 30_000
const rounds = 3
const columns: Record<'accepts' | 'answers' | 'lost' | 'doubled', Record<string, number>> = {
  accepts: {},
  answers: {},
  lost: {},
  doubled: {},
}

for (const name of peerNames) await killAndStart(name)
report('restart', [
  row(`accepts writes again, ${series} series`, 's', columns.accepts, 1),
  row('answers complete queries again', 's', columns.answers, 3),
  row('acknowledged samples lost', 'samples', columns.lost, 0),
  row('more samples than were sent', 'samples', columns.doubled, 0),
])

function row(figure: string, unit: string, values: Record<string, number>, aim: number): Row {
  return { figure, unit, values, aim }
}

async function killAndStart(name: PeerName): Promise<void> {
  const fleet = new Fleet({
    seriesCount: series,
    clusters: clustersFor(series),
    churnPerHour: 0,
    seed: 1,
  })
  const firstMs = Math.floor(Date.now() / intervalMs - 2 * rounds - 4) * intervalMs
  let peer = await startPeer(name)
  try {
    let acknowledged = 0
    for (let round = 0; round < rounds; round++) {
      const bodies = bodiesOf(fleet, firstMs + round * intervalMs, 1, intervalMs)
      const [loaded] = await load([peer], bodies, { settleMs: 0 })
      acknowledged += loaded!.samples
      if (loaded!.refused > 0) console.log(`  ${name} refused: ${loaded!.firstRefusal}`)
    }
    const last = await killedInLoad(
      peer,
      bodiesOf(fleet, firstMs + rounds * intervalMs, 1, intervalMs),
    )
    const { directory } = peer
    const readyPath = name === 'victoria-metrics' ? '/health' : '/-/healthy'
    peer = await startPeer(name, { directory, readyPath })
    const more = bodiesOf(fleet, firstMs + (rounds + 1) * intervalMs, 1, intervalMs)
    columns.accepts[name] = await secondsUntilWritten(peer, more.next().value as Body)
    const found = await secondsUntilAnswered(peer, firstMs + (rounds + 2) * intervalMs - 1)
    columns.answers[name] = found.seconds
    // One more body was written after the start.
    const stored = found.samples - 2000
    columns.lost[name] = Math.max(0, acknowledged + last.acknowledged - stored)
    columns.doubled[name] = Math.max(0, stored - acknowledged - last.sent)
  } finally {
    await peer.stop()
  }
}

/** Kills the server when half the bodies have been sent. */
async function killedInLoad(
  peer: Peer,
  bodies: Iterable<Body>,
): Promise<{ sent: number; acknowledged: number }> {
  const sender = new Sender(peer, 4)
  let sent = 0
  for (const body of bodies) {
    await sender.free()
    sender.post(body)
    sent += body.samples
    if (sent >= series / 2) break
  }
  await peer.stop({ signal: 'SIGKILL', keep: true })
  await sender.idle()
  sender.close()
  return { sent, acknowledged: sender.samples }
}

async function secondsUntilWritten(peer: Peer, body: Body): Promise<number> {
  for (;;) {
    const sender = new Sender(peer, 1)
    sender.post(body)
    await sender.idle()
    sender.close()
    if (sender.refused === 0) return (performance.now() - peer.startedMs) / 1000
    if (performance.now() - peer.startedMs > 120_000) throw new Error(sender.firstRefusal)
    await sleep(20)
  }
}

async function secondsUntilAnswered(
  peer: Peer,
  timeMs: number,
): Promise<{ seconds: number; samples: number }> {
  for (;;) {
    if ((await instantValue(peer, 'count(kube_pod_info)', timeMs)) !== undefined) break
    if (performance.now() - peer.startedMs > 120_000) throw new Error(`${peer.name} is silent`)
    await sleep(20)
  }
  const seconds = (performance.now() - peer.startedMs) / 1000
  // What is found now is all there will be, but for a server that shows new samples a second late.
  await sleep(2000)
  let samples = 0
  const names = new Set(Object.values(shapesOf).flatMap((shapes) => shapes.map(({ name }) => name)))
  for (const name of names) {
    samples += (await instantValue(peer, `sum(count_over_time(${name}[1h]))`, timeMs)) ?? 0
  }
  return { seconds, samples }
}

async function instantValue(
  peer: Peer,
  query: string,
  timeMs: number,
): Promise<number | undefined> {
  const form = new URLSearchParams({ query, time: String(timeMs / 1000) })
  const response = await fetch(`${peer.url}/api/v1/query`, { method: 'POST', body: form })
  const text = await response.text()
  if (response.status !== 200) return undefined
  const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } }
  return Number(data.result[0]?.value[1] ?? 0)
}
