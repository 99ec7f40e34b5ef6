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
