// Policies of Karmada as placements: known by where bindings put their resources.
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../src/fleet/kube-object.ts'
import { HubState } from '../../../src/fleet/service/hub-state.ts'

const data = { nowMs: 0, lastSampleMs: new Map(), senders: new Set<string>(), sampleAgeMsMax: 1 }

function binding(name: string, clusters: readonly string[], annotations: object): KubeObject {
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: { namespace: 'web', name, annotations },
    spec: {
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name },
      clusters: clusters.map((cluster) => ({ name: cluster })),
    },
  }
}
const ofPolicy = {
  'propagationpolicy.karmada.io/namespace': 'web',
  'propagationpolicy.karmada.io/name': 'all',
}

describe('a policy of Karmada', () => {
  it('is a placement on all clusters where bindings put its resources', () => {
    const hub = new HubState('karmada')
    const placements = (): unknown =>
      hub.join(data).placements.map(({ kind, namespace, name, clusters }) => ({
        [`${kind} ${namespace}/${name}`]: clusters,
      }))
    const upsert = (key: string, object: KubeObject): void =>
      hub.apply({ upserts: [{ key, object }], deletes: [] })
    upsert('one', binding('one', ['b', 'a'], ofPolicy))
    upsert('two', binding('two', ['c'], ofPolicy))
    upsert('three', binding('three', ['a'], { 'clusterpropagationpolicy.karmada.io/name': 'wide' }))
    upsert('four', binding('four', ['d'], {}))
    expect(placements()).toEqual([
      { 'ClusterPropagationPolicy /wide': ['a'] },
      { 'PropagationPolicy web/all': ['a', 'b', 'c'] },
    ])
    expect(hub.fleet.applications).toHaveLength(4)
    upsert('two', binding('two', ['a'], ofPolicy))
    hub.apply({ upserts: [], deletes: ['three'] })
    expect(placements()).toEqual([{ 'PropagationPolicy web/all': ['a', 'b'] }])
    hub.apply({ upserts: [], deletes: ['one', 'two'] })
    expect(placements()).toEqual([])
  })
})

function federated(name: string, clusters: readonly object[], overrides: readonly object[] = []) {
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedDeployment',
    metadata: { namespace: 'web', name },
    spec: { placement: { clusters }, overrides },
    status: { clusters },
  }
}

const typeConfig = (propagation: string, propagationController: string): KubeObject => ({
  apiVersion: 'core.kubefed.io/v1beta1',
  kind: 'FederatedTypeConfig',
  metadata: { namespace: 'kube-federation-system', name: 'deployments.apps' },
  spec: { targetType: { kind: 'Deployment' }, propagation },
  status: { propagationController },
})

describe('what makes an application different from cluster to cluster', () => {
  it('stands on its entry for the cluster: the policies of Karmada that changed its work, without values', () => {
    const hub = new HubState('karmada')
    const overriders = {
      plaintext: [{ path: '/spec/password', operator: 'replace', value: 'secret' }],
      imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'mirror' }],
      labelsOverrider: [],
    }
    const work = (annotations: object): KubeObject => ({
      apiVersion: 'work.karmada.io/v1alpha1',
      kind: 'Work',
      metadata: { namespace: 'karmada-es-a', name: 'one', annotations },
      spec: {
        workload: {
          manifests: [{ kind: 'Deployment', metadata: { namespace: 'web', name: 'one' } }],
        },
      },
    })
    const applied = work({
      'policy.karmada.io/applied-overrides': JSON.stringify([{ policyName: 'own', overriders }]),
      'policy.karmada.io/applied-cluster-overrides': '[{"policyName":"all"}]',
    })
    hub.apply({
      upserts: [
        { key: 'binding', object: binding('one', ['a', 'b'], ofPolicy) },
        { key: 'work', object: applied },
      ],
      deletes: [],
    })
    const entries = () => hub.join(data).applications[0]!.clusters
    expect(entries().map(({ cluster, overrides }) => [cluster, overrides])).toEqual([
      [
        'a',
        [
          { by: 'ClusterOverridePolicy all', changes: [] },
          { by: 'OverridePolicy web/own', changes: ['/spec/password', 'image'] },
        ],
      ],
      ['b', undefined],
    ])
    expect(JSON.stringify(hub.fleet)).not.toContain('secret')
    const spoiled = work({ 'policy.karmada.io/applied-overrides': '{not json' })
    hub.apply({ upserts: [{ key: 'work', object: spoiled }], deletes: [] })
    expect(entries()[0]!.overrides).toBeUndefined()
  })

  it('stands there for KubeFed too, with how replicas are shared out', () => {
    const hub = new HubState('kubefed')
    const overrides = [
      { clusterName: 'b', clusterOverrides: [{ path: '/spec/replicas', value: 3 }] },
    ]
    const preference = {
      apiVersion: 'scheduling.kubefed.io/v1alpha1',
      kind: 'ReplicaSchedulingPreference',
      metadata: { namespace: 'web', name: 'one' },
      spec: {
        targetKind: 'FederatedDeployment',
        totalReplicas: 9,
        rebalance: true,
        clusters: { a: { minReplicas: 1, maxReplicas: 4, weight: 2 }, '*': { weight: 1 } },
      },
    }
    hub.apply({
      upserts: [
        { key: 'one', object: federated('one', [{ name: 'a' }, { name: 'b' }], overrides) },
        { key: 'preference', object: preference },
      ],
      deletes: [],
    })
    const [one] = hub.join(data).applications
    expect(one!.clusters.map((entry) => entry.overrides)).toEqual([
      undefined,
      [{ by: 'FederatedDeployment web/one', changes: ['/spec/replicas'] }],
    ])
    expect(one!.replicas).toEqual({
      by: 'ReplicaSchedulingPreference web/one',
      total: 9,
      rebalance: true,
      clusters: [
        { cluster: 'a', min: 1, max: 4, weight: 2 },
        { cluster: '*', min: 0, weight: 1 },
      ],
    })
    hub.apply({ upserts: [], deletes: ['preference'] })
    expect(hub.join(data).applications[0]!.replicas).toBeUndefined()
  })

  it('fails as a whole where its kind is not propagated', () => {
    const hub = new HubState('kubefed')
    const upsert = (key: string, object: KubeObject): void =>
      hub.apply({ upserts: [{ key, object }], deletes: [] })
    upsert('one', federated('one', [{ name: 'a' }]))
    const state = () => {
      const [one] = hub.join(data).applications
      return [one!.state === 'failed', one!.failure]
    }
    upsert('type', typeConfig('Enabled', 'Running'))
    expect(state()).toEqual([false, undefined])
    const by = '(FederatedTypeConfig kube-federation-system/deployments.apps)'
    upsert('type', typeConfig('Disabled', 'Running'))
    expect(state()).toEqual([true, `propagation of Deployment is disabled ${by}`])
    upsert('type', typeConfig('Enabled', 'NotRunning'))
    expect(state()).toEqual([true, `the controller of Deployment is down ${by}`])
    hub.apply({ upserts: [], deletes: ['type'] })
    expect(state()).toEqual([false, undefined])
  })
})
