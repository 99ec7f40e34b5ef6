// A sender of ever-new series against `--memory.limit`: known series go on, new ones are refused, queries are
// answered, and the process stays within 1.15 times the limit, also while it cuts the full window into a block: in the
// first half of the time all samples of new series are in the window before the present one.
// MEMORY_LIMIT and MEMORY_LIMIT_SECONDS make it larger and longer by hand.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startGateway } from './gateway.ts'
import { rawSamples, residentBytes, Sender } from './load.ts'
import { post, writeBody } from './remote-write.ts'

const limit = process.env.MEMORY_LIMIT ?? '512MB'
const durationMs = 1000 * Number(process.env.MEMORY_LIMIT_SECONDS ?? 60)
const limitBytes = (limit.endsWith('GB') ? 1024 : 1) * Number.parseInt(limit, 10) * 2 ** 20
const newSeriesPerBody = 2000
const burstRounds = 4
const windowStartMs = Math.floor(Date.now() / 7_200_000) * 7_200_000

/** Samples of series [from, from + newSeriesPerBody), one for each time. */
function runawayBody(from: number, ...timesMs: readonly number[]): Uint8Array<ArrayBuffer> {
  return writeBody(
    Array.from({ length: newSeriesPerBody }, (_, i) => ({
      labels: {
        __name__: 'http_requests_total',
        cluster: 'spoke-17',
        namespace: 'checkout',
        pod: `checkout-7d9f8b6c5d-${(from + i).toString(36)}`,
        request_id: `${((from + i) * 2654435761) % 4294967296}-${from + i}`,
        code: String(200 + (i % 5)),
      },
      samples: timesMs.map((timeMs) => [timeMs, timesMs.length === 1 ? i : Math.random()] as const),
    })),
  )
}

it(`with --memory.limit ${limit} a runaway sender is refused and everything else goes on`, async () => {
  const gateway = await startGateway({ args: ['--memory.limit', limit] })
  const known = new Sender({
    name: 'known',
    seriesCount: 100,
    startMs: windowStartMs - 30_000,
    intervalMs: 1000,
  })
  const turnMs = Date.now() + durationMs / 2
  const endMs = Date.now() + durationMs
  const isOver = (): boolean => Date.now() > endMs
  const newSeriesTimeMs = (): number => (Date.now() < turnMs ? windowStartMs - 60_000 : Date.now())
  const statuses = new Map<number, number>()
  let refusal = ''
  let created = 0
  let peakBytes = 0
  let queries = 0
  const runaway = async (first: number): Promise<void> => {
    for (let from = first; !isOver(); from += 2 * newSeriesPerBody) {
      const response = await post(
        `${gateway.url}/api/v1/write`,
        runawayBody(from, newSeriesTimeMs()),
      )
      const text = await response.text()
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      if (response.status === 429) refusal = text
      else created += newSeriesPerBody
    }
  }
  const write = async (): Promise<void> => {
    while (!isOver()) {
      // Ahead of the clock, but not so far that its samples are of the future.
      const timeMs = known.options.startMs + known.acknowledged * known.options.intervalMs
      if (timeMs < Date.now() + 300_000) await known.send(gateway.url)
      await sleep(100)
    }
  }
  const query = async (): Promise<void> => {
    while (!isOver()) {
      const samples = await rawSamples(
        gateway.url,
        'load{series="7"}',
        windowStartMs - 60_000,
        Date.now() + 1,
      )
      expect(samples.size).toBeLessThanOrEqual(1)
      queries++
      await sleep(500)
    }
  }
  const watch = async (): Promise<void> => {
    while (!isOver()) {
      peakBytes = Math.max(peakBytes, residentBytes(gateway.process.child.pid!))
      await sleep(100)
    }
  }
  await Promise.all([runaway(0), runaway(newSeriesPerBody), write(), query(), watch()])
  console.log(
    `peak RSS ${(peakBytes / 2 ** 20).toFixed(0)} MiB of ${limit}; ${created} series; statuses ${JSON.stringify([...statuses])}; ${queries} queries; known series: ${known.acknowledged} bodies, refused ${JSON.stringify([...known.refusals])}; ${refusal.slice(0, 300)}`,
  )
  await known.expectAllStored(gateway.url)
  expect([...known.refusals.keys()]).toEqual([])
  expect(statuses.get(429)).toBeGreaterThan(0)
  expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([])
  expect(refusal).toMatch(/--memory\.limit/)
  expect(queries).toBeGreaterThan(5)
  expect(peakBytes).toBeLessThan(1.15 * limitBytes)
  await gateway.stop()
})

it(`with --memory.limit ${limit} the series that were admitted can go on, in bursts that wait for room`, async () => {
  const gateway = await startGateway({ args: ['--memory.limit', limit] })
  const firstMs = windowStartMs - 7_000_000
  let peakBytes = 0
  let heldBack = 0
  // A sender that retries what it is told to retry, sooner than it is told to.
  const send = async (body: Uint8Array<ArrayBuffer>): Promise<number> => {
    for (;;) {
      const response = await post(`${gateway.url}/api/v1/write`, body)
      const text = await response.text()
      peakBytes = Math.max(peakBytes, residentBytes(gateway.process.child.pid!))
      if (response.status !== 503) return response.status
      expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      expect(text).toMatch(/--memory\.limit/)
      heldBack++
      await sleep(200)
    }
  }
  let created = 0
  while ((await send(runawayBody(created, firstMs))) === 204) created += newSeriesPerBody
  expect(created).toBeGreaterThan(50_000)
  const sampleCount = 20 * burstRounds + 1
  for (let round = 0; round < burstRounds; round++) {
    const times = Array.from({ length: 20 }, (_, i) => firstMs + (1 + round * 20 + i) * 15_000)
    const burst = async (first: number): Promise<void> => {
      for (let from = first; from < created; from += 4 * newSeriesPerBody)
        expect(await send(runawayBody(from, ...times))).toBe(204)
    }
    await Promise.all([0, 1, 2, 3].map((sender) => burst(sender * newSeriesPerBody)))
  }
  console.log(
    `peak RSS ${(peakBytes / 2 ** 20).toFixed(0)} MiB of ${limit}; ${created} series; held back ${heldBack} times`,
  )
  // Otherwise nothing above was about room.
  expect(heldBack).toBeGreaterThan(0)
  expect(peakBytes).toBeLessThan(1.15 * limitBytes)
  const time = (firstMs + sampleCount * 15_000) / 1000
  const selector = 'http_requests_total{pod=~".*-(0|1kw|zzz)"}'
  const answer = await rawSamples(gateway.url, selector, firstMs, time * 1000)
  expect(answer.size).toBeGreaterThan(0)
  for (const samples of answer.values()) expect(samples).toHaveLength(sampleCount)
  await gateway.stop()
})
