// The fleet as series: the page says what is written, and what is written is what changed.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assembleHub, readObject } from '../../../src/fleet/index.ts'
import type { Fleet } from '../../../src/fleet/model/fleet.ts'
import { fleetSeries } from '../../../src/fleet/service/fleet-series.ts'
import { SeriesWriter } from '../../../src/fleet/service/series-writer.ts'
import { fixtureFleet, fixtureObjects, nowMs } from '../fixture-fleet.ts'
import { readMessage } from './read-samples.ts'

const joined = fixtureFleet()
const [firstCluster, ...otherClusters] = joined.clusters
const capacity = new Map([...firstCluster!.capacity, ['core_worker', 12] as const])
const fleet: Fleet = { ...joined, clusters: [{ ...firstCluster!, capacity }, ...otherClusters] }
const sources = [
  { name: 'local', kind: 'directory', state: 'synced', sinceMs: 0, message: '', parts: [] },
] as const
const data = new Map([
  [
    'prod-eu-1',
    {
      lastSampleMs: 5000,
      activeSeries: 7,
      samplesPerSecond: 0.5,
      delayMs: 9000,
      rejectedSamples: 3,
    },
  ],
])

type Sample = ReturnType<typeof readMessage>[number]

function writerOf(world: { fleet: Fleet }): { writer: SeriesWriter; samples: Sample[] } {
  const samples: Sample[] = []
  const writer = new SeriesWriter({
    fleet: () => world.fleet,
    sources: () => sources,
    data: () => data,
    write: async (body) => void samples.push(...readMessage(body)),
    now: () => 1000,
  })
  return { writer, samples }
}

const idOf = ({ labels }: Sample): string => JSON.stringify(labels)
const pause = async (): Promise<void> => {}

test('docs/fleet-series.md says what the table says', () => {
  const root = join(import.meta.dirname, '../../..')
  const printed = execFileSync(process.execPath, [join(root, 'scripts/fleet-series-page.ts')])
  expect(readFileSync(join(root, 'docs/fleet-series.md'), 'utf8')).toBe(printed.toString())
})

test('a round writes every series of the table once, with labels of the table only', async () => {
  const { writer, samples } = writerOf({ fleet })
  await writer.round(pause)
  expect(new Set(samples.map(idOf)).size).toBe(samples.length)
  expect(new Set(samples.map(({ labels }) => labels.__name__))).toEqual(
    new Set(fleetSeries.map(({ name }) => name)),
  )
  const clusters = fleet.clusters.map(({ name }) => name)
  for (const { labels } of samples) {
    const { labels: known } = fleetSeries.find(({ name }) => name === labels.__name__)!
    const names = Object.keys(labels)
    expect(names).toEqual(names.toSorted())
    if (!(known as readonly string[]).includes('…'))
      for (const name of names) expect(['__name__', ...known]).toContain(name)
    // A series of one managed cluster says which.
    if ((known as readonly string[]).includes('cluster') && labels.type !== 'root')
      expect(clusters, labels.__name__).toContain(labels.cluster)
  }
})

test('values say what the fleet says', async () => {
  const { writer, samples } = writerOf({ fleet })
  await writer.round(pause)
  const values = (name: string, cluster: string) =>
    samples.filter(({ labels }) => labels.__name__ === name && labels.cluster === cluster)
  for (const { name, status, sets } of fleet.clusters) {
    const states = values('crowsnest_fleet_cluster_state', name)
    expect(states.filter(({ value }) => value === 1).map(({ labels }) => labels.state)).toEqual([
      status.state,
    ])
    expect(states).toHaveLength(5)
    const members = values('crowsnest_fleet_clusterset_member', name)
    expect(members.map(({ labels }) => labels.clusterset).sort()).toEqual(sets)
  }
  for (const { name, disabled, clusters } of fleet.policies) {
    const own = samples.filter(
      ({ labels }) => labels.__name__ === 'policy_governance_info' && labels.policy === name,
    )
    expect(own.filter(({ labels }) => labels.type === 'root')).toHaveLength(disabled ? 0 : 1)
    const codes = { compliant: 0, non_compliant: 1, pending: -1, no_status: -1, disabled: -1 }
    expect(
      own.flatMap(({ labels, value }) => (labels.cluster ? [[labels.cluster, value]] : [])),
    ).toEqual(clusters.map(({ cluster, compliance }) => [cluster, codes[compliance]]))
  }
})

function fleetWithout(name: string): Fleet {
  const objects = (fixtureObjects() as { metadata: { name: string } }[]).filter(
    ({ metadata }) => metadata.name !== name,
  )
  const parts = objects.flatMap((object) => readObject(object) ?? [])
  return assembleHub(
    { hub: 'local', parts, embedded: new Map() },
    { nowMs, lastSampleMs: new Map(), senders: new Set(['crowsnest']), sampleAgeMsMax: 1 },
  )
}

test('after any change what was written last is what a round writes, and what is gone is stale', async () => {
  const names = (fixtureObjects() as { metadata: { name: string } }[]).map(
    ({ metadata }) => metadata.name,
  )
  // Every fourth is enough: kinds repeat.
  for (const name of [...new Set(names)].filter((_, i) => i % 4 === 0)) {
    const world: { fleet: Fleet } = { fleet }
    const { writer, samples } = writerOf(world)
    await writer.round(pause)
    const after = fleetWithout(name)
    await writer.change(fleet, after)
    const last = new Map(samples.map((sample) => [idOf(sample), sample.value]))
    world.fleet = after
    const now = writerOf(world)
    await now.writer.round(pause)
    // How many clusters a hub has is written by rounds only.
    const isOfRound = (id: string): boolean => id.includes('acm_managed_cluster_count')
    for (const sample of now.samples) {
      if (isOfRound(idOf(sample))) continue
      expect(last.get(idOf(sample)), `${name}: ${idOf(sample)}`).toBe(sample.value)
      last.delete(idOf(sample))
    }
    for (const [id, value] of last)
      if (!isOfRound(id)) expect(value, `${name}: ${id}`).toBeUndefined()
  }
})

test('a change writes what changed, not all', async () => {
  const { writer, samples } = writerOf({ fleet })
  const [first, ...rest] = fleet.policies
  const [entry, ...others] = first!.clusters
  const changed = {
    ...first!,
    clusters: [{ ...entry!, compliance: 'pending' as const }, ...others],
  }
  await writer.change(fleet, { ...fleet, policies: [changed, ...rest] })
  const propagated = samples.filter(({ labels }) => labels.type === 'propagated')
  expect(propagated.map(({ labels, value }) => [labels.cluster, value])).toEqual([
    [entry!.cluster, -1],
  ])
  expect(samples.length).toBeLessThan(10)
})

test('times of bodies grow although the clock stands', async () => {
  const world = { fleet }
  const { writer, samples } = writerOf(world)
  await writer.round(pause)
  await writer.round(pause)
  const times = Map.groupBy(samples, idOf)
  for (const [id, own] of times) expect(own[0]!.timestampMs, id).toBeLessThan(own[1]!.timestampMs)
})
