// The fixture's fleet against expectations written by hand.
import { describe, expect, it } from 'vitest'
import {
  assembleHub,
  mergeFleets,
  readObject,
  rollUp,
  summarize,
} from '../../../src/fleet/index.ts'
import { fixtureFleet, fixtureObjects, nowMs } from '../fixture-fleet.ts'

const fleet = fixtureFleet()
const at = (time: string): number => Date.parse(`2026-03-01T${time}:00Z`)
const named = <T extends { readonly name: string }>(list: readonly T[], name: string): T =>
  list.find((item) => item.name === name)!

describe('clusters of a fleet', () => {
  it('are each in their own state, and no two states are one', () => {
    const states = Object.groupBy(fleet.clusters, ({ status }) => status.state)
    const names = (state: keyof typeof states): string[] =>
      (states[state] ?? []).map(({ name }) => name)
    expect(fleet.clusters.length).toBe(20)
    expect(names('unavailable')).toEqual(['prod-us-3'])
    expect(names('unreachable')).toEqual(['karmada-2', 'kubefed-2', 'prod-ap-2'])
    expect(names('unknown')).toEqual(['staging-4'])
    expect(names('not_joined')).toEqual(['edge-3', 'staging-5'])
    expect(names('available').length).toBe(13)
  })

  it('say since when, why, and which condition of which object says so', () => {
    expect(named(fleet.clusters, 'prod-ap-2').status).toEqual({
      state: 'unreachable',
      sinceMs: at('09:00'),
      reason: 'ManagedClusterLeaseUpdateStopped',
      message: '',
      by: {
        kind: 'ManagedCluster',
        namespace: '',
        name: 'prod-ap-2',
        condition: 'ManagedClusterConditionAvailable',
      },
    })
    expect(named(fleet.clusters, 'staging-5').status.reason).toBe('NotJoined')
    expect(named(fleet.clusters, 'edge-3').status.reason).toBe('NotAccepted')
  })

  it('are degraded by a clock out of sync or by a degraded addon', () => {
    const degraded = fleet.clusters.filter(({ reachability }) => reachability === 'degraded')
    expect(degraded.map(({ name, degraded: [why] }) => [name, why?.reason])).toEqual([
      ['edge-1', 'QueueFull'],
      ['edge-2', 'ManagedClusterClockOutOfSync'],
    ])
  })

  it('have the id of their claim, resources as numbers, and the time they are being deleted since', () => {
    const cluster = named(fleet.clusters, 'staging-1')
    expect(cluster.id).toBe('id-of-staging-1')
    expect(cluster.allocatable.get('memory')).toBe(60 * 1024 ** 3)
    expect(named(fleet.clusters, 'staging-3').deletingSinceMs).toBe(at('11:00'))
    expect(named(fleet.clusters, 'karmada-1').id).toBe('0f6d')
  })

  it('are counted per set and state', () => {
    expect(fleet.sets.map(({ name, counts }) => [name, counts])).toEqual([
      ['edge', { available: 2, unavailable: 0, unreachable: 0, unknown: 0, not_joined: 1 }],
      ['prod', { available: 6, unavailable: 1, unreachable: 1, unknown: 0, not_joined: 0 }],
      ['staging', { available: 3, unavailable: 0, unreachable: 0, unknown: 1, not_joined: 1 }],
    ])
  })
})

describe('placements of a fleet', () => {
  it('are decided here where no hub does, with a state and its reason', () => {
    const prod = ['prod-ap-1', 'prod-eu-1', 'prod-eu-2', 'prod-eu-3', 'prod-us-1', 'prod-us-2']
    const staging = ['staging-1', 'staging-2', 'staging-4', 'staging-5']
    const all = [...prod, 'prod-ap-2', 'prod-us-3', ...staging].sort()
    expect(
      fleet.placements.map(({ name, status, clusters }) => [name, status.reason, clusters]),
    ).toEqual([
      ['broken', 'Misconfigured', []],
      ['cheapest', 'AllDecisionsScheduled', ['prod-us-2']],
      ['edge-only', 'NoIntersection', []],
      ['everywhere', 'AllDecisionsScheduled', all],
      ['too-many', 'NotAllDecisionsScheduled', ['staging-1', 'staging-2']],
      ['web', 'AllDecisionsScheduled', ['prod-eu-1', 'prod-eu-2', 'prod-eu-3']],
      ['all-prod', 'AllDecisionsScheduled', prod],
    ])
  })

  it('are decided the same again from what was decided', () => {
    expect(fixtureFleet(fleet.decided).decided).toEqual(fleet.decided)
  })

  it('are the union of all shards where a hub wrote them, and say nothing where it did not', () => {
    const shard = (number: number, clusters: string[]): object => ({
      apiVersion: 'cluster.open-cluster-management.io/v1beta1',
      kind: 'PlacementDecision',
      metadata: {
        namespace: 'apps',
        name: `web-decision-${number}`,
        labels: { 'cluster.open-cluster-management.io/placement': 'web' },
      },
      status: { decisions: clusters.map((clusterName) => ({ clusterName })) },
    })
    const objects = [...fixtureObjects(), shard(2, ['c', 'a']), shard(1, ['b'])]
    const parts = objects.flatMap((object) => readObject(object) ?? [])
    const data = { nowMs, lastSampleMs: new Map(), senders: new Set<string>(), sampleAgeMsMax: 1 }
    const { placements } = assembleHub({ hub: 'h', parts }, data)
    expect(named(placements, 'web')).toMatchObject({
      clusters: ['a', 'b', 'c'],
      status: { state: 'no_status' },
    })
  })
})

describe('addons of a fleet', () => {
  it('are as healthy as the worse of their claim and their data', () => {
    expect(
      fleet.addons.map(({ cluster, status, health }) => [cluster, status.state, health]),
    ).toEqual([
      ['edge-1', 'degraded', 'failed'],
      ['prod-ap-2', 'unknown', 'unknown'],
      ['prod-eu-1', 'available', 'healthy'],
      ['prod-eu-2', 'available', 'failed'],
      ['prod-eu-3', 'available', 'unknown'],
      ['prod-us-1', 'unavailable', 'failed'],
      ['staging-1', 'progressing', 'unknown'],
      ['staging-2', 'not_reported', 'unknown'],
    ])
    expect(fleet.addons[0]?.displayName).toBe('Crowsnest')
  })

  it('of clusters that cannot be reached are stale since they could not be', () => {
    const stale = fleet.addons.filter((addon) => addon.stale !== undefined)
    expect(stale.map((addon) => [addon.cluster, addon.stale])).toEqual([
      ['prod-ap-2', { sinceMs: at('09:00') }],
    ])
  })
})

describe('policies of a fleet', () => {
  it('are aggregated over clusters: non-compliant, pending, no status, compliant; disabled apart', () => {
    expect(
      fleet.policies.map(({ name, compliance, clusters }) => [
        name,
        compliance,
        clusters.map((entry) => `${entry.cluster} ${entry.compliance}`),
      ]),
    ).toEqual([
      ['audit', 'no_status', ['prod-eu-1 compliant', 'prod-eu-2 no_status']],
      [
        'etcd-encryption',
        'non_compliant',
        ['prod-ap-2 compliant', 'prod-eu-1 compliant', 'prod-eu-2 non_compliant'],
      ],
      ['fine', 'compliant', ['prod-eu-1 compliant', 'prod-us-1 compliant']],
      [
        'limits',
        'non_compliant',
        ['prod-eu-1 pending', 'prod-us-1 compliant', 'staging-1 non_compliant'],
      ],
      ['old', 'disabled', []],
    ])
  })

  it('show templates with their newest message and its exact time, and what is stale', () => {
    const { clusters } = named(fleet.policies, 'etcd-encryption')
    const replicated = clusters.find(({ cluster }) => cluster === 'prod-eu-2')!
    expect(replicated.details.map(({ template, compliance }) => [template, compliance])).toEqual([
      ['etcd', 'non_compliant'],
      ['backup', 'compliant'],
    ])
    expect(replicated.details[0]?.history.map(({ atMs }) => atMs)).toEqual([
      at('11:00') + 250,
      at('10:00'),
    ])
    expect(clusters[0]).toMatchObject({ cluster: 'prod-ap-2', stale: { sinceMs: at('09:00') } })
  })

  it('name the placements that bind them, restricted bindings left out, and their sets', () => {
    const { placements, sets, counts } = named(fleet.policies, 'etcd-encryption')
    expect(placements).toEqual(['Placement policies/all-prod'])
    expect(sets).toEqual(['lenient', 'strict'])
    expect(counts).toEqual({
      compliant: 2,
      non_compliant: 1,
      pending: 0,
      no_status: 0,
      disabled: 0,
    })
  })

  it('are judged in a set only on the clusters that the set places them on', () => {
    expect(
      fleet.policySets.map(({ name, compliance, message }) => [name, compliance, message]),
    ).toEqual([
      ['baseline', 'pending', 'disabled: old; deleted: missing; pending: limits'],
      ['lenient', 'compliant', ''],
      ['strict', 'no_status', 'no status: audit'],
    ])
  })

  it('roll up by standard to counts of policies, by cluster and by set', () => {
    const none = { compliant: 0, non_compliant: 0, pending: 0, no_status: 0, disabled: 0 }
    const [nist, pci] = rollUp('standards', fleet.policies, fleet.clusters)
    expect(nist?.value).toBe('NIST SP 800-53')
    expect(nist?.policies).toEqual({ ...none, non_compliant: 2, disabled: 1 })
    expect(Object.fromEntries(nist?.clusters ?? [])).toEqual({
      'prod-ap-2': { ...none, compliant: 1 },
      'prod-eu-1': { ...none, compliant: 1, pending: 1 },
      'prod-eu-2': { ...none, non_compliant: 1 },
      'prod-us-1': { ...none, compliant: 1 },
      'staging-1': { ...none, non_compliant: 1 },
    })
    expect(Object.fromEntries(nist?.sets ?? [])).toEqual({
      prod: { ...none, compliant: 3, pending: 1, non_compliant: 1 },
      staging: { ...none, non_compliant: 1 },
    })
    expect(pci?.policies).toEqual({ ...none, non_compliant: 1, no_status: 1, compliant: 1 })
    const controls = rollUp('controls', fleet.policies, fleet.clusters).map(({ value }) => value)
    expect(controls).toEqual(['AU-2 Event Logging', 'CM-2 Baseline Configuration'])
  })
})

describe('applications of a fleet', () => {
  it('of every kind have a state on each cluster, and are the worst of them', () => {
    expect(
      fleet.applications.map(({ kind, name, state, clusters }) => [
        kind,
        name,
        state,
        clusters.map((entry) => `${entry.cluster} ${entry.state}`).join(', '),
      ]),
    ).toEqual([
      ['Subscription', 'nowhere', 'failed', ''],
      [
        'Application.app.k8s.io',
        'shop',
        'failed',
        'prod-eu-1 healthy, prod-eu-2 failed, prod-eu-3 progressing',
      ],
      [
        'Subscription',
        'shop',
        'failed',
        'prod-eu-1 healthy, prod-eu-2 failed, prod-eu-3 progressing',
      ],
      ['ApplicationSet', 'guestbook', 'failed', 'prod-us-1 failed, prod-us-2 healthy'],
      ['ApplicationSet', 'pulled', 'pending', 'prod-ap-1 progressing, prod-ap-2 pending'],
      ['ApplicationSet', 'reported', 'pending', 'prod-us-3 pending'],
      ['Application.argoproj.io', 'single', 'healthy', 'prod-eu-1 healthy'],
      ['ApplicationSet', 'unborn', 'empty', ''],
      ['Federated', 'Deployment/legacy', 'unknown', 'kubefed-1 progressing, kubefed-2 unknown'],
      ['ResourceBinding', 'Deployment/nginx', 'unknown', 'karmada-1 healthy, karmada-2 unknown'],
    ])
  })

  it('sum counters over all clusters, so that the last one does not win', () => {
    const guestbook = named(fleet.applications, 'guestbook')
    expect(guestbook.rows.health).toMatchObject({ danger: 1, healthy: 1 })
    expect(guestbook.rows.sync).toMatchObject({ warning: 1, healthy: 1 })
    expect(guestbook.score).toBe(1_100_002)
    expect(guestbook.counts).toMatchObject({ failed: 1, healthy: 1 })
    expect(guestbook.clusters[0]?.message).toBe('1 of 3 pods ready')
    const shop = fleet.applications.find(({ kind }) => kind === 'Subscription')
    expect(shop?.failure).toBe('channel not found')
  })

  it('are stale on clusters that cannot be reached', () => {
    const stale = fleet.applications.flatMap(({ name, clusters }) =>
      clusters.flatMap((entry) =>
        entry.stale ? [[name, entry.cluster, entry.stale.sinceMs]] : [],
      ),
    )
    expect(stale).toEqual([
      ['pulled', 'prod-ap-2', at('09:00')],
      ['reported', 'prod-us-3', at('11:30')],
      ['Deployment/legacy', 'kubefed-2', at('10:45')],
      ['Deployment/nginx', 'karmada-2', at('10:30')],
    ])
  })
})

describe('several hubs', () => {
  it('are listed together and counted, each entry under the name of its hub', () => {
    const both = mergeFleets([fleet, { ...fleet, clusters: [] }])
    const summary = summarize(both)
    expect(summary.clusters).toEqual({
      available: 13,
      unavailable: 1,
      unreachable: 3,
      unknown: 1,
      not_joined: 2,
    })
    expect(summary.applications).toEqual({
      failed: 8,
      unknown: 4,
      pending: 4,
      progressing: 0,
      healthy: 2,
      empty: 2,
    })
    expect(summary.policySets).toMatchObject({ compliant: 2, pending: 2, no_status: 2 })
    expect(new Set(both.policies.map(({ hub }) => hub))).toEqual(new Set(['local']))
  })

  it('where nothing is, count nothing as healthy', () => {
    const data = { nowMs, lastSampleMs: new Map(), senders: new Set<string>(), sampleAgeMsMax: 1 }
    const { healthy, empty } = summarize(assembleHub({ hub: 'h', parts: [] }, data)).applications
    expect([healthy, empty]).toEqual([0, 0])
  })
})
