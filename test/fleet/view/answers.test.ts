// Lists, single things and the summary of the fixture's fleet.
import { describe, expect, it } from 'vitest'
import { FleetAnswers, type FleetList } from '../../../src/fleet/index.ts'
import type { Scope } from '../../../src/model/index.ts'
import { nowMs } from '../fixture-fleet.ts'
import { ask, itemsOf, listCall, namesOf, objectCall, viewOf } from './view-of.ts'

const view = viewOf()

const scopeOf = (clusters: Record<string, 'all' | string[]>): Scope => ({
  clusters: new Map(
    Object.entries(clusters).map(([name, own]) => [name, own === 'all' ? 'all' : new Set(own)]),
  ),
})

describe('a list', () => {
  it('names since when, why, and which condition of which object says so', () => {
    const [cluster] = itemsOf(view, { filter: { name: 'prod-ap-2' } })
    expect(cluster).toMatchObject({
      hub: 'local',
      name: 'prod-ap-2',
      state: 'unreachable',
      sinceMs: Date.parse('2026-03-01T09:00:00Z'),
      reason: 'ManagedClusterLeaseUpdateStopped',
      by: { kind: 'ManagedCluster', condition: 'ManagedClusterConditionAvailable' },
    })
  })

  it('shows what the data say beside what the hub claims', () => {
    const [cluster] = itemsOf(view, { filter: { cluster: ['prod-eu-1'] } })
    expect(cluster!.data).toEqual({ lastSampleMs: nowMs - 10_000, activeSeries: 12 })
  })

  it('is in order of hub, namespace, name and kind unless another order is asked for', () => {
    const names = namesOf(view, {})
    expect(names).toEqual([...names].sort())
    expect(namesOf(view, { sort: '-name' })).toEqual(names.toReversed())
  })

  it('is sorted by any field, what has no value last in both directions', () => {
    const since = (sort: string): unknown[] => itemsOf(view, { sort }).map((one) => one.sinceMs)
    const known = since('sinceMs').filter((time) => time !== undefined)
    expect(known).toEqual([...known].sort((a, b) => Number(a) - Number(b)))
    expect(since('sinceMs').at(-1)).toBeUndefined()
    expect(since('-sinceMs').at(-1)).toBeUndefined()
    expect(since('-sinceMs')[0]).toBe(Math.max(...(known as number[])))
  })

  it('is filtered by label selector, set, state, part of a name and several at once', () => {
    expect(namesOf(view, { filter: { name: 'PROD-EU' } })).toEqual([
      'prod-eu-1',
      'prod-eu-2',
      'prod-eu-3',
    ])
    expect(namesOf(view, { filter: { state: ['unavailable', 'unknown'] } })).toEqual([
      'prod-us-3',
      'staging-4',
    ])
    const inSet = itemsOf(view, { filter: { set: ['prod'] } })
    expect(inSet.length).toBeGreaterThan(0)
    for (const { sets } of inSet) expect(sets).toContain('prod')
    const labelled = itemsOf(view, { filter: { selector: 'region in (eu, us),!nothing' } })
    expect(labelled.length).toBeGreaterThan(0)
    for (const { labels } of labelled)
      expect(['eu', 'us']).toContain((labels as Record<string, string>).region)
  })

  it('is filtered by the clusters that a placement selects', () => {
    const placements = itemsOf(view, { list: 'placements' })
    const some = placements.find(({ clusterCount }) => Number(clusterCount) > 0)!
    const placement = `${some.namespace}/${some.name}`
    const clusters = namesOf(view, { filter: { placement: [placement] } })
    expect(clusters.length).toBe(some.clusterCount)
    expect(namesOf(view, { list: 'placements', filter: { placement: [placement] } })).toEqual([
      some.name,
    ])
  })

  it('of policies carries counts and no clusters; with a filter of clusters, counts over these', () => {
    const policies = itemsOf(view, { list: 'policies' })
    for (const policy of policies) expect(policy).not.toHaveProperty('clusters')
    const etcd = policies.find(({ name }) => name === 'etcd-encryption')!
    expect(etcd).toMatchObject({ state: 'non_compliant', clusterCount: 3 })
    expect(etcd.counts).toMatchObject({ compliant: 2, non_compliant: 1 })
    const filter = { cluster: ['prod-eu-1'] }
    const there = itemsOf(view, { list: 'policies', filter })
    expect(there.find(({ name }) => name === 'etcd-encryption')).toMatchObject({
      state: 'compliant',
      clusterCount: 1,
    })
    const bad = { cluster: ['prod-eu-1'], state: ['non_compliant'] }
    expect(namesOf(view, { list: 'policies', filter: bad })).not.toContain('etcd-encryption')
  })

  it('of policies is filtered by standard, category and control', () => {
    const names = namesOf(view, { list: 'policies', filter: { standard: ['PCI DSS'] } })
    expect(names).toEqual(['audit', 'fine', 'limits'])
  })

  it('of clusters or sets with a standard counts the policies that are there for it', () => {
    const filter = { standard: ['NIST SP 800-53'] }
    const policies = itemsOf(view, { list: 'policies', filter })
    const sum = (items: Record<string, unknown>[], field: string): number =>
      items
        .flatMap((item) => Object.values(item[field] as Record<string, number>))
        .reduce((a, b) => a + b, 0)
    const entries = sum(policies, 'counts')
    expect(entries).toBeGreaterThan(0)
    const clusters = itemsOf(view, { filter })
    expect(clusters.length).toBeLessThan(20)
    expect(sum(clusters, 'policies')).toBe(entries)
    const bad = clusters.find(({ name }) => name === 'prod-eu-2')!
    expect(bad.policies).toMatchObject({ non_compliant: 1 })
    const sets = itemsOf(view, { list: 'clustersets', filter })
    expect(sum(sets, 'policies')).toBe(entries)
  })

  it('shows chosen fields only, also below others', () => {
    const fields = ['name', 'by.kind', 'labels.region']
    const [cluster] = itemsOf(view, { fields, filter: { cluster: ['prod-eu-1'] } })
    expect(cluster).toEqual({
      name: 'prod-eu-1',
      by: { kind: 'ManagedCluster' },
      labels: { region: 'eu' },
    })
  })

  it('refuses unknown fields, orders, filters, selectors, limits and cursors, and says which', () => {
    const asking = (call: Partial<typeof listCall>) => () =>
      new FleetAnswers().answer(view, { ...listCall, ...call })
    expect(asking({ fields: ['nmae'] })).toThrow('there is no field "nmae"')
    expect(asking({ sort: 'nmae' })).toThrow('there is no field "nmae"')
    expect(asking({ filter: { fromMs: 1 } })).toThrow('clusters cannot be filtered by "fromMs"')
    expect(asking({ filter: { selector: 'a in b' } })).toThrow('cannot read "a in b"')
    expect(asking({ limit: 0 })).toThrow('"limit": 0 is not')
    expect(asking({ limit: 5001 })).toThrow('"limit": 5001 is not')
    expect(asking({ cursor: 'x' })).toThrow('"cursor": it is none of ours')
    expect(asking({ list: 'events', sort: 'name' })).toThrow('events cannot be sorted')
  })

  it('has the same tag while nothing changes, and another one afterwards', () => {
    const answers = new FleetAnswers()
    const tag = (): string => answers.answer(viewOf(), listCall).etag
    expect(tag()).toBe(tag())
    const other = viewOf()
    const fewer = { ...other.fleet, clusters: other.fleet.clusters.slice(1) }
    expect(answers.answer({ ...other, fleet: fewer }, listCall).etag).not.toBe(tag())
  })

  it('comes as CSV with the chosen columns', () => {
    const call = { ...listCall, format: 'csv', fields: ['name', 'state', 'sets'] } as const
    const answer = new FleetAnswers().answer(view, { ...call, filter: { name: 'prod-eu-1' } })
    expect(answer.contentType).toContain('text/csv')
    const [header, row] = Buffer.from(answer.body).toString().split('\r\n')
    expect(header).toBe('name,state,sets')
    expect(row).toMatch(/^prod-eu-1,available,.*prod/)
  })
})

describe('a scope', () => {
  const scope = scopeOf({ 'prod-eu-1': 'all', 'prod-ap-2': ['shop'] })

  it('shows its clusters only, in every list', () => {
    expect(namesOf(view, { scope })).toEqual(['prod-ap-2', 'prod-eu-1'])
    for (const list of ['addons', 'events', 'sources'] as FleetList[])
      for (const one of itemsOf(view, { list, scope }))
        expect(['prod-eu-1', 'prod-ap-2']).toContain(one.cluster)
    expect(itemsOf(view, { list: 'sources', scope })).toEqual([])
  })

  it('counts policies over the clusters that are seen whole', () => {
    const [etcd] = itemsOf(view, { list: 'policies', scope, filter: { name: 'etcd-enc' } })
    expect(etcd).toMatchObject({ state: 'compliant', clusterCount: 1 })
    expect(etcd!.counts).toMatchObject({ compliant: 1, non_compliant: 0 })
  })

  it('hides things on no cluster that is seen as if they were not there', () => {
    const none = scopeOf({ nowhere: 'all' })
    for (const list of ['policies', 'applications', 'placements', 'clustersets'] as FleetList[])
      expect(itemsOf(view, { list, scope: none })).toEqual([])
    const call = { ...objectCall, list: 'policies', namespace: 'policies', scope: none } as const
    expect(() => ask(view, { ...call, name: 'etcd-encryption' })).toThrow('there is no')
  })

  it('holds in single things and in the summary', () => {
    const call = { ...objectCall, list: 'policies', namespace: 'policies', scope } as const
    const { clusters } = ask(view, { ...call, name: 'etcd-encryption' })
    expect(clusters).toMatchObject({ total: 1, items: [{ cluster: 'prod-eu-1' }] })
    const summary = ask(view, { kind: 'summary', scope, filter: {} })
    expect(summary).toMatchObject({ clusters: { total: 2 } })
    expect(JSON.stringify(summary)).not.toContain('prod-us')
    expect(JSON.stringify(summary)).not.toContain('prod-eu-2')
  })
})

describe('one thing', () => {
  it('is a cluster with its addons, policies and applications', () => {
    const cluster = ask(view, { ...objectCall, name: 'prod-eu-2' })
    expect(cluster.conditions).not.toEqual([])
    expect(cluster.policyStates).toContainEqual(
      expect.objectContaining({ name: 'etcd-encryption', state: 'non_compliant' }),
    )
  })

  it('is a policy with a page of its clusters, and their histories where clusters are named', () => {
    const call = { ...objectCall, list: 'policies', namespace: 'policies' } as const
    const name = 'etcd-encryption'
    const first = ask(view, { ...call, name, limit: 2 }).clusters as Record<string, unknown>
    expect(first).toMatchObject({ total: 3, items: [{ cluster: 'prod-ap-2' }, {}] })
    const rest = ask(view, { ...call, name, limit: 2, cursor: String(first.next) })
    expect(rest.clusters).toMatchObject({ items: [{ cluster: 'prod-eu-2' }] })
    const there = ask(view, { ...call, name, filter: { cluster: ['prod-eu-2'] } })
    expect(there.clusters).toMatchObject({
      items: [{ state: 'non_compliant', templates: [{ history: [{}, {}] }, {}] }],
    })
  })

  it('is not found where it is not, and says where to look', () => {
    expect(() => ask(view, { ...objectCall, name: 'nope' })).toThrow('see /api/v1/fleet/clusters')
  })

  it('is each thing of every list', () => {
    const lists = ['clusters', 'clustersets', 'placements', 'addons', 'policies', 'policysets']
    for (const list of [...lists, 'applications', 'sources'] as FleetList[]) {
      const items = itemsOf(view, { list })
      expect(items.length, list).toBeGreaterThan(0)
      for (const item of items) {
        const { name, kind } = item
        const namespace = String(item.namespace ?? (list === 'addons' ? item.cluster : ''))
        const type = list === 'sources' || kind === undefined ? {} : { type: String(kind) }
        const object = ask(view, { ...objectCall, list, namespace, name: String(name), ...type })
        expect(object).toMatchObject(list === 'clusters' ? { name } : item)
      }
    }
  })
})

describe('the summary', () => {
  const summary = ask(view, { kind: 'summary', scope: 'all', filter: {} })

  it('counts everything by state', () => {
    expect(summary.clusters).toMatchObject({
      total: 20,
      states: { available: 13, unavailable: 1, unreachable: 3, unknown: 1, not_joined: 2 },
    })
    expect(summary).toMatchObject({ sources: { states: { synced: 1 } } })
  })

  it('rolls standards up to policies, clusters and sets', () => {
    const standards = summary.standards as Record<string, unknown>[]
    expect(standards.map(({ value }) => value)).toContain('NIST SP 800-53')
    const nist = standards.find(({ value }) => value === 'NIST SP 800-53')!
    expect(nist.entries).toMatchObject({ non_compliant: expect.any(Number) })
    expect((nist.sets as unknown[]).length).toBeGreaterThan(0)
    expect(nist.worst).toContainEqual(
      expect.objectContaining({ cluster: 'prod-eu-2', hub: 'local' }),
    )
  })

  it('of one set counts its clusters only', () => {
    const ofSet = ask(view, { kind: 'summary', scope: 'all', filter: { set: ['prod'] } })
    const members = itemsOf(view, { filter: { set: ['prod'] } }).length
    expect(ofSet).toMatchObject({ clusters: { total: members } })
  })
})
