// The history of the fleet over lives of the process.

import { expect, test } from 'vitest'
import { assembleHub, type FleetEvent, readObject } from '../../../src/fleet/index.ts'
import type { Fleet } from '../../../src/fleet/model/fleet.ts'
import { FleetHistory } from '../../../src/fleet/service/fleet-history.ts'
import { Journal, journalDefaults } from '../../../src/journal/index.ts'
import { RecordingFiles, randomOf } from '../../tsdb/recording-files.ts'
import { fixtureObjects, nowMs } from '../fixture-fleet.ts'

const data = { nowMs, lastSampleMs: new Map(), senders: new Set<string>(), sampleAgeMsMax: 1 }

function fleetOf(change: (text: string) => string = (text) => text): Fleet {
  const objects = JSON.parse(change(JSON.stringify(fixtureObjects()))) as object[]
  const parts = objects.flatMap((object) => readObject(object) ?? [])
  return assembleHub({ hub: 'local', parts }, data)
}

const fleet = fleetOf()
const other = fleetOf((text) =>
  text.replace(
    '"ManagedClusterConditionAvailable","status":"True"',
    '"ManagedClusterConditionAvailable","status":"False"',
  ),
)
const changes = (events: readonly FleetEvent[]) =>
  events
    .filter(({ kind }) => kind === 'cluster')
    .map(({ id, from, to, atMs, unseenSinceMs }) => ({ id, from, to, atMs, unseenSinceMs }))

function open(files: RecordingFiles): { journal: Journal<FleetEvent>; history: FleetHistory } {
  const onDamage = (): void => {}
  const journal = Journal.open<FleetEvent>({ ...journalDefaults, directory: '/j', files, onDamage })
  return { journal, history: new FleetHistory(journal) }
}

test('the first sight of a hub is no event; what changes then is', () => {
  const { history } = open(new RecordingFiles(randomOf(1)))
  expect(history.note('local', fleet, { nowMs: 1000 })).toEqual([])
  const events = history.note('local', other, { nowMs: 2000 })
  expect(changes(events)).toEqual([
    { id: 1, from: 'available', to: 'unavailable', atMs: 2000, unseenSinceMs: undefined },
  ])
  expect(history.note('local', other, { nowMs: 3000 })).toEqual([])
})

test('what changed between two lives is one event, marked with since when nobody watched', () => {
  const files = new RecordingFiles(randomOf(1))
  const first = open(files)
  expect(first.history.isStateDue(1000)).toBe(false)
  first.history.note('local', fleet, { nowMs: 1000 })
  expect(first.history.isStateDue(1000)).toBe(true)
  first.history.writeState(1500)
  expect(first.history.isStateDue(1500)).toBe(false)
  first.history.note('local', other, { nowMs: 2000 })
  const back = first.history.note('local', fleet, { nowMs: 3000 })
  const second = open(files)
  const events = second.history.note('local', other, { nowMs: 9000 })
  expect(changes(events)).toEqual([
    {
      id: back.at(-1)!.id + 1,
      from: 'available',
      to: 'unavailable',
      atMs: 9000,
      unseenSinceMs: 3000,
    },
  ])
  // Once seen, changes are as new as they are.
  expect(changes(second.history.note('local', fleet, { nowMs: 9500 }))[0]).toMatchObject({
    unseenSinceMs: undefined,
  })
})

test('a start at which nothing has changed is no event', () => {
  const files = new RecordingFiles(randomOf(1))
  const first = open(files)
  first.history.note('local', fleet, { nowMs: 1000 })
  first.history.writeState(1000)
  const { history, journal } = open(files)
  expect(history.note('local', fleet, { nowMs: 9000 })).toEqual([])
  expect(journal.newestId).toBe(0)
})

test('a hub that is not seen in this life keeps its recorded states for the next', () => {
  const files = new RecordingFiles(randomOf(1))
  const first = open(files)
  first.history.note('local', fleet, { nowMs: 1000 })
  first.history.writeState(1000)
  open(files).history.writeState(5000)
  expect(changes(open(files).history.note('local', other, { nowMs: 9000 }))).toHaveLength(1)
})

test('an event that the disk refused is found again', () => {
  const files = new RecordingFiles(randomOf(1))
  const { history } = open(files)
  history.note('local', fleet, { nowMs: 1000 })
  files.failSync = 'EIO'
  expect(() => history.note('local', other, { nowMs: 2000 })).toThrow('EIO')
  files.failSync = undefined
  expect(changes(history.note('local', other, { nowMs: 3000 }))).toHaveLength(1)
})
