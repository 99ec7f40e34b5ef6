// The fleet of a hub, joined change by change, is the fleet that its objects give at once.

import { expect, test } from 'vitest'
import { assembleHub } from '../../../src/fleet/index.ts'
import type { KubeObject } from '../../../src/fleet/kube-object.ts'
import { HubState } from '../../../src/fleet/service/hub-state.ts'
import { objectKey } from '../../../src/fleet/source/manifest-file.ts'
import { fixtureObjects, nowMs, partsOf } from '../fixture-fleet.ts'

const data = {
  nowMs,
  lastSampleMs: new Map([
    ['prod-eu-1', nowMs - 10_000],
    ['prod-eu-2', nowMs - 1_200_000],
  ]),
  senders: new Set(['crowsnest']),
  sampleAgeMsMax: 300_000,
}

const objects = new Map(
  fixtureObjects().map((object) => [objectKey(object), object as KubeObject] as const),
)

const upsertsOf = (from: ReadonlyMap<string, KubeObject>) =>
  [...from].map(([key, object]) => ({ key, object }))

// Words of manifests that say states and names, each with what it may become.
const swaps = [
  ['"True"', '"False"'],
  ['"False"', '"Unknown"'],
  ['"Compliant"', '"NonCompliant"'],
  ['"NonCompliant"', '"Compliant"'],
  ['"Healthy"', '"Degraded"'],
  ['"OutOfSync"', '"Synced"'],
  ['prod-eu-1', 'prod-eu-2'],
  ['prod-us-1', 'prod-eu-1'],
  ['"eu"', '"us"'],
  ['"prod"', '"dev"'],
  ['"disabled":false', '"disabled":true'],
  ['"specHash":"w2"', '"specHash":"w1"'],
  ['"reason":"Progressing"', '"reason":"Completed"'],
  ['"namespace":"apps","name":"web"', '"namespace":"apps","name":"cheapest"'],
  ['"install', '"uninstall'],
] as const

// A small generator: the test prints its seed where it fails.
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function mutate(object: KubeObject, random: (below: number) => number): KubeObject {
  const { name, namespace } = object.metadata as KubeObject
  const [from, to] = swaps[random(swaps.length)]!
  const changed = JSON.parse(JSON.stringify(object).replaceAll(from, to)) as KubeObject
  // The object stays itself: its name is its key.
  const own = namespace === undefined ? { name } : { name, namespace }
  return { ...changed, metadata: { ...(changed.metadata as KubeObject), ...own } }
}

for (const embedded of [false, true]) {
  test(`after any changes the joined fleet is that of all objects at once (${embedded ? 'embedded' : 'decided by the hub'})`, () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = randomOf(seed)
      const state = new HubState('local', embedded ? new Map() : undefined)
      let decided: ReadonlyMap<string, readonly string[]> = new Map()
      const now = new Map<string, KubeObject>()
      for (let round = 0; round < 12; round++) {
        const upserts = new Map<string, KubeObject>()
        const deletes = new Set<string>()
        for (const [key, object] of objects) {
          const dice = random(round === 0 ? 4 : 40)
          if (dice === 0 && now.has(key)) deletes.add(key)
          else if (dice === 1) upserts.set(key, mutate(now.get(key) ?? object, random))
          else if (dice <= 3 && !now.has(key)) upserts.set(key, object)
        }
        for (const key of deletes) now.delete(key)
        for (const [key, object] of upserts) now.set(key, object)
        state.apply({ upserts: upsertsOf(upserts), deletes: [...deletes] })
        const input = { hub: 'local', parts: partsOf([...now.values()]) }
        const { decided: expectedDecided, ...expected } = assembleHub(
          embedded ? { ...input, embedded: decided } : input,
          data,
        )
        expect(state.join(data), `seed ${seed}, round ${round}`).toEqual(expected)
        expect(new Map(state.decided), `seed ${seed}, round ${round}`).toEqual(expectedDecided)
        decided = new Map(state.decided)
      }
    }
  })
}

test('a hub that is listed anew gives the same lists', () => {
  const state = new HubState('local', new Map())
  state.apply({ upserts: upsertsOf(objects), deletes: [] })
  const before = state.join(data)
  const copy = new Map([...objects].map(([key, object]) => [key, structuredClone(object)]))
  state.apply({ upserts: upsertsOf(copy), deletes: [] })
  const after = state.join(data)
  for (const name of Object.keys(before) as (keyof typeof before)[])
    expect(after[name], name).toBe(before[name])
})

test('a policy that changes on one cluster keeps its entries of all others', () => {
  const state = new HubState('local', new Map())
  state.apply({ upserts: upsertsOf(objects), deletes: [] })
  const before = state.join(data)
  const policy = before.policies.find(({ clusters }) => clusters.length > 1)!
  const [changed, ...others] = policy.clusters
  const copy = {
    apiVersion: 'policy.open-cluster-management.io/v1',
    kind: 'Policy',
    metadata: {
      name: `${policy.namespace}.${policy.name}`,
      namespace: changed!.cluster,
      labels: {
        'policy.open-cluster-management.io/root-policy': `${policy.namespace}.${policy.name}`,
        'policy.open-cluster-management.io/cluster-name': changed!.cluster,
      },
    },
    status: { compliant: 'Pending' },
  }
  state.apply({ upserts: [{ key: objectKey(copy), object: copy }], deletes: [] })
  const after = state.join(data)
  const next = after.policies.find(({ name }) => name === policy.name)!
  expect(next.clusters[0]!.compliance).toBe('pending')
  expect(next.clusters.slice(1)).toHaveLength(others.length)
  for (const [i, entry] of others.entries()) expect(next.clusters[i + 1]).toBe(entry)
  expect(after.clusters).toBe(before.clusters)
  expect(after.applications).toBe(before.applications)
})
