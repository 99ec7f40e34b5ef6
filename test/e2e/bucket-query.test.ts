// A day of blocks through a real S3 server (Ceph RGW): shipped, local copies deleted, answered from the bucket as before;
// and an outage of the gateway in the middle.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Matcher } from '../../src/model/index.ts'
import { type Bucket, bucketFromConfig } from '../../src/objstore/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { Metrics } from '../../src/telemetry/index.ts'
import { mergeRangesMs } from '../../src/tsdb/index.ts'
import {
  answerOf,
  deleteLocal,
  hourMs,
  log,
  openStorage,
  someSeries,
  writeBlockOf,
} from '../bucket/bucket-fixtures.ts'
import { type Rgw, startRgw } from './rgw.ts'

const go = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'bucket-query-'))
const windows = Array.from({ length: 12 }, (_, i) => 2 * i)
const up: Matcher[] = [{ type: '=', name: '__name__', value: 'up' }]
const some: Matcher[] = [{ type: '=~', name: 'instance', value: 'host-1.*' }]
let rgw: Rgw

beforeAll(async () => {
  rgw = await startRgw()
})
afterAll(async () => {
  await rgw?.stop()
  rmSync(folder, { recursive: true })
})

async function openBucket(name: string): Promise<Bucket> {
  await rgw.createBucket(name)
  return bucketFromConfig(
    `type: S3
config:
  bucket: ${name}
  endpoint: ${rgw.endpoint}
  insecure: true
  access_key: ${rgw.accessKey}
  secret_key: ${rgw.secretKey}
  max_retries: 2
`,
    { environment: {}, log, metrics: new Metrics(), nowMs: () => performance.now() },
  )
}

it('answers from the bucket as it did from disk, merged locally meanwhile or not', async () => {
  const bucket = await openBucket('day')
  const directory = join(folder, 'day')
  const options = { pageSizeBytes: 16_384 }
  const storage = await openStorage(bucket, directory, options)
  for (const window of windows) await writeBlockOf(storage, 't', window, someSeries(window, 150, 8))
  expect(await storage.shipper.shipOnce(go)).toBe(true)
  await storage.found.refresh(go)
  expect(storage.found.blocksOf('t').length).toBe(windows.length)
  const requests = [{}, { matchers: up }, { matchers: some, minTimeMs: 5 * hourMs }]
  const before = []
  for (const request of requests) before.push(await answerOf(storage.local, request))
  expect(before[0]!.series.size).toBe(150)
  const ranges = mergeRangesMs(15 * 24 * hourMs)
  while (await storage.local.mergeNext('t', ranges, neverCancelled));
  expect(storage.local.blocksOf('t').length).toBeLessThan(windows.length)
  for (const [i, request] of requests.entries()) {
    expect(await answerOf(storage.local, request)).toEqual(before[i])
    expect((await answerOf(storage.bucketSeries, request)).series.size).toBe(0)
  }
  await deleteLocal(storage)
  await storage.local.close()
  const again = await openStorage(bucket, directory, options)
  expect(again.local.blocksOf('t')).toEqual([])
  await again.found.refresh(go)
  for (const [i, request] of requests.entries())
    expect(await answerOf(again.bucketSeries, request)).toEqual(before[i])
  bucket.close()
}, 120_000)

it('ships on after an outage, which is visible, and loses nothing', async () => {
  const bucket = await openBucket('outage')
  const storage = await openStorage(bucket, join(folder, 'outage'), { retryDelayMsMin: 200 })
  const stop = new AbortController()
  await writeBlockOf(storage, 't', 0, someSeries(0, 50))
  expect(await storage.shipper.shipOnce(go)).toBe(true)
  await rgw.stopGateway()
  for (const window of [2, 4]) await writeBlockOf(storage, 't', window, someSeries(window, 50))
  const before = await answerOf(storage.local)
  const running = Promise.all([storage.shipper.run(stop.signal), storage.found.run(stop.signal)])
  while (storage.shipper.status.failureCount < 2 || storage.found.status.lastError === undefined)
    await sleep(50)
  expect(storage.shipper.status.pendingCount).toBe(2)
  expect(storage.shipper.status.lastError).toBeDefined()
  // What is shipped may go, what is not may not.
  expect(await deleteLocal(storage)).toBe(1)
  const during = await answerOf(storage.bucketSeries)
  expect(during.warnings.some((warning) => warning.includes('could not be listed'))).toBe(true)
  expect(during.warnings.some((warning) => warning.includes('could not be read'))).toBe(true)
  await rgw.startGateway()
  while (storage.shipper.status.pendingCount > 0 || storage.found.status.lastError !== undefined)
    await sleep(50)
  stop.abort()
  await running
  expect(storage.shipper.status.failureCount).toBe(0)
  await storage.found.refresh(go)
  expect(await deleteLocal(storage)).toBe(2)
  expect(await answerOf(storage.bucketSeries)).toEqual(before)
  bucket.close()
}, 180_000)
