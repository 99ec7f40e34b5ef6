// Placements of a directory of manifests, in PromQL and explained: decided here, followed over time, kept over restarts,
// and moved by scores that are expressions.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { until } from './process.ts'
import { write } from './remote-write.ts'

const names = ['a', 'b', 'c']
const home = mkdtempSync(join(tmpdir(), 'fleet-promql-'))
const manifests = join(home, 'manifests')
let gateway: Gateway

const ocm = 'cluster.open-cluster-management.io'
const placementOf = (name: string, spec: object): object => ({
  apiVersion: `${ocm}/v1beta1`,
  kind: 'Placement',
  metadata: { namespace: 'apps', name },
  spec,
})
const labelled = (labels: object) => [
  { requiredClusterSelector: { labelSelector: { matchLabels: labels } } },
]

function place(file: string, ...objects: object[]): void {
  writeFileSync(
    join(manifests, `${file}.yaml`),
    objects.map((one) => JSON.stringify(one)).join('\n---\n'),
  )
}

function placeCluster(name: string, tier: string): void {
  place(name, {
    apiVersion: `${ocm}/v1`,
    kind: 'ManagedCluster',
    metadata: { name, labels: { [`${ocm}/clusterset`]: 'prod', tier } },
    spec: { hubAcceptsClient: true },
    status: {
      conditions: [
        'HubAcceptedManagedCluster',
        'ManagedClusterJoined',
        'ManagedClusterConditionAvailable',
      ].map((type) => ({ type, status: 'True', reason: type, message: '' })),
    },
  })
}

async function writeNow(scores: Readonly<Record<string, number>> = {}): Promise<void> {
  const nowMs = Date.now()
  await write(
    gateway.url,
    names.flatMap((cluster, i) => [
      { labels: { __name__: 'work', cluster }, samples: [[nowMs, i]] as const },
      { labels: { __name__: 'free', cluster }, samples: [[nowMs, scores[cluster] ?? 0]] as const },
    ]),
  )
}

interface Answer {
  readonly data: { readonly result: { metric: { cluster: string }; values: [number, string][] }[] }
  readonly warnings?: readonly string[]
}

async function clustersOf(selector: string, atMs = Date.now()): Promise<string[]> {
  const query = encodeURIComponent(`work{${selector}}`)
  const answer = (await gateway.get(`/api/v1/query?query=${query}&time=${atMs / 1000}`)) as Answer
  return answer.data.result.map(({ metric }) => metric.cluster).sort()
}

const web = '__placement__="apps/web"'
const becomes = (selector: string, expected: string[]): Promise<void> =>
  until(
    `${selector} is ${expected}`,
    async () => String(await clustersOf(selector)) === String(expected),
    {
      of: gateway.process,
      timeoutMs: 20_000,
    },
  )

beforeAll(async () => {
  mkdirSync(manifests)
  placeCluster('a', 'web')
  placeCluster('b', 'web')
  placeCluster('c', 'db')
  place(
    'sets',
    {
      apiVersion: `${ocm}/v1beta2`,
      kind: 'ManagedClusterSet',
      metadata: { name: 'prod' },
      spec: {},
    },
    {
      apiVersion: `${ocm}/v1beta2`,
      kind: 'ManagedClusterSetBinding',
      metadata: { namespace: 'apps', name: 'prod' },
      spec: { clusterSet: 'prod' },
    },
  )
  const addOn = { resourceName: 'metrics', scoreName: 'free' }
  place(
    'placements',
    placementOf('web', { predicates: labelled({ tier: 'web' }) }),
    placementOf('best', {
      numberOfClusters: 1,
      prioritizerPolicy: {
        mode: 'Exact',
        configurations: [{ scoreCoordinate: { type: 'AddOn', addOn }, weight: 1 }],
      },
    }),
  )
  const config = join(home, 'config.yaml')
  writeFileSync(
    config,
    JSON.stringify({
      fleet: {
        directory: manifests,
        scores: [
          { resource: 'metrics', name: 'free', expression: 'free', interval: '1s', validFor: '1m' },
        ],
      },
    }),
  )
  gateway = await startGateway({ args: ['--config', config] })
  await writeNow({ b: 50 })
  await becomes(web, ['a', 'b'])
})

afterAll(async () => {
  await gateway.stop()
  rmSync(home, { recursive: true })
})

it('members are selected, others are not, and names are listed', async () => {
  expect(await clustersOf('__clusterset__="prod"')).toEqual(['a', 'b', 'c'])
  expect(await clustersOf('__placement__!="apps/web"')).toEqual(['c'])
  expect(await gateway.get('/api/v1/label/__placement__/values')).toMatchObject({
    data: ['apps/best', 'apps/web'],
  })
  const plan = await gateway.get(
    `/api/v1/query?explain=1&query=${encodeURIComponent(`sum(work{${web}})`)}`,
  )
  expect(JSON.stringify(plan)).toContain(
    'members by __placement__=\\"apps/web\\": 2 clusters, 0 changes',
  )
  const query = encodeURIComponent('work{__placement__="apps/none"}')
  const unknown = (await gateway.get(`/api/v1/query?query=${query}`)) as Answer
  expect(unknown).toMatchObject({ data: { result: [] } })
  expect(unknown.warnings).toHaveLength(1)
})

it('a cluster that leaves ends where it left, for every later look back; a misconfigured placement keeps its clusters; both also after the process was killed', async () => {
  const beforeMs = Date.now()
  await new Promise((resolve) => setTimeout(resolve, 1500))
  placeCluster('a', 'db')
  placeCluster('c', 'web')
  await becomes(web, ['b', 'c'])
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const afterMs = Date.now()
  const look = async () => {
    expect(await clustersOf(web, beforeMs)).toEqual(['a', 'b'])
    expect(await clustersOf(web, afterMs)).toEqual(['b', 'c'])
    const offset = `${afterMs - beforeMs}ms`
    const shifted = encodeURIComponent(`work{${web}} offset ${offset}`)
    const range = `start=${beforeMs / 1000}&end=${afterMs / 1000}&step=0.1`
    const [now, late] = (await Promise.all([
      gateway.get(`/api/v1/query_range?query=${encodeURIComponent(`work{${web}}`)}&${range}`),
      gateway.get(`/api/v1/query?query=${shifted}&time=${afterMs / 1000}`),
    ])) as [Answer, Answer]
    expect(late.data.result.map(({ metric }) => metric.cluster).sort()).toEqual(['a', 'b'])
    const values = Object.fromEntries(
      now.data.result.map(({ metric, values }) => [metric.cluster, values.map(([time]) => time)]),
    )
    expect(Object.keys(values).sort()).toEqual(['a', 'b', 'c'])
    expect(values.a!.length).toBeGreaterThan(5)
    expect(values.c!.length).toBeGreaterThan(5)
    expect(values.a!.at(-1)).toBeLessThan(values.c![0]!)
    expect(values.a!.length + values.c!.length).toBe(values.b!.length)
  }
  await look()
  // What it is misconfigured to, it does not become: it keeps its clusters.
  const tolerations = [{ operator: 'No' }]
  place('placements', placementOf('web', { predicates: labelled({ tier: 'web' }), tolerations }))
  // A fleet that is still being read says so and neither; the answer has to be about the placement.
  const standing = async () => {
    const text = JSON.stringify(await gateway.get('/api/v1/fleet/placements/apps/web'))
    if (!text.includes('"success"')) return 'unread'
    return text.includes('misconfigured') ? 'misconfigured' : 'right'
  }
  await until('misconfigured', async () => (await standing()) === 'misconfigured')
  placeCluster('b', 'db')
  gateway = await gateway.restart('SIGKILL')
  await becomes(web, ['b', 'c'])
  await look()
  placeCluster('b', 'web')
  place('placements', placementOf('web', { predicates: labelled({ tier: 'web' }) }))
  await until('put right', async () => (await standing()) === 'right')
})

it('explanations say which filter removed a cluster, and try a placement that does not exist', async () => {
  const path = '/api/v1/fleet/placements/apps/web/explain'
  const told = JSON.stringify(await gateway.get(path))
  expect(told).toContain('label tier in (web), but it is \\"db\\"')
  expect(told).toContain('unreachable is not tolerated')
  const celSelector = { celExpressions: ['managedCluster.metadata.name > "b"'] }
  const tried = await fetch(`${gateway.url}/api/v1/fleet/placements/apps/new/explain`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(
      placementOf('new', { predicates: [{ requiredClusterSelector: { celSelector } }] }),
    ),
  })
  expect(await tried.json()).toMatchObject({ data: { selected: ['c'] } })
})

it('scores from expressions move a placement', async () => {
  const addOn = { resourceName: 'metrics', scoreName: 'free' }
  const configurations = [{ scoreCoordinate: { type: 'AddOn', addOn }, weight: 1 }]
  place(
    'placements',
    placementOf('best', {
      numberOfClusters: 1,
      prioritizerPolicy: { mode: 'Exact', configurations },
    }),
  )
  await writeNow({ a: 10, c: 90 })
  await becomes('__placement__="apps/best"', ['c'])
  await writeNow({ a: 95, c: 90 })
  await becomes('__placement__="apps/best"', ['a'])
})
