// Power cuts over local blocks: random writes, deletions and merges on a disk that keeps only what was synced, cut at
// a random operation, again and again on the same disk.
import { expect, test } from 'vitest'
import { neverCancelled } from '../../../src/storage/index.ts'
import { createLogger } from '../../../src/telemetry/index.ts'
import { createUlidFactory, LocalBlocks, mergeRangesMs } from '../../../src/tsdb/index.ts'
import { RecordingFiles, randomOf } from '../recording-files.ts'
import { blockOptions, cursorOf, readCursor, type Sample, selectAll } from './block-fixtures.ts'

const hour = 3_600_000
const names = ['down', 'up'] as const
const ranges = mergeRangesMs(15 * 24 * hour)
const log = createLogger('silent')

type State = 'there' | 'gone' | 'either'

class Simulation {
  readonly #random: () => number
  readonly #nextUlid = createUlidFactory(() => 1000)
  /** What must be there, by name and window. */
  readonly #states = new Map<string, State>()
  #files: RecordingFiles
  #windowCount = 0

  constructor(seed: number) {
    this.#random = randomOf(seed)
    this.#files = new RecordingFiles(this.#random)
  }

  async live(): Promise<void> {
    this.#files.operationsLeft = Math.floor(this.#random() * 300)
    try {
      const directory = '/data/blocks'
      const options = { ...blockOptions, directory, nextUlid: this.#nextUlid, log }
      const store = await LocalBlocks.open({ ...options, files: this.#files })
      await this.#check(store)
      while (!this.#files.isDown) await this.#act(store)
    } catch (error) {
      if (!this.#files.isDown) throw error
    }
    this.#files = this.#files.afterPowerCut()
  }

  // Complete, each sample once and in order: a row that is there twice would not ascend.
  async #check(store: LocalBlocks): Promise<void> {
    const found = await readCursor(store.select({ ...selectAll() }, neverCancelled))
    for (const [key, state] of this.#states) {
      const [name, window] = key.split(' ') as [string, string]
      const expected = samplesOf(Number(window))
      const samples = (found.get(name) ?? []).filter(([timestampMs]) => {
        return Math.floor(timestampMs / (2 * hour)) === Number(window)
      })
      if (samples.length === 0 && state !== 'there') this.#states.set(key, 'gone')
      else if (state === 'gone') expect(samples, `${key} is gone`).toEqual([])
      else {
        expect(samples, `${key} is there`).toEqual(expected)
        this.#states.set(key, 'there')
      }
    }
  }

  async #act(store: LocalBlocks): Promise<void> {
    const dice = this.#random()
    if (dice < 0.5) await this.#write(store)
    else if (dice < 0.65) await this.#delete(store)
    else if (dice < 0.9) await store.mergeNext('t', ranges, neverCancelled)
    else await store.cleanTombstones('t', neverCancelled)
  }

  async #write(store: LocalBlocks): Promise<void> {
    const window = this.#windowCount++
    for (const name of names) this.#states.set(`${name} ${window}`, 'either')
    await store.write('t', {
      minTimeMs: window * 2 * hour,
      maxTimeMs: (window + 1) * 2 * hour,
      level: 1,
      series: () =>
        cursorOf(
          names.map((name) => ({ labels: { __name__: name }, chunks: [samplesOf(window)] })),
        ),
    })
    for (const name of names) this.#states.set(`${name} ${window}`, 'there')
  }

  async #delete(store: LocalBlocks): Promise<void> {
    const window = Math.floor(this.#random() * this.#windowCount)
    const key = `up ${window}`
    if (this.#states.get(key) === 'there') this.#states.set(key, 'either')
    const matchers = [{ type: '=', name: '__name__', value: 'up' }] as const
    const range = { minTimeMs: window * 2 * hour, maxTimeMs: (window + 1) * 2 * hour - 1 }
    await store.deleteSeries('t', matchers, range, neverCancelled)
    if (this.#states.has(key)) this.#states.set(key, 'gone')
  }
}

function samplesOf(window: number): Sample[] {
  return Array.from({ length: 5 }, (_, i): Sample => [window * 2 * hour + i * 1000, window + i])
}

test('after any power cut every acknowledged write and deletion holds, and nothing is there twice', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  console.log(`seed ${seed}`)
  for (let disk = 0; disk < 40; disk++) {
    const simulation = new Simulation(seed + disk)
    for (let life = 0; life < 6; life++) await simulation.live()
  }
})
