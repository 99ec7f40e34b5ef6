// Power cuts and kills over a whole lane: writes (some late, some while the log is replayed), cuts of windows into
// blocks, checkpoints, deletion of segments, merging of blocks, shipping them to a bucket and deleting what was shipped, on a
// disk that keeps only what was synced.
import { expect } from 'vitest'
import { windowMs } from '../../src/model/index.ts'
import { mergeCursors, neverCancelled, type Queryable } from '../../src/storage/index.ts'
import {
  type Block,
  createUlidFactory,
  mergeRangesMs,
  openBlock,
  readBlockMeta,
} from '../../src/tsdb/index.ts'
import { bodyOf, compile, everything, read, requestOf, seed, shown } from './head/head-fixture.ts'
import { type LaneProcess, openLane } from './lane-fixture.ts'
import { RecordingFiles, randomOf } from './recording-files.ts'
import { RemoteBucket } from './remote-bucket.ts'

/** Cuts of one disk. */
export const livesPerDisk = 5
const start = 240_000 * windowMs
const stepMs = 60_000
const tenants = ['one', 'two']
const pods = ['a', 'b', 'c']
const ranges = mergeRangesMs(15 * 24 * 3_600_000)

/** `sent`: may be there or not. `kept`: must be there. `lost`: was not there at a start and must stay away. */
type State = 'sent' | 'kept' | 'lost'

class Simulation {
  readonly #random: () => number
  readonly #nextUlid = createUlidFactory(() => 1_000_000)
  /** State by tenant, series and shown sample. */
  readonly #states = new Map<string, State>()
  readonly #usedTimes = new Set<string>()
  readonly #bucket: RemoteBucket
  #files: RecordingFiles
  #nowMs = start
  #sampleCount = 0

  constructor(number: number) {
    this.#random = randomOf(number)
    this.#files = new RecordingFiles(this.#random)
    this.#bucket = new RemoteBucket(this.#random, this.#files)
  }

  async live(): Promise<void> {
    this.#files.operationsLeft = Math.floor(this.#random() ** 2 * 500)
    try {
      const running = await this.#open()
      const replay = running.lane.replay()
      const early = this.#random() < 0.3 ? this.#append(running) : undefined
      await Promise.all([replay, early])
      // A write that met the cut is in memory and was not acknowledged: nothing is to be learnt from it.
      if (!this.#files.isDown) await this.#check(running)
      while (!this.#files.isDown) await this.#act(running).catch((error) => this.#forgive(error))
    } catch (error) {
      if (!this.#files.isDown) throw error
    }
    this.#files.capacityBytes = Number.POSITIVE_INFINITY
    if (this.#random() < 0.2) this.#files.operationsLeft = Number.POSITIVE_INFINITY
    else this.#files = this.#files.afterPowerCut()
    this.#bucket.local = this.#files
  }

  // A full disk refuses writes and cuts, which are tried again; nothing else may fail.
  #forgive(error: { readonly code?: unknown }): void {
    const isFull = error.code === 'ENOSPC' || error.code === 'disk_full'
    if (!isFull || this.#files.capacityBytes === Number.POSITIVE_INFINITY) throw error
  }

  #open(): Promise<LaneProcess> {
    const clock = () => this.#nowMs
    return openLane({
      files: this.#files,
      clock,
      nextUlid: this.#nextUlid,
      bucket: this.#bucket,
    })
  }

  async #act(running: LaneProcess): Promise<void> {
    const dice = this.#random()
    if (dice < 0.1) await this.#cutAndShip(running)
    else if (dice < 0.75) await this.#append(running)
    else if (dice < 0.8) await Promise.all([1, 2, 3].map(() => this.#append(running)))
    else if (dice < 0.85) await this.#cutWhileWriting(running)
    else if (dice < 0.9) await running.cutter.cutDue()
    else if (dice < 0.92) {
      const isFull = this.#random() < 0.5
      const room = isFull ? this.#random() * 3000 : Number.POSITIVE_INFINITY
      this.#files.capacityBytes = this.#files.usedBytes() + room
    } else if (dice < 0.94) this.#nowMs += windowMs * this.#random()
    else if (dice < 0.95) await running.blocks.mergeNext(this.#tenant(), ranges, neverCancelled)
    else if (dice < 0.97) await this.#ship(running)
    else if (dice < 0.98) await this.#retain(running)
    else await this.#check(running, 'running')
  }

  async #cutAndShip(running: LaneProcess): Promise<void> {
    await running.cutter.cutRange(start, this.#nowMs)
    // Cuts that come by chance seldom meet an upload.
    if (this.#random() < 0.3)
      this.#files.operationsLeft = Math.min(this.#files.operationsLeft, this.#random() * 40)
    await this.#ship(running)
    if (this.#random() < 0.5) await this.#retain(running)
  }

  // The shipper keeps its failures to itself and tries again; a full disk fails its record only.
  async #ship({ shipper }: LaneProcess): Promise<void> {
    const isFull = this.#files.capacityBytes < Number.POSITIVE_INFINITY
    const good = await shipper!.shipOnce(new AbortController().signal)
    expect(good || isFull || this.#files.isDown, shipper!.status.lastError).toBe(true)
  }

  // Deletes local blocks that are over for a window, after a cut as the gateway's rounds do.
  async #retain({ blocks, cutter }: LaneProcess): Promise<void> {
    await cutter.cutDue()
    const bounds = { retentionMs: 1, sizeBytesMax: this.#random() < 0.5 ? 1 : 0 }
    await blocks.applyRetention(bounds, this.#nowMs)
  }

  // The blocks of the bucket that are whole, by tenant: all their files are there, and no source is in two of them.
  async #bucketBlocks(): Promise<Map<string, Block[]>> {
    const { objects } = this.#bucket
    const byTenant = new Map<string, Block[]>()
    const sources = new Set<string>()
    const whole = objects
      .list('/bucket')
      .filter((ulid) => objects.exists(`/bucket/${ulid}/meta.json`))
    for (const ulid of whole) {
      const { thanos, compaction } = readBlockMeta(`/bucket/${ulid}`, objects)
      for (const { relPath, sizeBytes } of thanos!.files) {
        const file = objects.open(`/bucket/${ulid}/${relPath}`, 'read')
        if (sizeBytes !== undefined) expect(file.sizeBytes()).toBe(sizeBytes)
      }
      for (const source of compaction.sources) {
        expect(sources.has(source), `${source} is in two blocks`).toBe(false)
        sources.add(source)
      }
      const options = { files: objects, seed, compileMatcher: compile }
      const tenant = thanos!.labels.tenant_id!
      const block = await openBlock(`/bucket/${ulid}`, options)
      byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), block])
    }
    return byTenant
  }

  // Late samples of a window may come while it is on its way into a block.
  async #cutWhileWriting(running: LaneProcess): Promise<void> {
    const cut = running.cutter.cutRange(start, this.#nowMs - windowMs / 2)
    const appends = Array.from({ length: 4 }, async (_, i) => {
      for (let turn = 0; turn < i * 20; turn++) await Promise.resolve()
      await this.#append(running)
    })
    // All are waited for, even where the cut fails: what is checked next must not change meanwhile.
    const results = await Promise.allSettled([cut, ...appends])
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  // Every time of a series is used once, so that no two samples dispute a place.
  async #append({ lane }: LaneProcess): Promise<void> {
    const tenant = this.#tenant()
    const keys: string[] = []
    const series = pods.map((pod) => {
      const samples = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => {
        const timeMs = this.#unusedTime(tenant, pod)
        const value = ++this.#sampleCount
        keys.push(`${tenant} {pod="${pod}"} ${shown(timeMs, value)}`)
        return [timeMs, value] as const
      })
      return { labels: { pod }, samples: samples.sort((a, b) => a[0] - b[0]) }
    })
    for (const key of keys) this.#states.set(key, 'sent')
    const result = await lane.append(requestOf(bodyOf(series), tenant)).catch((error: unknown) => {
      if (!this.#files.isDown) this.#forgive(error as { readonly code?: unknown })
    })
    if (result === undefined) return
    expect(result.rejections).toEqual([])
    for (const key of keys) this.#states.set(key, 'kept')
  }

  #unusedTime(tenant: string, pod: string): number {
    for (;;) {
      const isLate = this.#random() < 0.1
      if (!isLate) this.#nowMs += Math.floor(this.#random() * stepMs)
      const backMs = isLate ? this.#random() * 2 * windowMs : 0
      const timeMs = Math.max(start, Math.floor(this.#nowMs - backMs))
      const key = `${tenant} ${pod} ${timeMs}`
      if (this.#usedTimes.has(key)) {
        this.#nowMs++
        continue
      }
      this.#usedTimes.add(key)
      return timeMs
    }
  }

  #tenant(): string {
    return tenants[Math.floor(this.#random() * tenants.length)]!
  }

  async #check({ lane, blocks }: LaneProcess, when: 'start' | 'running' = 'start'): Promise<void> {
    const found = new Set<string>()
    const inBucket = await this.#bucketBlocks()
    for (const tenant of tenants) {
      await expectDisjoint(tenant, blocks.blocksOf(tenant))
      await expectDisjoint(tenant, inBucket.get(tenant) ?? [])
      const sources = [lane, blocks, ...(inBucket.get(tenant) ?? [])]
      const all = {
        select: (request, signal) =>
          mergeCursors(
            sources.map((source) => source.select(request, signal)),
            { sorted: request.sorted },
          ),
      } as Queryable
      const rows = await read(all, everything([tenant], true))
      for (const [labels, samples] of rows)
        for (const sample of samples) {
          const key = `${tenant} ${labels} ${sample}`
          expect(this.#states.get(key), `${key} was never sent or was lost`).toMatch(/sent|kept/)
          expect(found.has(key), `${key} is there twice`).toBe(false)
          found.add(key)
        }
    }
    for (const [key, state] of this.#states) {
      if (state === 'kept') expect(found.has(key), `${key} is missing`).toBe(true)
      if (state === 'sent' && when === 'start')
        this.#states.set(key, found.has(key) ? 'kept' : 'lost')
    }
  }
}

async function expectDisjoint(tenant: string, blocks: readonly Block[]): Promise<void> {
  const holders = new Map<string, string>()
  for (const block of blocks)
    for (const [labels, samples] of await read(block, everything([tenant], true)))
      for (const sample of samples) {
        const key = `${labels} ${sample}`
        const holder = holders.get(key)
        expect(holder, `${key} is in block ${holder} and in ${block.meta.ulid}`).toBeUndefined()
        holders.set(key, block.meta.ulid)
      }
}

/** Runs disks [first, first + count), each through several lives; the number of a disk is its seed. */
export async function runLanes(first: number, count: number): Promise<void> {
  for (let disk = first; disk < first + count; disk++) {
    const simulation = new Simulation(disk)
    try {
      for (let life = 0; life <= livesPerDisk; life++) await simulation.live()
    } catch (error) {
      throw new Error(`disk ${disk}`, { cause: error })
    }
  }
}
