import { describe, expect, it } from 'vitest'
import {
  assembleHub,
  type Fleet,
  readObject,
  type Transition,
  transitionsBetween,
} from '../../../src/fleet/index.ts'
import { fixtureFleet, fixtureObjects, nowMs } from '../fixture-fleet.ts'

const data = {
  nowMs,
  lastSampleMs: new Map<string, number>(),
  senders: new Set<string>(),
  sampleAgeMsMax: 1,
}

// The fixture's fleet after a change of the text of its objects.
function changed(change: (text: string) => string): Fleet {
  const objects = JSON.parse(change(JSON.stringify(fixtureObjects()))) as object[]
  const parts = objects.flatMap((object) => readObject(object) ?? [])
  return assembleHub({ hub: 'local', parts, embedded: new Map() }, data)
}

const same = changed((text) => text)
const lines = (list: readonly Transition[]): string[] =>
  list.map(
    ({ kind, namespace, name, cluster, from, to }) =>
      `${kind} ${namespace}/${name} ${cluster}: ${from ?? 'nothing'} -> ${to ?? 'nothing'}`,
  )

describe('transitions', () => {
  it('are none between two looks at the same fleet', () => {
    expect(
      transitionsBetween(
        same,
        changed((text) => text),
      ),
    ).toEqual([])
    expect(transitionsBetween(fixtureFleet(), fixtureFleet())).toEqual([])
  })

  it('tell what a policy message changed, on the cluster and above it', () => {
    const after = changed((text) =>
      text.replace('(combined from similar events): NonCompliant', 'Compliant'),
    )
    expect(lines(transitionsBetween(same, after))).toEqual([
      'policy policies/etcd-encryption : non_compliant -> compliant',
      'policy_on_cluster policies/etcd-encryption prod-eu-2: non_compliant -> compliant',
    ])
    expect(transitionsBetween(same, after)[1]).toMatchObject({
      sinceMs: Date.parse('2026-03-01T11:00:00.250Z'),
      message: 'Compliant; violation - etcd is not encrypted',
    })
  })

  it('tell of clusters that enter and leave placements and sets when a label changes', () => {
    const eu3 =
      '"name":"prod-eu-3","labels":{"cluster.open-cluster-management.io/clusterset":"prod"'
    const after = changed((text) => text.replace(eu3, eu3.replace('"prod"', '"edge"')))
    expect(lines(transitionsBetween(same, after))).toEqual([
      'placement apps/web : satisfied -> not_satisfied',
      'addon_rollout prod-eu-3/crowsnest prod-eu-3: failed -> to_apply',
      'application_on_cluster apps/shop prod-eu-3: progressing -> nothing',
      'application_on_cluster apps/shop prod-eu-3: progressing -> nothing',
      'placement_member apps/everywhere prod-eu-3: member -> nothing',
      'placement_member apps/web prod-eu-3: member -> nothing',
      'placement_member policies/all-prod prod-eu-3: member -> nothing',
      'set_member /edge prod-eu-3: nothing -> member',
      'set_member /prod prod-eu-3: member -> nothing',
    ])
  })

  it('tell of everything that appears and goes away, and the reverse is the reverse', () => {
    const none = assembleHub({ hub: 'local', parts: [] }, data)
    const up = transitionsBetween(none, same)
    const down = transitionsBetween(same, none)
    expect(up.length).toBeGreaterThan(100)
    expect(up.every(({ from, to }) => from === undefined && to !== undefined)).toBe(true)
    expect(down.map(({ from }) => from)).toEqual(up.map(({ to }) => to))
    expect(down.every(({ to, reason }) => to === undefined && reason === '')).toBe(true)
  })
})
