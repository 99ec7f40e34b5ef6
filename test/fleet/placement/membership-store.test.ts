// Memberships over restarts: what was saved, and what the journal knows since.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type FleetEvent, type FleetEventLog, MembershipStore } from '../../../src/fleet/index.ts'
import type { FleetStates } from '../../../src/fleet/model/transitions.ts'
import { readMembership } from '../../../src/model/index.ts'

let directory: string
let path: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'memberships-'))
  path = join(directory, 'fleet', 'memberships.json')
})
afterEach(() => rm(directory, { recursive: true }))

const fleet = (...clusters: string[]): FleetStates =>
  ({
    placements: [{ hub: 'h', kind: 'Placement', namespace: 'n', name: 'p', clusters }],
    sets: [],
  }) as unknown as FleetStates

const event = (id: number, cluster: string, isIn: boolean, atMs: number): FleetEvent => ({
  ...{ id, kind: 'placement_member', hub: 'h', type: 'Placement', namespace: 'n', name: 'p' },
  ...{ cluster, reason: '', message: '', atMs },
  from: isIn ? undefined : 'member',
  to: isIn ? 'member' : undefined,
})

const journal = (...events: FleetEvent[]): FleetEventLog => ({
  oldestId: events[0]?.id ?? 1,
  newestId: events.at(-1)?.id ?? 0,
  at: (id) => events.find((one) => one.id === id)!,
})

function boundsOf(store: MembershipStore): Record<string, number[]> {
  const group = readMembership(store.columns()).group('__placement__', 'n/p')
  return Object.fromEntries(
    [...(group?.members ?? [])].map(([name, bounds]) => [name, [...bounds]]),
  )
}

it('memberships begin when a hub is first seen, and follow its events', async () => {
  const store = await MembershipStore.open(path, journal())
  expect(store.note('h', fleet('a'), [], 100)).toBe(true)
  expect(store.note('h', fleet('a'), [], 150)).toBe(false)
  expect(
    store.note('h', fleet('b'), [event(1, 'a', false, 200), event(2, 'b', true, 200)], 201),
  ).toBe(true)
  expect(boundsOf(store)).toEqual({ a: [100, 200], b: [200, Number.POSITIVE_INFINITY] })
})

it('after a start the checkpoint, the events since and what the hub is now make the history', async () => {
  const store = await MembershipStore.open(path, journal())
  store.note('h', fleet('a', 'b'), [], 100)
  store.note('h', fleet('b'), [event(1, 'a', false, 200)], 200)
  await store.save()
  store.note('h', fleet('b', 'c'), [event(2, 'c', true, 300)], 300)
  // The process is lost here; the journal has an event that the checkpoint lacks.
  const again = await MembershipStore.open(
    path,
    journal(event(1, 'a', false, 200), event(2, 'c', true, 300)),
  )
  expect(boundsOf(again)).toEqual({
    a: [100, 200],
    b: [100, Number.POSITIVE_INFINITY],
    c: [300, Number.POSITIVE_INFINITY],
  })
  again.note('h', fleet('c'), [event(3, 'b', false, 400)], 400)
  expect(boundsOf(again).b).toEqual([100, 400])
})

it('events that the journal has dropped stay in the checkpoint', async () => {
  const store = await MembershipStore.open(path, journal())
  store.note('h', fleet('a'), [], 100)
  store.note('h', fleet(), [event(1, 'a', false, 200)], 200)
  await store.save()
  const again = await MembershipStore.open(path, journal(event(9, 'z', true, 900)))
  expect(boundsOf(again)).toEqual({ a: [100, 200], z: [900, Number.POSITIVE_INFINITY] })
})

it('a broken checkpoint is refused', async () => {
  const store = await MembershipStore.open(path, journal())
  store.note('h', fleet('a'), [], 100)
  await store.save()
  await writeFile(path, '{"format": 1,')
  await expect(MembershipStore.open(path, journal())).rejects.toThrow(
    /memberships\.json is corrupt/,
  )
})
