// Page reader: parts of immutable objects through a cache of pages. What is missing is fetched in few requests: pages
// that are near each other in one, and each page at most once however many ask for it at a time.
// Units: offsets and sizes in bytes. Bounds: the cache's size, requests at a time, bytes per query.

import { LRUCache } from 'lru-cache'
import { UserError } from '../model/index.ts'
import type { Bucket } from '../objstore/index.ts'
import type { CancelSignal } from '../storage/index.ts'
import type { Metrics } from '../telemetry/index.ts'
import { Limiter, Turns } from './limiter.ts'

/** How pages are read and kept. */
export interface PageReaderOptions {
  readonly bucket: Bucket
  /** Room for pages in memory. */
  readonly cacheSizeBytes: number
  /** 16 KiB where absent. */
  readonly pageSizeBytes?: number
  /** Missing pages nearer than this are fetched together; 256 KiB where absent. */
  readonly gapSizeBytesMax?: number
  /** The most that one request fetches; 4 MiB where absent. */
  readonly requestSizeBytesMax?: number
  /** Requests at a time; 16 where absent. */
  readonly requestCountMax?: number
  readonly metrics: Metrics
}

/** A half-open range of bytes. */
export interface ByteRange {
  readonly offset: number
  readonly end: number
}

/** What one select may still read. */
export class ReadBudget {
  readonly signal: CancelSignal
  readonly #sizeBytesMax: number
  #usedBytes = 0

  constructor(sizeBytesMax: number, signal: CancelSignal) {
    this.#sizeBytesMax = sizeBytesMax
    this.signal = signal
  }

  /** Takes bytes from the budget. Throws UserError execution where they are too many, or what the signal throws. */
  take(sizeBytes: number): void {
    this.signal.check()
    this.#usedBytes += sizeBytes
    if (this.#usedBytes <= this.#sizeBytesMax) return
    throw new UserError('execution', {
      what: `the query needs more than ${this.#sizeBytesMax} bytes of blocks in the bucket`,
      fix: 'ask for a shorter time or for fewer series',
    })
  }
}

/** Reads ranges of objects. */
export class PageReader {
  readonly bucket: Bucket
  readonly #pageSize: number
  readonly #gapPages: number
  readonly #requestPages: number
  readonly #limiter: Limiter
  readonly #cache: LRUCache<string, Uint8Array>
  readonly #loading = new Map<string, Promise<Uint8Array>>()
  readonly #metrics: ReturnType<typeof pageMetrics>

  constructor(options: PageReaderOptions) {
    const { pageSizeBytes = 16 * 1024, cacheSizeBytes, requestCountMax = 16 } = options
    this.bucket = options.bucket
    this.#pageSize = pageSizeBytes
    this.#gapPages = Math.floor((options.gapSizeBytesMax ?? 256 * 1024) / pageSizeBytes)
    const requestSizeBytesMax = options.requestSizeBytesMax ?? 4 * 1024 * 1024
    this.#requestPages = Math.max(1, Math.floor(requestSizeBytesMax / pageSizeBytes))
    this.#limiter = new Limiter(requestCountMax)
    this.#cache = new LRUCache<string, Uint8Array>({
      maxSize: cacheSizeBytes,
      // What an entry costs beside its bytes.
      sizeCalculation: (page) => page.length + 200,
    })
    this.#metrics = pageMetrics(options.metrics)
  }

  /** The bytes of each range, cut off where the object ends. */
  async read(
    object: string,
    ranges: readonly ByteRange[],
    budget: ReadBudget,
  ): Promise<Uint8Array[]> {
    for (const { offset, end } of ranges) budget.take(end - offset)
    const pages = await this.#pages(object, this.#pagesOf(ranges), budget)
    const turns = new Turns()
    const out: Uint8Array[] = []
    for (const range of ranges) {
      await turns.give()
      out.push(this.#assemble(range, pages))
    }
    return out
  }

  /** A range that is not worth caching, past the cache. */
  async readOnce(object: string, { offset, end }: ByteRange): Promise<Uint8Array> {
    return this.#fetch(object, offset, end - offset)
  }

  #pagesOf(ranges: readonly ByteRange[]): number[] {
    const numbers = new Set<number>()
    for (const { offset, end } of ranges) {
      const last = Math.ceil(end / this.#pageSize)
      for (let page = Math.floor(offset / this.#pageSize); page < last; page++) numbers.add(page)
    }
    return [...numbers].sort((a, b) => a - b)
  }

  async #pages(
    object: string,
    numbers: readonly number[],
    budget: ReadBudget,
  ): Promise<Map<number, Uint8Array>> {
    const pages = new Map<number, Uint8Array>()
    const missing: number[] = []
    const waiting: Promise<void>[] = []
    const wait = (number: number, page: Promise<Uint8Array>): void => {
      waiting.push(page.then((bytes) => void pages.set(number, bytes)))
    }
    for (const number of numbers) {
      const key = keyOf(object, number)
      const cached = this.#cache.get(key)
      const loading = this.#loading.get(key)
      if (cached !== undefined) pages.set(number, cached)
      else if (loading !== undefined) wait(number, loading)
      else missing.push(number)
    }
    this.#metrics.pages.inc(numbers.length)
    this.#metrics.misses.inc(missing.length)
    for (const run of this.#runsOf(missing)) {
      const loaded = this.#loadRun(object, run.first, run.last - run.first + 1, budget)
      for (const number of run.wanted) {
        wait(number, this.#track(object, number, loaded, number - run.first))
      }
    }
    await settled(waiting)
    return pages
  }

  // Other readers that want the page meanwhile wait for the same request.
  #track(
    object: string,
    number: number,
    run: Promise<readonly Uint8Array[]>,
    index: number,
  ): Promise<Uint8Array> {
    const key = keyOf(object, number)
    const page = run.then((pages) => pages[index]!)
    this.#loading.set(key, page)
    const forget = (): boolean => this.#loading.delete(key)
    page.then(forget, forget)
    return page
  }

  #runsOf(numbers: readonly number[]): { first: number; last: number; wanted: number[] }[] {
    const runs: { first: number; last: number; wanted: number[] }[] = []
    for (const number of numbers) {
      const run = runs.at(-1)
      const near = run !== undefined && number - run.last - 1 <= this.#gapPages
      if (run !== undefined && near && number - run.first < this.#requestPages) {
        run.last = number
        run.wanted.push(number)
      } else {
        runs.push({ first: number, last: number, wanted: [number] })
      }
    }
    return runs
  }

  async #loadRun(
    object: string,
    first: number,
    count: number,
    budget: ReadBudget,
  ): Promise<Uint8Array[]> {
    const bytes = await this.#fetch(object, first * this.#pageSize, count * this.#pageSize, budget)
    const pages: Uint8Array[] = []
    for (let i = 0; i < count; i++) {
      // A copy: one page that stays in the cache must not keep the others alive.
      const page = bytes.slice(i * this.#pageSize, (i + 1) * this.#pageSize)
      this.#cache.set(keyOf(object, first + i), page)
      pages.push(page)
    }
    return pages
  }

  #fetch(
    object: string,
    offset: number,
    sizeBytes: number,
    budget?: ReadBudget,
  ): Promise<Uint8Array> {
    return this.#limiter.run(async () => {
      // It may have waited in line for longer than its caller.
      budget?.signal.check()
      this.#metrics.requests.inc()
      const bytes = await this.bucket.getRange(object, offset, sizeBytes)
      this.#metrics.bytes.inc(bytes.length)
      return bytes
    })
  }

  #assemble({ offset, end }: ByteRange, pages: ReadonlyMap<number, Uint8Array>): Uint8Array {
    const size = this.#pageSize
    const out = new Uint8Array(end - offset)
    let at = offset
    while (at < end) {
      const number = Math.floor(at / size)
      const page = pages.get(number)!
      const from = at - number * size
      const piece = page.subarray(from, Math.min(page.length, end - number * size))
      out.set(piece, at - offset)
      at += piece.length
      if (page.length < size) break
    }
    return out.subarray(0, at - offset)
  }
}

function keyOf(object: string, page: number): string {
  return `${object}\0${page}`
}

// All of them, so that no failure goes unheard; then the first failure.
async function settled(waiting: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(waiting))
    if (result.status === 'rejected') throw result.reason
}

function pageMetrics(metrics: Metrics) {
  return {
    pages: metrics.counter('crowsnest_bucket_pages_total', 'Pages of blocks that readers needed.'),
    misses: metrics.counter(
      'crowsnest_bucket_page_misses_total',
      'Pages of blocks that readers needed and no cache had.',
    ),
    requests: metrics.counter('crowsnest_bucket_requests_total', 'Range requests for blocks.'),
    bytes: metrics.counter('crowsnest_bucket_fetched_bytes_total', 'Bytes of blocks fetched.'),
  }
}
