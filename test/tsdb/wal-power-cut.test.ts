// Power cuts over the write-ahead log: random pushes, commits, checkpoints, retirements and deletions on a disk that
// keeps only what was synced, cut at a random operation, again and again on the same disk.
import { describe, expect, it } from 'vitest'
import { inlineCommitter, laneKey, Wal, walDefaults } from '../../src/tsdb/index.ts'
import { RecordingFiles, randomOf } from './recording-files.ts'

const directory = '/data/wal/lane-0'
const cutCount = 1000
const livesPerDisk = 4

/** What the simulation knows of a record: `id` is its place in the order of all pushes. */
interface Pushed {
  readonly id: number
  readonly windowKey: number
  readonly sizeBytes: number
  state: 'pushed' | 'durable' | 'lost' | 'retired' | 'perhaps-retired'
}

function payloadOf(record: Pushed): Uint8Array {
  const bytes = new Uint8Array(4 + record.sizeBytes).fill(record.id * 31)
  new DataView(bytes.buffer).setUint32(0, record.id)
  return bytes
}

class Simulation {
  readonly #random: () => number
  readonly #records: Pushed[] = []
  #files: RecordingFiles

  constructor(seed: number) {
    this.#random = randomOf(seed)
    this.#files = new RecordingFiles(this.#random)
  }

  /** One life of a process: start, check what was read back, work until the power or the process fails. */
  async live(): Promise<void> {
    this.#files.operationsLeft = Math.floor(this.#random() ** 2 * 120)
    try {
      const wal = Wal.open({
        ...walDefaults,
        directory,
        files: this.#files,
        committer: inlineCommitter(this.#files),
        onDamage: () => {},
        segmentSizeBytesMax: 4000,
        retryMsMin: 0,
      })
      this.#check(wal)
      while (!this.#files.isDown) await this.#act(wal)
    } catch (error) {
      if (!this.#files.isDown) throw error
    }
    this.#restart()
  }

  // A kill leaves everything that was written, a power cut does not.
  #restart(): void {
    if (this.#random() < 0.2) this.#files.operationsLeft = Number.POSITIVE_INFINITY
    else this.#files = this.#files.afterPowerCut()
    this.#files.capacityBytes = Number.POSITIVE_INFINITY
  }

  async #act(wal: Wal): Promise<void> {
    const dice = this.#random()
    if (dice < 0.6) this.#push(wal)
    else if (dice < 0.85) await this.#commit(wal)
    else if (dice < 0.9) this.#checkpoint(wal)
    else if (dice < 0.95) this.#retire(wal)
    else if (dice < 0.98) wal.dropSegments()
    else {
      const room = this.#random() < 0.5 ? this.#random() * 3000 : Number.POSITIVE_INFINITY
      this.#files.capacityBytes = this.#files.usedBytes() + room
    }
  }

  #push(wal: Wal): void {
    const window = Math.floor(this.#random() * 4)
    const record: Pushed = {
      id: this.#records.length,
      windowKey: window === 0 ? laneKey : window,
      sizeBytes: Math.floor(this.#random() ** 3 * 3000),
      state: 'pushed',
    }
    this.#records.push(record)
    wal.push(payloadOf(record), record.windowKey)
  }

  async #commit(wal: Wal): Promise<void> {
    const covered = this.#records.filter((record) => record.state === 'pushed')
    await wal.commit().then(
      () => settle(covered, 'durable'),
      () => {},
    )
  }

  #checkpoint(wal: Wal): void {
    const lane = this.#records.filter((r) => r.windowKey === laneKey && r.state !== 'lost')
    const done = this.#attempt(() => wal.checkpoint(lane.map(payloadOf)))
    if (done) settle(lane, 'durable')
  }

  #retire(wal: Wal): void {
    const windowKey = 1 + Math.floor(this.#random() * 3)
    const inBlocks = this.#records.filter((r) => r.windowKey === windowKey && r.state !== 'lost')
    const done = this.#attempt(() => wal.retire(windowKey, wal.position()))
    for (const record of inBlocks)
      if (record.state !== 'retired') record.state = done ? 'retired' : 'perhaps-retired'
  }

  #attempt(work: () => void): boolean {
    try {
      work()
      return true
    } catch {
      return false
    }
  }

  #check(wal: Wal): void {
    const seen = new Set<number>()
    const lastId = new Map<boolean, number>()
    for (const { payload, windowKey } of wal.replay()) {
      const id = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
      const record = this.#records[id]!
      expect(record.windowKey).toBe(windowKey)
      expect(Buffer.compare(payload, payloadOf(record)), `content of ${id}`).toBe(0)
      expect(seen.has(id), `${id} appears twice`).toBe(false)
      expect(['lost', 'retired'], `${id} is ${record.state} and came back`).not.toContain(
        record.state,
      )
      const isLane = windowKey === laneKey
      expect(id, 'order').toBeGreaterThan(lastId.get(isLane) ?? -1)
      lastId.set(isLane, id)
      seen.add(id)
    }
    for (const record of this.#records) {
      if (record.state === 'durable') expect(seen.has(record.id), `${record.id}`).toBe(true)
      if (record.state === 'pushed') record.state = seen.has(record.id) ? 'durable' : 'lost'
    }
  }
}

function settle(records: readonly Pushed[], state: 'durable'): void {
  for (const record of records) if (record.state === 'pushed') record.state = state
}

describe('the log over power cuts', () => {
  it(`keeps every committed record, once and in order, and invents none, over ${cutCount} cuts`, async () => {
    for (let seed = 1; seed <= cutCount / livesPerDisk; seed++) {
      const simulation = new Simulation(seed)
      try {
        for (let life = 0; life <= livesPerDisk; life++) await simulation.live()
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  })
})
