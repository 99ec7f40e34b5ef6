// `crowsnest demo`: it starts from nothing, and every endpoint has something to show; what happens is on the stream.
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, type Running, start, until } from './process.ts'

const root = resolve(import.meta.dirname, '../..')
const bundle = process.env.GATEWAY_BUNDLE
const entry = bundle === undefined ? join(root, 'src/main.ts') : resolve(bundle, 'main.js')

type Json = Record<string, unknown>

let demo: Running
let url = ''

async function get(path: string): Promise<{ readonly status: number; readonly data: Json }> {
  const response = await fetch(url + path)
  const body = (await response.json()) as { data: Json }
  return { status: response.status, data: body.data }
}

async function items(path: string): Promise<Json[]> {
  const { status, data } = await get(path)
  expect(status, path).toBe(200)
  return data.items as Json[]
}

async function query(expr: string): Promise<Json[]> {
  const { data } = await get(`/api/v1/query?query=${encodeURIComponent(expr)}`)
  return data.result as Json[]
}

beforeAll(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const args = ['demo', '--http.listen', `127.0.0.1:${port}`, '--demo.pace', '2s']
  demo = start(process.execPath, [entry, ...args], { cwd: root })
  await until('the demo', async () => (await fetch(`${url}/-/ready`)).ok, { of: demo })
  const isFull = async (): Promise<boolean> =>
    (await items('/api/v1/fleet/clusters')).length === 12 &&
    (await query('count by (cluster) (present_over_time(up[1h]))')).length === 11
  await until('clusters and their metrics', isFull, { of: demo, everyMs: 250 })
})

afterAll(async () => {
  await demo?.stop()
  expect(demo?.child.exitCode).toBe(0)
})

describe('the demo', () => {
  it('has something in every list, and one of each', async () => {
    const paths: Record<string, (item: Json) => string> = {
      clusters: ({ name }) => `${name}`,
      clustersets: ({ name }) => `${name}`,
      placements: ({ namespace, name }) => `${namespace}/${name}`,
      addons: ({ cluster, name }) => `${cluster}/${name}`,
      policies: ({ namespace, name }) => `${namespace}/${name}`,
      policysets: ({ namespace, name }) => `${namespace}/${name}`,
      applications: ({ namespace, name, kind }) => `${namespace}/${name}?kind=${kind}`,
      sources: ({ name }) => `${name}`,
    }
    for (const [list, pathOf] of Object.entries(paths)) {
      const found = await items(`/api/v1/fleet/${list}`)
      expect(found.length, list).toBeGreaterThan(0)
      const one = await get(`/api/v1/fleet/${list}/${pathOf(found[0]!)}`)
      expect(one.status, list).toBe(200)
    }
  })

  it('sums it all up', async () => {
    const { data } = await get('/api/v1/fleet/summary')
    expect(data.clusters).toMatchObject({ total: 12 })
    expect((data.standards as Json[]).map(({ value }) => value)).toContain('NIST SP 800-53')
    expect(data.placements).toMatchObject({ states: { not_satisfied: 1, misconfigured: 1 } })
  })

  it('explains why a placement has fewer clusters than it wants', async () => {
    const { data } = await get('/api/v1/fleet/placements/apps/four-edges/explain')
    expect(data.unscheduledCount).toBeGreaterThan(0)
    expect((data.clusters as Json[]).length).toBe(10)
  })

  it('lets things happen on the stream, and resumes it', async () => {
    const read = async (headers: Record<string, string>, count: number): Promise<string> => {
      const controller = new AbortController()
      const response = await fetch(`${url}/api/v1/fleet/stream`, {
        headers,
        signal: controller.signal,
      })
      let text = ''
      for await (const chunk of response.body!) {
        text += Buffer.from(chunk).toString()
        if ((text.match(/^data: /gm) ?? []).length >= count) break
      }
      controller.abort()
      return text
    }
    const text = await read({}, 2)
    const ids = [...text.matchAll(/^id: (\d+)\ndata: /gm)].map((match) => Number(match[1]))
    expect(ids.length).toBeGreaterThanOrEqual(2)
    const again = await read({ 'last-event-id': String(ids[0]! - 1) }, 1)
    expect(again).toContain(`id: ${ids[0]}\ndata: `)
    const events = await items('/api/v1/fleet/events?limit=5000')
    expect(events.map(({ id }) => id)).toContain(ids[0])
  })

  it('has metrics of an hour, rules that record, and alerts', async () => {
    expect((await query('count(up offset 50m)')).length).toBe(1)
    await until('recorded series', async () => (await query('cluster:cpu_busy:ratio')).length > 0)
    const { data } = await get('/api/v1/rules')
    expect((data.groups as Json[]).length).toBe(2)
    await until('alerts', async () => {
      const alerts = await get('/api/v1/alerts')
      return (alerts.data.alerts as Json[]).length > 0
    })
    expect(Object.keys((await get('/api/v1/metadata')).data).length).toBeGreaterThan(10)
    const wanted = 'apiserver_request_duration_seconds_bucket'
    const exemplars = await get(`/api/v1/query_exemplars?query=${wanted}`)
    expect((exemplars.data as unknown as Json[]).length).toBeGreaterThan(0)
  })

  it('shows what the data of a cluster say beside what its hub claims', async () => {
    await until('data of clusters', async () => {
      const found = await items('/api/v1/fleet/clusters?fields=name,data')
      return found.filter(({ data }) => Number((data as Json).activeSeries) > 50).length > 8
    })
    const [cluster] = await items('/api/v1/fleet/clusters?name=karmada-1&fields=data')
    const { lastSampleMs, samplesPerSecond } = cluster!.data as Record<string, number>
    expect(Math.abs(Date.now() - lastSampleMs!)).toBeLessThan(120_000)
    expect(samplesPerSecond).toBeGreaterThan(0)
  })

  it('joins the state of clusters with their metrics in PromQL', async () => {
    const joined =
      'count by (cluster) (up) * on (cluster) group_left (available) acm_managed_cluster_info'
    await until('series of the fleet', async () => (await query(joined)).length > 5)
  })

  it('answers every GET of its own document that needs no more than a path', async () => {
    const document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { parameters?: { required?: boolean }[] }>>
    }
    const open = Object.entries(document.paths).filter(
      ([path, { get: operation }]) =>
        // No Alertmanager is there whose API could be passed on.
        operation !== undefined && !/[{]|\/stream$|^\/api\/v2\//.test(path),
    )
    expect(open.length).toBeGreaterThan(30)
    for (const [path] of open) {
      const response = await fetch(url + path)
      await response.arrayBuffer()
      expect(response.status, path).toBeLessThan(500)
    }
  })
})
