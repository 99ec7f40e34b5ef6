// The membership log against the fleets whose transitions it heard.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fleet } from '../../../src/fleet/model/fleet.ts'
import { transitionsBetween } from '../../../src/fleet/model/transitions.ts'
import { MembershipLog } from '../../../src/fleet/placement/membership-log.ts'
import { holdsAt, type MembershipLabel, readMembership } from '../../../src/model/index.ts'

const options = { intervalsKept: 1000, intervalsPerSelector: 50 }
const since100 = { sinceMs: 100, clusters: [], groups: [] }

const changes = (before: Fleet, after: Fleet, atMs: number) =>
  transitionsBetween(before, after).map((transition) => ({ ...transition, atMs }))

type Members = Readonly<Record<string, readonly string[]>>

/** A fleet with members by `HUB NS/NAME` of placements and `HUB NAME` of sets. */
function fleetOf(members: Members): Fleet {
  const entries = Object.entries(members).map(([key, clusters]) => {
    const [hub = '', full = ''] = key.split(' ')
    return { hub, full, clusters }
  })
  const said = {
    state: 'satisfied',
    reason: '',
    message: '',
    by: { kind: '', namespace: '', name: '' },
  }
  const placements = entries
    .filter(({ full }) => full.includes('/'))
    .map(({ hub, full, clusters }) => {
      const [namespace = '', name = ''] = full.split('/')
      return { hub, kind: 'Placement', namespace, name, status: said, clusters }
    })
  const sets = entries
    .filter(({ full }) => !full.includes('/'))
    .map(({ hub, full, clusters }) => ({ hub, name: full, clusters }))
  const none = { clusters: [], addons: [], policies: [], policySets: [], applications: [] }
  return { ...none, placements, sets } as unknown as Fleet
}

const history = (log: MembershipLog) => readMembership(log.columns())

function membersAt(
  log: MembershipLog,
  label: MembershipLabel,
  name: string,
  atMs: number,
): string[] {
  const members = history(log).group(label, name)?.members ?? new Map<string, Float64Array>()
  return [...members]
    .filter(([, column]) => holdsAt(column, atMs))
    .map(([cluster]) => cluster)
    .sort()
}

const clusters = fc.subarray(['a', 'b', 'c'])
const fleets = fc.array(
  fc.record(
    { 'h n/p': clusters, 'g n/p': clusters, 'h n/q': clusters, 'h s': clusters },
    { requiredKeys: [] },
  ),
  { maxLength: 8 },
)

describe('the membership log', () => {
  it('knows for each time the members of the fleet that was there then, of any hub', () => {
    fc.assert(
      fc.property(fleets, (seen) => {
        const log = new MembershipLog(options)
        let before = fleetOf({})
        seen.forEach((members, i) => {
          const after = fleetOf(members)
          log.add(changes(before, after, 200 + 10 * i))
          before = after
        })
        seen.forEach((members, i) => {
          const expected = (keys: string[]) =>
            [...new Set(keys.flatMap((key) => (members as Members)[key] ?? []))].sort()
          for (const atMs of [200 + 10 * i, 209 + 10 * i]) {
            expect(membersAt(log, '__placement__', 'n/p', atMs)).toEqual(
              expected(['h n/p', 'g n/p']),
            )
            expect(membersAt(log, '__placement__', 'n/q', atMs)).toEqual(expected(['h n/q']))
            expect(membersAt(log, '__clusterset__', 's', atMs)).toEqual(expected(['h s']))
          }
        })
        expect(membersAt(log, '__placement__', 'n/p', 199)).toEqual([])
      }),
    )
  })

  it('takes members that left before anything else was heard for members since the history begins', () => {
    const log = new MembershipLog(options, since100)
    log.add(changes(fleetOf({ 'h n/p': ['a', 'b'] }), fleetOf({ 'h n/p': ['b'] }), 300))
    expect(membersAt(log, '__placement__', 'n/p', 100)).toEqual(['a'])
    expect(membersAt(log, '__placement__', 'n/p', 300)).toEqual([])
    expect(history(log)).toMatchObject({ sinceMs: 100, intervalsMax: 50 })
  })

  it('agrees with a hub that it sees anew, and with no other', () => {
    const log = new MembershipLog(options)
    log.agree('h', fleetOf({ 'h n/p': ['a', 'b'], 'h s': ['c'] }), 200)
    log.agree('g', fleetOf({ 'g n/p': ['b'] }), 250)
    expect(history(log).sinceMs).toBe(200)
    expect(log.agree('h', fleetOf({ 'h n/p': ['a', 'b'], 'h s': ['c'] }), 300)).toBe(false)
    expect(log.agree('h', fleetOf({ 'h n/p': ['c'] }), 400)).toBe(true)
    expect(membersAt(log, '__placement__', 'n/p', 399)).toEqual(['a', 'b'])
    expect(membersAt(log, '__placement__', 'n/p', 400)).toEqual(['b', 'c'])
    expect(membersAt(log, '__clusterset__', 's', 399)).toEqual(['c'])
    expect(membersAt(log, '__clusterset__', 's', 400)).toEqual([])
  })

  it('goes on from what was saved', () => {
    const log = new MembershipLog(options)
    log.agree('h', fleetOf({ 'h n/p': ['a', 'b'], 'h s': ['c'] }), 200)
    log.add(changes(fleetOf({ 'h n/p': ['a'] }), fleetOf({}), 300))
    const again = new MembershipLog(options, JSON.parse(JSON.stringify(log.save())))
    expect(again.save()).toEqual(log.save())
    again.add(changes(fleetOf({}), fleetOf({ 'h n/p': ['a'] }), 400))
    const columns = [...history(again).group('__placement__', 'n/p')!.members.get('a')!]
    expect(columns).toEqual([200, 300, 400, Number.POSITIVE_INFINITY])
  })

  it('gives groups another revision when they change, and says whether any did', () => {
    const log = new MembershipLog(options)
    const first = fleetOf({ 'h n/p': ['a'], 'h n/q': ['a'] })
    expect(log.add(changes(fleetOf({}), first, 200))).toBe(true)
    const revisionOf = (name: string) => history(log).group('__placement__', name)!.revision
    const [p, q] = [revisionOf('n/p'), revisionOf('n/q')]
    expect(p).not.toBe(q)
    expect(log.add([])).toBe(false)
    log.add(changes(first, fleetOf({ 'h n/p': ['a'], 'h n/q': [] }), 300))
    expect(revisionOf('n/p')).toBe(p)
    expect(revisionOf('n/q')).not.toBe(q)
  })

  it('drops the oldest memberships for want of room, and begins later then', () => {
    const log = new MembershipLog({ ...options, intervalsKept: 20 })
    let before = fleetOf({})
    for (let i = 0; i < 200; i++) {
      const after = fleetOf({ 'h n/p': i % 2 === 0 ? ['a', 'b'] : ['b'] })
      log.add(changes(before, after, 200 + i))
      before = after
    }
    const { sinceMs, group } = history(log)
    expect(sinceMs).toBeGreaterThan(300)
    const { members } = group('__placement__', 'n/p')!
    expect(members.get('a')!.length).toBeLessThanOrEqual(40)
    expect([...members.get('b')!]).toEqual([200, Number.POSITIVE_INFINITY])
    expect(holdsAt(members.get('a')!, 398)).toBe(true)
    expect(holdsAt(members.get('a')!, 399)).toBe(false)
  })
})
