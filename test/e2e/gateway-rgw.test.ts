// A day of data through the gateway into a real S3 server (Ceph RGW) and back: written, cut, shipped with the store away for
// a while, everything local deleted, and answered from the bucket as before. And a fleet whose disk is lost.
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { until } from './process.ts'
import { write } from './remote-write.ts'
import { type Rgw, startRgw } from './rgw.ts'

const stepMs = 60_000
const seriesCount = 50
const endMs = Math.floor(Date.now() / stepMs) * stepMs
const startMs = endMs - 24 * 3_600_000
const outageMs = 20_000
/** What is lost with a disk is younger than this. */
const behindMsMax = 60_000
const manifests = mkdtempSync(join(tmpdir(), 'fleet-rgw-'))
let rgw: Rgw
let gateway: Gateway
let fleet: Gateway
let seen: { readonly beforeMs: number; readonly changedMs: number; readonly events: unknown }

const queries = [
  'sum by (cluster) (rate(requests_total[5m]))',
  'count(requests_total)',
  'avg_over_time(temperature{host=~"h1.*"}[1h])',
]

async function answers(): Promise<unknown[]> {
  const range = `start=${startMs / 1000}&end=${endMs / 1000}&step=300`
  return Promise.all(
    queries.map(async (query) => {
      const path = `/api/v1/query_range?query=${encodeURIComponent(query)}&${range}`
      const answer = (await gateway.get(path)) as { data: unknown; warnings?: unknown }
      return { data: answer.data, warnings: answer.warnings }
    }),
  )
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
}

async function writeDay(): Promise<void> {
  for (let fromMs = startMs; fromMs < endMs; fromMs += 3_600_000) {
    const times = Array.from({ length: 60 }, (_, i) => fromMs + i * stepMs)
    const series = Array.from({ length: seriesCount }, (_, i) => {
      const labels = { cluster: `c${i % 5}`, host: `h${i}` }
      const n = (timeMs: number): number => (timeMs - startMs) / stepMs
      return [
        {
          labels: { __name__: 'requests_total', ...labels },
          samples: times.map((t) => [t, n(t) * (i + 1)] as const),
        },
        {
          labels: { __name__: 'temperature', ...labels },
          samples: times.map((t) => [t, 20 + Math.sin(n(t) / 30 + i)] as const),
        },
      ]
    })
    await write(gateway.url, series.flat())
  }
}

function place(numberOfClusters: number): void {
  const placement = {
    apiVersion: 'cluster.open-cluster-management.io/v1beta1',
    kind: 'Placement',
    metadata: { namespace: 'apps', name: 'kept' },
    spec: { clusterSets: ['prod'], numberOfClusters },
  }
  writeFileSync(join(manifests, 'kept.yaml'), JSON.stringify(placement))
}

async function memberCount(timeMs: number): Promise<number> {
  const selector = '{__placement__="apps/kept",state="available"}'
  const query = encodeURIComponent(`crowsnest_fleet_cluster_state${selector}`)
  const answer = (await fleet.get(`/api/v1/query?query=${query}&time=${timeMs / 1000}`)) as {
    data: { result: unknown[] }
  }
  return answer.data.result.length
}

async function eventsOfFleet(): Promise<unknown> {
  const { data } = (await fleet.get('/api/v1/fleet/events?kind=placement_member')) as {
    data: { items: unknown[] }
  }
  return data.items
}

// Begun before everything else, so that its copy has had its minute when it is needed.
async function startFleet(objstore: string): Promise<void> {
  cpSync(join(import.meta.dirname, '../fleet/fixtures'), manifests, { recursive: true })
  place(2)
  fleet = await startGateway({
    args: [
      ...['--fleet.directory', manifests, '--objstore.config-file', objstore],
      ...['--external-labels', 'region="hub"'],
    ],
  })
  await until('two members', async () => (await memberCount(Date.now())) === 2)
  const beforeMs = Date.now()
  place(1)
  await until('one member', async () => (await memberCount(Date.now())) === 1)
  seen = { beforeMs, changedMs: Date.now(), events: await eventsOfFleet() }
}

beforeAll(async () => {
  rgw = await startRgw()
  await rgw.createBucket('fleet')
  const file = join(mkdtempSync(join(tmpdir(), 'objstore-')), 'bucket.yml')
  const config = {
    bucket: 'fleet',
    endpoint: rgw.endpoint,
    insecure: true,
    access_key: rgw.accessKey,
    secret_key: rgw.secretKey,
  }
  writeFileSync(file, JSON.stringify({ type: 'S3', config, prefix: 'hub' }))
  await startFleet(file)
  gateway = await startGateway({
    args: [
      ...['--objstore.config-file', file, '--storage.ship-interval', '1s'],
      ...['--objstore.delete-delay', '1s'],
      ...['--web.enable-admin-api', '--external-labels', 'region="west"'],
    ],
  })
})

afterAll(async () => {
  await gateway?.stop()
  await fleet?.stop()
  await rgw?.stop()
  rmSync(manifests, { recursive: true })
})

it('answers from the bucket as it did before everything local was deleted', async () => {
  await writeDay()
  const before = await answers()
  await rgw.stopGateway()
  // A snapshot cuts the head, so that all of the day is in blocks that want to be shipped.
  await fetch(`${gateway.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })
  const folders = readdirSync(join(gateway.data, 'blocks/default-tenant'))
  const blockCount = folders.filter((name) => /^[0-9A-Z]{26}$/.test(name)).length
  expect(blockCount).toBeGreaterThanOrEqual(12)
  await until('a failure that can be seen', async () => {
    return (await metric('thanos_shipper_upload_failures_total')) > 0
  })
  await sleep(outageMs)
  expect(await answers()).toEqual(before)
  await rgw.startGateway()
  await until(
    'everything is shipped',
    async () => (await metric('thanos_shipper_uploads_total')) >= blockCount,
    {
      timeoutMs: 120_000,
    },
  )
  await gateway.stop()
  rmSync(join(gateway.data, 'blocks'), { recursive: true })
  rmSync(join(gateway.data, 'wal'), { recursive: true })
  rmSync(join(gateway.data, 'cache'), { recursive: true, force: true })
  gateway = await gateway.restart()
  await until('the bucket is listed', async () => {
    const [count] = (await answers()).slice(1, 2) as { data: { result: unknown[] } }[]
    return count!.data.result.length > 0
  })
  expect(await answers()).toEqual(before)
})

it('deletes series from blocks that are in the bucket only', async () => {
  const query = encodeURIComponent('count(count_over_time(temperature[24h]))')
  const count = async (): Promise<unknown> => {
    const answer = (await gateway.get(`/api/v1/query?query=${query}&time=${endMs / 1000}`)) as {
      data: { result: { value: [number, string] }[] }
    }
    return answer.data.result[0]?.value[1]
  }
  expect(await count()).toBe(`${seriesCount}`)
  const path = '/api/v1/admin/tsdb/delete_series?match[]=temperature{cluster="c1"}'
  expect((await fetch(gateway.url + path, { method: 'POST' })).status).toBe(204)
  const left = `${(seriesCount / 5) * 4}`
  expect(await count()).toBe(left)
  await until('the blocks are rewritten', async () => {
    return (await metric('crowsnest_bucket_block_rewrites_total')) >= 12
  })
  expect(await count()).toBe(left)
  await until('the old blocks are gone', async () => {
    return (await metric('thanos_blocks_meta_synced\\{state="marked-for-deletion"\\}')) === 0
  })
  await gateway.stop()
  // With the list of deletions gone as well, the bucket itself has to have forgotten the samples.
  rmSync(join(gateway.data, 'blocks'), { recursive: true })
  gateway = await gateway.restart()
  await until('the bucket is listed', async () => (await count()) !== undefined)
  expect(await count()).toBe(left)
})

it('knows the events and memberships of a fleet whose disk is lost, but for the last minute', async () => {
  await sleep(Math.max(0, seen.changedMs + behindMsMax - Date.now()))
  await fleet.stop('SIGKILL')
  rmSync(join(fleet.data, 'fleet'), { recursive: true })
  fleet = await fleet.restart()
  await until('one member', async () => (await memberCount(Date.now())) === 1)
  expect(await memberCount(seen.beforeMs)).toBe(2)
  expect(await eventsOfFleet()).toEqual(seen.events)
})
