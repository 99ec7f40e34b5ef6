// Columns of policies and applications, against what they say entry by entry.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fleet } from '../../../src/fleet/index.ts'
import { compliances } from '../../../src/fleet/model/parts.ts'
import { countStates } from '../../../src/fleet/model/state.ts'
import { ClusterTable, countColumn } from '../../../src/fleet/view/cluster-table.ts'
import { fixtureFleet } from '../fixture-fleet.ts'

type Policy = Fleet['policies'][number]

const template = fixtureFleet().policies[0]!

const policyOf = (hub: string, states: ReadonlyMap<string, Policy['compliance']>): Policy => ({
  ...template,
  hub,
  clusters: [...states].map(([cluster, compliance]) => ({ cluster, compliance, details: [] })),
})

const statesArbitrary = fc
  .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'))
  .chain((names) =>
    fc
      .array(fc.constantFrom(...compliances), { minLength: names.length, maxLength: names.length })
      .map((states) => new Map(names.sort().map((name, i) => [name, states[i]!]))),
  )

describe('a column', () => {
  it('says what the entries say, however often they change', () => {
    const versions = fc.array(fc.tuple(fc.constantFrom('one', 'two'), statesArbitrary), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(versions, (list) => {
        const table = new ClusterTable()
        for (const [hub, states] of list) {
          const policy = policyOf(hub, states)
          const { ids, codes } = table.ofPolicy(policy)
          const said = [...ids].map((id, i) => [table.nameOf(id), compliances[codes[i]!]])
          expect(said).toEqual([...states])
          for (const id of ids) expect(table.hubOf(id)).toBe(hub)
          const counts = new Uint32Array(compliances.length)
          countColumn(table.ofPolicy(policy), undefined, counts)
          expect([...counts]).toEqual(Object.values(countStates(compliances, states.values())))
        }
      }),
    )
  })

  it('of a thing that shares entries with the one before looks at the others only', () => {
    const table = new ClusterTable()
    const before = policyOf(
      'one',
      new Map([['a', 'compliant'] as const, ['b', 'pending'] as const]),
    )
    table.ofPolicy(before)
    const trap = new Proxy(before.clusters[0]!, {
      get: () => {
        throw new Error('was looked at')
      },
    })
    const first = { ...before, clusters: [trap, before.clusters[1]!] }
    expect(() => table.ofPolicy(first)).toThrow('was looked at')
    const changed = { ...before.clusters[1]!, compliance: 'non_compliant' } as const
    const after = { ...before, clusters: [before.clusters[0]!, changed] }
    expect([...table.ofPolicy(after).codes]).toEqual([0, compliances.indexOf('non_compliant')])
  })

  it('gives clusters of one name in two hubs two numbers', () => {
    const table = new ClusterTable()
    expect(table.idOf('one', 'a')).not.toBe(table.idOf('two', 'a'))
    expect(table.idsOfName('a').length).toBe(2)
  })
})

describe('totals of a group', () => {
  it('are those of its policies, also after one of them changed', () => {
    const table = new ClusterTable()
    const one = policyOf('h', new Map([['a', 'compliant'] as const]))
    const other = { ...policyOf('h', new Map([['a', 'pending'] as const])), name: 'other' }
    expect([...table.groupTotals('g', [one, other])]).toEqual([1, 0, 1, 0, 0])
    const changed = { ...other, clusters: [{ ...other.clusters[0]!, compliance: 'compliant' }] }
    expect([...table.groupTotals('g', [one, changed as Policy])]).toEqual([2, 0, 0, 0, 0])
    expect([...table.groupTotals('g', [one])]).toEqual([1, 0, 0, 0, 0])
  })
})
