// The fleet of a directory of manifests, end to end: 20 clusters in 3 sets, placements, policies and applications of
// every kind; what the API says, what the stream tells, what PromQL knows, over kills and the loss of the disk.

import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { until } from './process.ts'
import { write } from './remote-write.ts'

const fixtures = resolve(import.meta.dirname, '../fleet/fixtures')
const place = mkdtempSync(join(tmpdir(), 'fleet-'))
const hub = join(place, 'hub')
const bucketConfig = join(place, 'bucket.yaml')

/** Ten times what was measured here, from a file's rename to the stream. */
const streamMsMax = 4000

let gateway: Gateway

beforeAll(async () => {
  cpSync(fixtures, hub, { recursive: true })
  writeFileSync(
    bucketConfig,
    `type: FILESYSTEM\nconfig:\n  directory: ${JSON.stringify(join(place, 'bucket'))}\n`,
  )
  gateway = await startGateway({
    args: ['--fleet.directory', hub, '--objstore.config-file', bucketConfig],
  })
  await until('the fleet', async () => (await list('clusters')).length === 20)
})

afterAll(async () => {
  await gateway.stop()
  rmSync(place, { recursive: true, force: true })
})

/** What is looked at of an entry of any list, of an event, or of a series. */
interface Item {
  readonly id: number
  readonly kind: string
  readonly name: string
  readonly cluster: string
  readonly state: string
  readonly health: string
  readonly clusterCount: number
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

async function list(name: string, filter = ''): Promise<readonly Item[]> {
  const answer = (await gateway.get(`/api/v1/fleet/${name}?limit=500${filter}`)) as {
    readonly data?: { readonly items: readonly Item[] }
  }
  return answer.data?.items ?? []
}

async function query(text: string): Promise<readonly Item[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(text)}`
  return ((await gateway.get(path)) as { data: { result: Item[] } }).data.result
}

/** Replaces a file as editors do. */
function edit(file: string, from: string, to: string): void {
  const text = readFileSync(join(hub, file), 'utf8')
  if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`)
  writeFileSync(join(place, file), text.replace(from, to))
  renameSync(join(place, file), join(hub, file))
}

async function* events(afterId: number, signal: AbortSignal): AsyncGenerator<Item> {
  const headers = { 'last-event-id': String(afterId) }
  const { body } = await fetch(`${gateway.url}/api/v1/fleet/stream`, { headers, signal })
  let text = ''
  for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
    text += piece
    const messages = text.split('\n\n')
    text = messages.pop()!
    for (const message of messages) {
      const data = /^data: (.*)$/m.exec(message)?.[1]
      if (data !== undefined) yield JSON.parse(data) as Item
    }
  }
}

const newestId = async (): Promise<number> =>
  ((await gateway.get('/api/v1/fleet/events?limit=1')) as { data: { newestId: number } }).data
    .newestId

const outage = [
  "{ type: ManagedClusterConditionAvailable, status: 'True', reason: ManagedClusterAvailable, message: '', lastTransitionTime: '2026-03-01T08:00:00Z' }",
  "{ type: ManagedClusterConditionAvailable, status: 'False', reason: ManagedClusterKubeAPIServerUnavailable, message: 'api is sick', lastTransitionTime: '2026-03-02T08:00:00Z' }",
] as const

describe('a directory of manifests', () => {
  it('gives clusters in every state, each in its sets', async () => {
    const states = Map.groupBy(await list('clusters'), ({ state }) => state)
    const names = (state: string) => (states.get(state) ?? []).map(({ name }) => name).sort()
    expect(names('unavailable')).toEqual(['prod-us-3'])
    expect(names('unreachable')).toEqual(['karmada-2', 'kubefed-2', 'prod-ap-2'])
    expect(names('unknown')).toEqual(['staging-4'])
    expect(names('not_joined')).toEqual(['edge-3', 'staging-5'])
    expect(names('available')).toHaveLength(13)
    const sets = await list('clustersets')
    expect(sets.map(({ name, clusterCount }) => [name, clusterCount])).toEqual([
      ['edge', 3],
      ['prod', 8],
      ['staging', 5],
    ])
  })

  it('gives placements that are decided here', async () => {
    const states = (await list('placements')).map(({ name, state }) => `${name} ${state}`)
    expect(states.sort()).toEqual([
      'all-prod satisfied',
      'broken misconfigured',
      'cheapest satisfied',
      'edge-only not_satisfied',
      'everywhere satisfied',
      'too-many not_satisfied',
      'web satisfied',
    ])
  })

  it('gives policies and policy sets, aggregated over clusters', async () => {
    const policies = await list('policies')
    expect(policies.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
      'audit no_status',
      'etcd-encryption non_compliant',
      'fine compliant',
      'limits non_compliant',
      'old disabled',
    ])
    const sets = (await list('policysets')).map(({ name, state }) => `${name} ${state}`)
    expect(sets.sort()).toEqual(['baseline pending', 'lenient compliant', 'strict no_status'])
  })

  it('gives applications of every kind', async () => {
    const states = (await list('applications')).map(({ kind, name, state }) => [kind, name, state])
    expect(new Set(states.map((one) => one.join(' ')))).toEqual(
      new Set([
        'Subscription nowhere failed',
        'Application.app.k8s.io shop failed',
        'Subscription shop failed',
        'ApplicationSet guestbook failed',
        'ApplicationSet pulled pending',
        'ApplicationSet reported pending',
        'Application.argoproj.io single healthy',
        'ApplicationSet unborn empty',
        'Federated Deployment/legacy unknown',
        'ResourceBinding Deployment/nginx unknown',
      ]),
    )
  })

  it('gives addons whose health is the worse of claim and data: nothing was sent', async () => {
    const addons = await list('addons')
    const health = addons.map(({ cluster, health: own }) => `${cluster} ${own}`)
    expect(health.sort()).toEqual([
      'edge-1 failed',
      'prod-ap-2 unknown',
      'prod-eu-1 unknown',
      'prod-eu-2 unknown',
      'prod-eu-3 unknown',
      'prod-us-1 failed',
      'staging-1 unknown',
      'staging-2 unknown',
    ])
  })

  it('shows beside what hubs claim what the data say of a cluster', async () => {
    const now = Date.now()
    const samples = [[now - 15_000, 1] as const, [now, 1] as const]
    const labels = { __name__: 'up', cluster: 'prod-eu-1' }
    await write(gateway.url, [{ labels, samples }])
    type Data = { readonly data?: { readonly data?: { readonly lastSampleMs: number } } }
    await until('the data', async () => {
      const { data } = (await gateway.get('/api/v1/fleet/clusters/prod-eu-1')) as Data
      return data?.data?.lastSampleMs === now
    })
    await until('the addon', async () => {
      const [addon] = await list('addons', '&cluster=prod-eu-1')
      return addon?.health === 'healthy'
    })
  })

  it('is in PromQL, each cluster under its name', async () => {
    await until('samples', async () => (await query('acm_managed_cluster_info')).length === 20)
    const down = await query('crowsnest_fleet_cluster_state{state="unavailable"} == 1')
    expect(down.map(({ metric }) => metric.cluster)).toEqual(['prod-us-3'])
    const root = await query('policy_governance_info{type="root",policy="limits"}')
    expect(root.map(({ value }) => value[1])).toEqual(['1'])
    const members = await query('count(acm_managed_cluster_info{__clusterset__="prod"})')
    expect(members[0]?.value[1]).toBe('8')
  })
})

describe('a change of a file', () => {
  it('is on the stream, in the API and in PromQL', async () => {
    const ending = new AbortController()
    const stream = events(await newestId(), ending.signal)
    const first = stream.next()
    // The stream is open before the change.
    await new Promise((done) => setTimeout(done, 300))
    const fromMs = performance.now()
    edit('clusters.yaml', ...outage)
    const seen: Item[] = [(await first).value]
    const tookMs = performance.now() - fromMs
    for (let i = 0; i < 20 && seen.at(-1)?.kind !== 'cluster'; i++)
      seen.push((await stream.next()).value)
    ending.abort()
    expect(tookMs).toBeLessThan(streamMsMax)
    expect(seen.find(({ kind }) => kind === 'cluster')).toMatchObject({
      name: 'prod-eu-1',
      from: 'available',
      to: 'unavailable',
      reason: 'ManagedClusterKubeAPIServerUnavailable',
      message: 'api is sick',
      sinceMs: Date.parse('2026-03-02T08:00:00Z'),
    })
    const [cluster] = await list('clusters', '&name=prod-eu-1')
    expect(cluster).toMatchObject({ state: 'unavailable', message: 'api is sick' })
    await until('the sample', async () => {
      const now = await query('crowsnest_fleet_cluster_state{cluster="prod-eu-1"} == 1')
      return now[0]?.metric.state === 'unavailable'
    })
  })

  it('that takes something away ends its series and leaves its history', async () => {
    const samples = () => query('crowsnest_fleet_clusterset_member{clusterset="edge"}')
    expect(await samples()).toHaveLength(3)
    edit('clusters.yaml', 'clusterset: edge', 'clusterset: nowhere')
    await until('the stale marker', async () => (await samples()).length === 2)
    const [event] = await list('events', '&kind=set_member')
    expect(event).toMatchObject({ name: 'edge', from: 'member' })
    expect(event).not.toHaveProperty('to')
  })

  it('that is a mistake is reported, and everything stays', async () => {
    const before = await newestId()
    const good = readFileSync(join(hub, 'policies.yaml'))
    writeFileSync(join(hub, 'policies.yaml'), 'kind: [')
    await until('the mistake', async () =>
      JSON.stringify(await gateway.get('/api/v1/fleet/sources/local')).includes('line 1'),
    )
    expect(await list('policies')).toHaveLength(5)
    expect(await newestId()).toBe(before)
    writeFileSync(join(hub, 'policies.yaml'), good)
  })
})

describe('a gateway that was killed', () => {
  it('goes on with the next id, and tells what changed meanwhile as seen late', async () => {
    const before = await newestId()
    await gateway.stop('SIGKILL')
    edit('clusters.yaml', outage[1], outage[0])
    gateway = await gateway.restart('SIGKILL')
    await until('the event', async () => (await newestId()) > before)
    const late = (await list('events')).filter(({ id }) => id > before)
    expect(late.find(({ kind }) => kind === 'cluster')).toMatchObject({
      name: 'prod-eu-1',
      from: 'unavailable',
      to: 'available',
      unseenSinceMs: expect.any(Number),
    })
    expect(late.map(({ id }) => id).sort((a, b) => a - b)).toEqual(
      Array.from({ length: late.length }, (_, i) => before + 1 + i),
    )
  })

  it('whose disk was lost has its events from the bucket', async () => {
    const before = await list('events')
    await gateway.stop()
    rmSync(join(gateway.data, 'fleet'), { recursive: true })
    gateway = await gateway.restart()
    await until('the events', async () => (await list('events')).length >= before.length)
    expect(await list('events')).toEqual(before)
  })
})
