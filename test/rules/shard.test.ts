import { describe, expect, it } from 'vitest'
import { membersOf, ownerOf, type RulerSeen } from '../../src/rules/index.ts'

const groups = Array.from({ length: 3000 }, (_, index) => `tenant;file.yml;group-${index}`)
const owners = (members: readonly string[]): (string | undefined)[] =>
  groups.map((group) => ownerOf(group, members))

describe('the owner of a group', () => {
  it('is the same whoever asks, and none without members', () => {
    expect(owners(['a:1', 'b:2', 'c:3'])).toEqual(owners(['c:3', 'a:1', 'b:2']))
    expect(ownerOf('g', [])).toBeUndefined()
  })

  it('spreads groups evenly', () => {
    const counts = Map.groupBy(owners(['a:1', 'b:2', 'c:3']), (owner) => owner)
    for (const list of counts.values()) expect(Math.abs(list.length - 1000)).toBeLessThan(100)
  })

  it('changes only for the groups of a member that leaves', () => {
    const before = owners(['a:1', 'b:2', 'c:3'])
    const after = owners(['a:1', 'c:3'])
    for (let i = 0; i < groups.length; i++)
      if (before[i] !== 'b:2') expect(after[i]).toBe(before[i])
  })
})

describe('the members', () => {
  const seen = (seenAtMs: number, state: RulerSeen['state'] = 'active'): RulerSeen => ({
    id: 'x',
    state,
    seenAtMs,
  })

  it('are those that are active and were seen within three heartbeats', () => {
    const known = new Map([
      ['a', seen(1000)],
      ['b', seen(4000)],
      ['c', seen(4000, 'leaving')],
    ])
    expect(membersOf(known, 4000, 1000)).toEqual(['a', 'b'])
    expect(membersOf(known, 4001, 1000)).toEqual(['b'])
  })
})
