import { describe, expect, it } from 'vitest'
import { assembleHub, type Fleet, readObject } from '../../../src/fleet/index.ts'

const group = 'apps.open-cluster-management.io'

function fleetOf(...objects: object[]): Fleet {
  const parts = objects.flatMap((object) => readObject(object) ?? [])
  const data = {
    nowMs: 0,
    lastSampleMs: new Map<string, number>(),
    senders: new Set<string>(),
    sampleAgeMsMax: 1,
  }
  return assembleHub({ hub: 'h', parts }, data)
}

const on = ({ applications }: Fleet): string[] =>
  applications.map(
    ({ name, state, clusters }) =>
      `${name} ${state}: ${clusters.map((entry) => `${entry.cluster} ${entry.state}`).join(', ')}`,
  )

const rule = {
  apiVersion: `${group}/v1`,
  kind: 'PlacementRule',
  metadata: { namespace: 'apps', name: 'r' },
  status: { decisions: [{ clusterName: 'b' }, { clusterName: 'a' }] },
}
const work = (annotations: object, health: string): object => ({
  apiVersion: 'work.open-cluster-management.io/v1',
  kind: 'ManifestWork',
  metadata: { namespace: 'a', name: 'w', annotations },
  status: {
    resourceStatus: {
      manifests: [
        { statusFeedback: { values: [{ name: 'healthStatus', fieldValue: { string: health } }] } },
      ],
    },
  },
})
const report = {
  apiVersion: `${group}/v1alpha1`,
  kind: 'MulticlusterApplicationSetReport',
  metadata: { namespace: 'argocd', name: 'set' },
  statuses: {
    clusterConditions: [{ cluster: 'a', healthStatus: 'Healthy', syncStatus: 'Synced' }],
  },
}
const applicationSet = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'ApplicationSet',
  metadata: { namespace: 'argocd', name: 'set' },
}

describe('applications', () => {
  it('placed by a legacy rule are in progress where nothing is reported', () => {
    const subscription = {
      apiVersion: `${group}/v1`,
      kind: 'Subscription',
      metadata: { namespace: 'apps', name: 's' },
      spec: { placement: { placementRef: { kind: 'PlacementRule', name: 'r' } } },
    }
    const fleet = fleetOf(rule, subscription)
    expect(on(fleet)).toEqual(['s progressing: a progressing, b progressing'])
    expect(fleet.placements).toMatchObject([{ kind: 'PlacementRule', clusters: ['a', 'b'] }])
  })

  it('leave out the copies of subscriptions that stand on managed clusters', () => {
    const copy = {
      apiVersion: `${group}/v1`,
      kind: 'Subscription',
      metadata: { namespace: 'apps', name: 's-local' },
      spec: { placement: { local: true } },
    }
    expect(on(fleetOf(copy))).toEqual([])
  })

  it('of a set count the deprecated report only where no work or application says better', () => {
    expect(on(fleetOf(applicationSet, report))).toEqual(['set healthy: a healthy'])
    const carried = work({ [`${group}/hosting-applicationset`]: 'argocd/set' }, 'Degraded')
    expect(on(fleetOf(applicationSet, report, carried))).toEqual(['set failed: a failed'])
  })

  it('that are pulled without a set have the state of their work', () => {
    const pulled = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: {
        namespace: 'argocd',
        name: 'one',
        labels: { [`${group}/pull-to-ocm-managed-cluster`]: 'true' },
        annotations: { [`${group}/ocm-managed-cluster`]: 'a' },
      },
    }
    const carried = work(
      {
        [`${group}/hub-application-namespace`]: 'argocd',
        [`${group}/hub-application-name`]: 'one',
      },
      'Progressing',
    )
    expect(on(fleetOf(pulled))).toEqual(['one pending: a pending'])
    // Sync is missing in the feedback, so it is unknown, which is worse than progressing.
    expect(on(fleetOf(pulled, carried))).toEqual(['one unknown: a unknown'])
  })

  it('whose set is not there are listed by themselves', () => {
    const child = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: {
        namespace: 'argocd',
        name: 'child',
        ownerReferences: [{ kind: 'ApplicationSet', name: 'set' }],
      },
      spec: { destination: { name: 'in-cluster' } },
      status: { health: { status: 'Suspended' }, sync: { status: 'Synced' } },
    }
    expect(on(fleetOf(child))).toEqual(['child pending: https://kubernetes.default.svc pending'])
    expect(on(fleetOf(applicationSet, child, report))).toEqual([
      'set pending: https://kubernetes.default.svc pending',
    ])
  })

  it('of Karmada that fit no cluster have failed, and say why', () => {
    const binding = {
      apiVersion: 'work.karmada.io/v1alpha2',
      kind: 'ResourceBinding',
      metadata: { namespace: 'web', name: 'b' },
      spec: { resource: { kind: 'Deployment', namespace: 'web', name: 'big' } },
      status: {
        conditions: [
          {
            type: 'Scheduled',
            status: 'False',
            reason: 'NoClusterFit',
            message: '0/3 clusters fit',
          },
        ],
      },
    }
    expect(fleetOf(binding).applications).toMatchObject([
      { name: 'Deployment/big', state: 'failed', failure: 'NoClusterFit: 0/3 clusters fit' },
    ])
  })
})
