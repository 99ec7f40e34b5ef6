// The fleet as series: the page says what is written, and what is written is what changed.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assembleHub } from '../../../src/fleet/index.ts'
import type { Fleet } from '../../../src/fleet/model/fleet.ts'
import { fleetSeries } from '../../../src/fleet/service/series-table.ts'
import { SeriesWriter } from '../../../src/fleet/service/series-writer.ts'
import { fixtureFleet, fixtureObjects, nowMs, partsOf } from '../fixture-fleet.ts'
import { readMessage } from './read-samples.ts'

const joined = fixtureFleet()
const [firstCluster, ...otherClusters] = joined.clusters
const capacity = new Map([...firstCluster!.capacity, ['core_worker', 12] as const])
const imported = {
  createdVia: 'hive',
  serviceName: '',
  hostingCluster: '',
  createdMs: Date.parse('2026-01-01T00:00:00Z'),
}
const hosting = { cluster: 'inner', createdMs: 1000, appliedMs: 2000 }
const [firstWork, ...otherWorks] = joined.works
const fleet: Fleet = {
  ...joined,
  clusters: [{ ...firstCluster!, capacity, imported }, ...otherClusters],
  works: [{ ...firstWork!, hosting }, ...otherWorks],
}
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

test('metrics of the hub are those that ACM has', async () => {
  const { writer, samples } = writerOf({ fleet })
  await writer.round(pause)
  const of = (name: string, more: Record<string, string> = {}) =>
    samples
      .filter(({ labels }) => labels.__name__ === name)
      .filter(({ labels }) => Object.entries(more).every(([key, value]) => labels[key] === value))
  const { name, id } = firstCluster!
  const named = { cluster: name, managed_cluster_id: id, managed_cluster_name: name }
  expect(of('acm_managed_cluster_info', named)[0]!.labels).toMatchObject({
    created_via: 'Hive',
    service_name: 'Other',
  })
  expect(of('acm_managed_cluster_import_timestamp', { ...named, status: 'Created' })).toMatchObject(
    [{ value: imported.createdMs / 1000 }],
  )
  const [work] = fleet.works
  const worked = { cluster: work!.cluster, manifestwork: work!.name }
  const conditions = of('acm_manifestwork_status_condition', worked)
  for (const condition of ['Applied', 'Available']) {
    const own = conditions.filter(({ labels }) => labels.condition === condition)
    expect(own.map(({ labels }) => labels.status)).toEqual(['true', 'false', 'unknown'])
    expect(own.reduce((sum, { value }) => sum + value!, 0)).toBe(1)
  }
  expect(conditions[0]!.labels.managed_cluster_name).toBe(work!.cluster)
  const applied = { ...worked, hosted_cluster_name: 'inner', status: 'Applied' }
  expect(of('acm_manifestwork_apply_timestamp', applied)).toMatchObject([{ value: 2 }])
  expect(of('acm_manifestwork_count')).toMatchObject([{ value: fleet.works.length }])
  const labels = of('acm_label_names').map((sample) => sample.labels.label_name)
  expect(labels).toContain('name')
  expect(labels).toContain('cluster_open_cluster_management_io_clusterset')
})

test('a label that no cluster has any more is stale in the next round', async () => {
  const world: { fleet: Fleet } = { fleet }
  const { writer, samples } = writerOf(world)
  await writer.round(pause)
  const without = fleet.clusters.map((one) => ({ ...one, labels: new Map() }))
  world.fleet = { ...fleet, clusters: without }
  await writer.round(pause)
  const of = (name: string) =>
    samples
      .filter(({ labels }) => labels.__name__ === 'acm_label_names' && labels.label_name === name)
      .map(({ value }) => value)
  expect(of('cluster_open_cluster_management_io_clusterset')).toEqual([1, undefined])
  expect(of('name')).toEqual([1, 1])
})

test('series that carry the id of a cluster change with it, and the old ones are stale', async () => {
  const { writer, samples } = writerOf({ fleet })
  const { cluster } = fleet.addons[0]!
  const clusters = fleet.clusters.map((one) =>
    one.name === cluster ? { ...one, id: 'another' } : one,
  )
  await writer.change(fleet, { ...fleet, clusters })
  const own = samples.filter(
    ({ labels }) =>
      labels.__name__ === 'acm_managed_cluster_addon_status_condition' &&
      labels.cluster === cluster,
  )
  expect(own.length).toBeGreaterThan(0)
  for (const { labels, value } of own)
    expect(value === undefined, JSON.stringify(labels)).toBe(
      labels.managed_cluster_id !== 'another',
    )
})

function fleetWithout(name: string): Fleet {
  const objects = (fixtureObjects() as { metadata: { name: string } }[]).filter(
    ({ metadata }) => metadata.name !== name,
  )
  const parts = partsOf(objects)
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
    // What hubs have in all is written by rounds only.
    const ofRounds = ['acm_managed_cluster_count', 'acm_manifestwork_count', 'acm_label_names']
    const isOfRound = (id: string): boolean => ofRounds.some((one) => id.includes(one))
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
