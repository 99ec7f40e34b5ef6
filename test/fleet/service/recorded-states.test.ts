// States as the journal keeps them: what is read back is what was there, and what changed since is found.

import { expect, test } from 'vitest'
import { transitionsBetween } from '../../../src/fleet/index.ts'
import { encodeStates, RecordedStates } from '../../../src/fleet/service/recorded-states.ts'
import { fixtureFleet } from '../fixture-fleet.ts'

const fleet = fixtureFleet()
const empty = {
  clusters: [],
  sets: [],
  placements: [],
  addons: [],
  policies: [],
  policySets: [],
  applications: [],
}

test('between a fleet and its states read back nothing has changed', () => {
  const recorded = new RecordedStates(encodeStates(fleet, 5000))
  expect(recorded.atMs).toBe(5000)
  expect(recorded.hubs()).toEqual(new Set(['local']))
  expect(transitionsBetween(recorded.statesOf('local'), fleet)).toEqual([])
  expect(transitionsBetween(recorded.statesOf('other'), empty)).toEqual([])
})

test('events bring recorded states up to date: from nothing to a fleet, and back', () => {
  const recorded = new RecordedStates(undefined)
  const there = transitionsBetween(empty, fleet)
  expect(there.length).toBeGreaterThan(50)
  for (const event of there) recorded.apply({ ...event, atMs: 7 })
  expect(transitionsBetween(recorded.statesOf('local'), fleet)).toEqual([])
  expect(recorded.atMs).toBe(7)
  for (const event of transitionsBetween(fleet, empty)) recorded.apply({ ...event, atMs: 8 })
  expect(recorded.hubs()).toEqual(new Set())
})
