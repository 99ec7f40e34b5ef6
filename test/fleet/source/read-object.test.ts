import { describe, expect, it } from 'vitest'
import { assembleHub, readObject } from '../../../src/fleet/index.ts'
import { createRandom } from '../../random.ts'
import { fixtureObjects, nowMs } from '../fixture-fleet.ts'

const junk = [
  null,
  '',
  'x',
  0,
  -1,
  1e300,
  true,
  [],
  [null],
  {},
  { a: [] },
  'NaN',
  '2026-13-45T99:99Z',
]

// Replaces one place somewhere in a value by something that does not belong there.
function spoil(value: unknown, random: () => number): unknown {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  if (typeof value !== 'object' || value === null || random() < 0.15) return pick(junk)
  if (Array.isArray(value)) {
    if (value.length === 0) return [pick(junk)]
    const at = Math.floor(random() * value.length)
    return value.map((item, index) => (index === at ? spoil(item, random) : item))
  }
  const entries = Object.entries(value)
  if (entries.length === 0) return pick(junk)
  const key = pick(entries)[0]
  return Object.fromEntries(
    entries.map(([name, item]) => [name, name === key ? spoil(item, random) : item]),
  )
}

describe('objects read into parts', () => {
  it('are told apart by group, not by kind alone', () => {
    const of = (apiVersion: string): unknown =>
      readObject({ apiVersion, kind: 'Application', metadata: { name: 'a' } })
    expect(of('argoproj.io/v1alpha1')).toMatchObject({ kind: 'Application.argoproj.io' })
    expect(of('app.k8s.io/v1beta1')).toMatchObject({ kind: 'Application.app.k8s.io' })
    expect(of('example.io/v1')).toBeUndefined()
  })

  it.each([undefined, null, 'text', 7, [], {}, { kind: 'Policy' }])('%j is no part', (value) =>
    expect(readObject(value)).toBeUndefined(),
  )

  it('never throw, and neither does their fleet, whatever stands in any one place', () => {
    const seed = 5
    const random = createRandom(seed)
    const objects = fixtureObjects()
    const data = {
      nowMs,
      lastSampleMs: new Map<string, number>(),
      senders: new Set<string>(),
      sampleAgeMsMax: 1,
    }
    for (let round = 0; round < 150; round++) {
      const spoiled = objects.map((object) => (random() < 0.3 ? spoil(object, random) : object))
      const parts = spoiled.flatMap((object) => readObject(object) ?? [])
      for (const embedded of [undefined, new Map()])
        expect(
          () => assembleHub({ hub: 'h', parts, ...(embedded ? { embedded } : {}) }, data),
          `seed ${seed}, round ${round}`,
        ).not.toThrow()
    }
  })

  it('read a key such as __proto__ as any other', () => {
    const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as object
    const object = {
      apiVersion: 'cluster.open-cluster-management.io/v1',
      kind: 'ManagedCluster',
      metadata: { name: 'a', labels },
    }
    expect(readObject(object)).toMatchObject({
      labels: new Map([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    })
  })
})
