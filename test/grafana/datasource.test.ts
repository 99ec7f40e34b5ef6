// Grafana's own Prometheus data source, run in jsdom against a gateway of its own: variables, metric lists, labels, series.
import { type DataSourceInstanceSettings, dateTime, type ScopedVars } from '@grafana/data'
import { PrometheusDatasource, type PromOptions } from '@grafana/prometheus'
import { setBackendSrv, setTemplateSrv } from '@grafana/runtime'
import { from } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../e2e/gateway.ts'
import { write } from '../e2e/remote-write.ts'

const prefix = '/api/datasources/uid/prom/resources/'
let gateway: Gateway
let datasource: PrometheusDatasource
const asked: string[] = []

interface BackendRequest {
  readonly url: string
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly data?: Record<string, unknown> | string
}

// Grafana's server forwards resource calls of a data source to its URL; this does the same.
async function forward(request: BackendRequest): Promise<unknown> {
  const path = request.url.startsWith(prefix) ? `/${request.url.slice(prefix.length)}` : request.url
  const url = new URL(path.replace(/^\/+/, '/'), gateway.url)
  const method = request.method ?? 'GET'
  const fields = (method === 'GET' ? (request.params ?? request.data) : request.data) ?? {}
  const form = new URLSearchParams(typeof fields === 'string' ? fields : undefined)
  if (typeof fields === 'object') {
    for (const [name, value] of Object.entries(fields)) {
      for (const one of Array.isArray(value) ? value : [value]) form.append(name, String(one))
    }
  }
  asked.push(`${method} ${url.pathname}`)
  if (method === 'GET') for (const [name, value] of form) url.searchParams.append(name, value)
  const response = await fetch(url, { method, ...(method === 'GET' ? {} : { body: form }) })
  const data = await response.json()
  if (!response.ok) throw { status: response.status, data }
  return { data, status: response.status, ok: true, headers: response.headers, url: String(url) }
}

beforeAll(async () => {
  gateway = await startGateway()
  const now = Math.floor(Date.now() / 1000) * 1000
  const samples = [0, 15_000, 30_000].map((ago) => [now - ago, 1] as const).reverse()
  await write(gateway.url, [
    { labels: { __name__: 'up', job: 'node', instance: 'a:9100' }, samples },
    { labels: { __name__: 'up', job: 'node', instance: 'b:9100' }, samples },
    { labels: { __name__: 'up', job: 'kubelet', instance: 'c:10250' }, samples },
    { labels: { __name__: 'http_requests_total', job: 'shop', code: '200' }, samples },
  ])
  setBackendSrv({ fetch: (request: BackendRequest) => from(forward(request)) } as never)
  const templateSrv = {
    replace: (text: string, _vars?: ScopedVars) => text ?? '',
    getVariables: () => [],
    containsTemplate: () => false,
    updateTimeRange: () => {},
    getAdhocFilters: () => [],
  }
  setTemplateSrv(templateSrv as never)
  const settings = {
    uid: 'prom',
    id: 1,
    name: 'Crowsnest',
    type: 'prometheus',
    url: '/api/datasources/proxy/1',
    access: 'proxy',
    jsonData: { httpMethod: 'POST', prometheusType: 'Prometheus' },
    meta: {},
  } as unknown as DataSourceInstanceSettings<PromOptions>
  datasource = new PrometheusDatasource(settings, templateSrv as never)
})

afterAll(() => gateway?.stop())

const range = () => {
  const to = dateTime()
  const start = dateTime(Date.now() - 3_600_000)
  return { from: start, to, raw: { from: start, to } }
}

const texts = (entries: readonly { readonly text: string | number }[]) =>
  entries.map((entry) => String(entry.text)).sort()

describe('the Prometheus data source of Grafana', () => {
  it('starts: metric names and metadata', async () => {
    await datasource.languageProvider.start(range())
    expect(datasource.languageProvider.retrieveMetrics().sort()).toEqual([
      'http_requests_total',
      'up',
    ])
  })

  it('fills a variable with label values', async () => {
    const options = { range: range() }
    expect(texts(await datasource.metricFindQuery('label_values(job)', options))).toEqual([
      'kubelet',
      'node',
      'shop',
    ])
    const filtered = await datasource.metricFindQuery(
      'label_values(up{job="node"}, instance)',
      options,
    )
    expect(texts(filtered)).toEqual(['a:9100', 'b:9100'])
  })

  it('fills a variable with metric and label names', async () => {
    const options = { range: range() }
    expect(texts(await datasource.metricFindQuery('metrics(http_.*)', options))).toEqual([
      'http_requests_total',
    ])
    expect(texts(await datasource.metricFindQuery('label_names()', options))).toEqual(
      expect.arrayContaining(['code', 'instance', 'job']),
    )
  })

  it('fills a variable with the result of a query', async () => {
    const found = await datasource.metricFindQuery('query_result(count by (job) (up))', {
      range: range(),
    })
    expect(texts(found).map((text) => text.replace(/ \d+$/, ''))).toEqual([
      '{job="kubelet"} 1',
      '{job="node"} 2',
    ])
  })

  it('asks the paths that it asks of a Prometheus', () => {
    expect(asked).toEqual(
      expect.arrayContaining([
        'GET /api/v1/metadata',
        'GET /api/v1/label/__name__/values',
        'GET /api/v1/label/job/values',
      ]),
    )
  })
})
