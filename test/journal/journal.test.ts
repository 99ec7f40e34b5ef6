// The journal: numbered events and the state they led to, over restarts, torn tails and damage.

import { expect, test } from 'vitest'
import {
  Journal,
  type JournalEvent,
  type JournalOptions,
  journalDefaults,
} from '../../src/journal/index.ts'
import { RecordingFiles, randomOf } from '../tsdb/recording-files.ts'

interface Note extends JournalEvent {
  readonly text: string
}

const directory = '/data/journal'

function options(files: RecordingFiles, more: Partial<JournalOptions> = {}): JournalOptions {
  const onDamage = (): void => {}
  return { ...journalDefaults, directory, files, onDamage, segmentSizeBytesMax: 200, ...more }
}

const diskOf = (): RecordingFiles => new RecordingFiles(randomOf(1))
const notes = (...texts: string[]): Omit<Note, 'id'>[] =>
  texts.map((text, i) => ({ atMs: 1000 + i, text }))

function textsOf(journal: Journal<Note>): string[] {
  const texts: string[] = []
  for (let id = journal.oldestId; id <= journal.newestId; id++) texts.push(journal.at(id).text)
  return texts
}

test('events are numbered from one, without gaps, over restarts', () => {
  const files = diskOf()
  const first = Journal.open<Note>(options(files))
  expect([first.oldestId, first.newestId]).toEqual([1, 0])
  expect(first.append(notes('a', 'b')).map(({ id }) => id)).toEqual([1, 2])
  first.close()
  const second = Journal.open<Note>(options(files))
  expect(second.append(notes('c')).map(({ id }) => id)).toEqual([3])
  expect(textsOf(second)).toEqual(['a', 'b', 'c'])
  expect(second.at(2)).toEqual({ id: 2, atMs: 1001, text: 'b' })
})

test('an event that is not kept is an error', () => {
  const journal = Journal.open<Note>(options(diskOf()))
  journal.append(notes('a'))
  expect(() => journal.at(2)).toThrow('event 2 is not kept')
  expect(() => journal.at(0)).toThrow('event 0 is not kept')
})

test('what a failed append wrote is never read, also where the next one is shorter', () => {
  const files = diskOf()
  const journal = Journal.open<Note>(options(files))
  journal.append(notes('a'))
  files.failSync = 'EIO'
  expect(() => journal.append(notes('b', 'lost'))).toThrow('EIO')
  files.failSync = undefined
  journal.append(notes('c'))
  expect(textsOf(journal)).toEqual(['a', 'c'])
  journal.close()
  expect(textsOf(Journal.open<Note>(options(files)))).toEqual(['a', 'c'])
})

test('the newest good state is read at the start', () => {
  const files = diskOf()
  const journal = Journal.open<Note>(options(files))
  journal.append(notes('a', 'b'))
  journal.writeState(new TextEncoder().encode('state of two'), 2000)
  journal.append(notes('c'))
  const { state } = Journal.open<Note>(options(files))
  expect(state?.id).toBe(2)
  expect(new TextDecoder().decode(state?.bytes)).toBe('state of two')
  const name = files.list(directory).find((one) => one.startsWith('state-'))!
  const file = files.open(`${directory}/${name}`, 'write')
  file.write([new Uint8Array([1])], 20)
  expect(Journal.open<Note>(options(files)).state).toBeUndefined()
})

test('events go by count, age and size, whole segments at a time, once a state is written', () => {
  const many = Array.from({ length: 40 }, (_, i) => `text ${i}`)
  const kept = (more: Partial<JournalOptions>, nowMs: number): number => {
    const journal = Journal.open<Note>(options(diskOf(), more))
    for (const text of many) journal.append(notes(text))
    expect(journal.oldestId).toBe(1)
    journal.writeState(new Uint8Array(1), nowMs)
    expect(journal.newestId).toBe(40)
    return 41 - journal.oldestId
  }
  expect(kept({}, 2000)).toBe(40)
  const byCount = kept({ countMax: 10 }, 2000)
  expect(byCount).toBeLessThanOrEqual(10)
  expect(byCount).toBeGreaterThan(3)
  expect(kept({ sizeBytesMax: 500 }, 2000)).toBeLessThan(15)
  // The newest segment stays, however old.
  expect(kept({ ageMsMax: 500 }, 9000)).toBeLessThan(10)
})

test('a damaged segment ends what is kept, so that ids have no gap', () => {
  const files = diskOf()
  const journal = Journal.open<Note>(options(files))
  for (let i = 0; i < 40; i++) journal.append(notes(`text ${i}`))
  const segments = files.list(directory)
  const file = files.open(`${directory}/${segments[3]!}`, 'write')
  file.write([new Uint8Array([9, 9, 9])], 20)
  const messages: string[] = []
  const again = Journal.open<Note>(
    options(files, { onDamage: (message) => messages.push(message) }),
  )
  expect(messages).toHaveLength(1)
  expect(again.oldestId).toBe(Number(segments[4]!.slice('events-'.length)))
  expect(textsOf(again).at(-1)).toBe('text 39')
  expect(again.newestId).toBe(40)
})

test('a thousand power cuts lose no event that was acknowledged, and never invent one', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const random = randomOf(seed)
  let files = new RecordingFiles(random)
  let acknowledged: string[] = []
  let forgotten = 0
  for (let life = 0; life < 1000; life++) {
    files.operationsLeft = Math.floor(random() ** 2 * 60)
    let inFlight: string[] = []
    try {
      const journal = Journal.open<Note>(options(files, { countMax: 20 }))
      const texts = textsOf(journal)
      const extra = texts.length - (acknowledged.length - (journal.oldestId - 1 - forgotten))
      const wrong = `seed ${seed}, life ${life}`
      acknowledged = acknowledged.slice(journal.oldestId - 1 - forgotten)
      forgotten = journal.oldestId - 1
      expect(texts.slice(0, acknowledged.length), wrong).toEqual(acknowledged)
      expect(extra, wrong).toBeGreaterThanOrEqual(0)
      acknowledged = texts
      while (!files.isDown) {
        if (random() < 0.1) journal.writeState(new Uint8Array(50), 0)
        inFlight = Array.from({ length: 1 + Math.floor(random() * 3) }, () => String(random()))
        journal.append(notes(...inFlight))
        acknowledged.push(...inFlight)
        inFlight = []
      }
    } catch (error) {
      if (!files.isDown) throw error
    }
    files = files.afterPowerCut()
  }
})
