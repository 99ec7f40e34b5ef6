// Kinds that only hubs hold, read and joined with the fixture's fleet.
import { describe, expect, it } from 'vitest'
import { assembleHub, readObject } from '../../../src/fleet/index.ts'
import { fixtureObjects, nowMs } from '../fixture-fleet.ts'
import { hubObjects } from './hub-kinds.ts'

const data = { nowMs, lastSampleMs: new Map(), senders: new Set<string>(), sampleAgeMsMax: 1 }
const fleet = assembleHub(
  {
    hub: 'hub',
    parts: [...fixtureObjects(), ...hubObjects()].flatMap((object) => readObject(object) ?? []),
    embedded: new Map(),
  },
  data,
)

function application(kind: string, name: string): unknown {
  const found = fleet.applications.find((one) => one.kind === kind && one.name === name)
  if (found === undefined) return undefined
  const { state, clusters, failure } = found
  return {
    state,
    ...(failure === undefined ? {} : { failure }),
    clusters: Object.fromEntries(
      clusters.map((one) => [
        one.cluster,
        one.message === '' ? one.state : `${one.state}: ${one.message}`,
      ]),
    ),
  }
}

describe('works', () => {
  it('of a ManifestWorkReplicaSet are joined, and clusters of its placement that have none are pending', () => {
    expect(application('ManifestWorkReplicaSet', 'agents')).toMatchObject({
      state: 'failed',
      clusters: { 'prod-eu-1': 'healthy', 'prod-eu-2': 'failed: no such kind' },
    })
  })

  it('that stand alone are applications of one cluster, and degraded ones are not healthy', () => {
    expect(application('ManifestWork', 'by-hand')).toEqual({
      state: 'failed',
      clusters: { 'prod-eu-1': 'failed: 1 of 2 pods is ready' },
    })
  })

  it('of addons are no applications', () => {
    const works = fleet.applications.filter(({ kind }) => kind === 'ManifestWork')
    expect(works.map(({ name }) => name)).toEqual(['by-hand'])
  })

  it('of pulled applications speak for these', () => {
    expect(fleet.applications.some(({ name }) => name === 'pulled-1-abcde')).toBe(false)
  })

  it('of Karmada say how a resource is where its binding has gathered nothing yet', () => {
    expect(application('ResourceBinding', 'Deployment/late')).toEqual({
      state: 'failed',
      clusters: { 'karmada-1': 'failed' },
    })
  })
})

describe('a policy', () => {
  it('shows what is run on violations, and when that was run last', () => {
    const policy = fleet.policies.find(({ name }) => name === 'etcd-encryption')!
    expect(policy.automations).toEqual([
      {
        name: 'repair',
        mode: 'everyEvent',
        clusters: ['prod-eu-1', 'prod-eu-2'],
        lastRunMs: Date.parse('2026-03-01T11:00:05Z'),
      },
    ])
    const other = fleet.policies.find(({ name }) => name === 'limits')!
    expect(other.automations).toEqual([])
  })
})

describe('a GitOpsCluster', () => {
  it('that failed is shown on the cluster of Argo CD itself, with its message', () => {
    expect(application('GitOpsCluster', 'all')).toMatchObject({ state: 'failed' })
    expect(JSON.stringify(application('GitOpsCluster', 'all'))).toContain('was not found')
  })
})
