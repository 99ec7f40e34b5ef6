// Tenants over HTTP, and own metrics: where a request names one, which ones a query reads, and what is refused.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { post, write, writeBody } from './remote-write.ts'

let gateway: Gateway
const nowMs = Date.now()

const body = (name: string) => writeBody([{ labels: { __name__: name }, samples: [[nowMs, 1]] }])

async function names(path: string, headers: Record<string, string> = {}): Promise<string[]> {
  const answer = (await gateway.get(`${path}/label/__name__/values`, headers)) as { data: string[] }
  return answer.data
}

beforeAll(async () => {
  gateway = await startGateway()
  const prefix = `${gateway.url}/api/metrics/v1`
  expect((await post(`${prefix}/team-a/api/v1/receive`, body('from_path'))).ok).toBe(true)
  await write(gateway.url, [{ labels: { __name__: 'from_header' }, samples: [[nowMs, 1]] }], {
    'THANOS-TENANT': 'team-b',
  })
  await write(gateway.url, [{ labels: { __name__: 'from_nowhere' }, samples: [[nowMs, 1]] }])
  // What ACM's collectors send.
  expect((await post(`${prefix}/default/api/v1/receive`, body('from_acm'))).ok).toBe(true)
})

afterAll(() => gateway?.stop())

describe('tenants', () => {
  it('keeps each tenant to itself; a query without one reads the default tenant', async () => {
    expect(await names('/api/v1')).toEqual(['from_acm', 'from_nowhere'])
    expect(await names('/api/v1', { 'THANOS-TENANT': 'team-a' })).toEqual(['from_path'])
    expect(await names('/api/metrics/v1/team-b/api/v1')).toEqual(['from_header'])
  })

  it('reads several tenants at once, or all', async () => {
    expect(await names('/api/v1', { 'THANOS-TENANT': 'team-a|team-b' })).toEqual([
      'from_header',
      'from_path',
    ])
    expect(await names('/api/v1', { 'THANOS-TENANT': '*' })).toHaveLength(4)
  })

  it('refuses two that disagree, and names that are none', async () => {
    const url = `${gateway.url}/api/metrics/v1/team-a/api/v1/receive`
    const disagreeing = await post(url, body('x'), { 'THANOS-TENANT': 'team-b' })
    expect(disagreeing.status).toBe(403)
    expect(await disagreeing.text()).toContain('team-b')
    for (const name of ['..', '.', 'a/b', '/']) {
      const response = await post(`${gateway.url}/api/v1/write`, body('x'), {
        'THANOS-TENANT': name,
      })
      expect([name, response.status]).toEqual([name, 400])
    }
    const inPath = await post(`${gateway.url}/api/metrics/v1/a%2Fb/api/v1/receive`, body('x'))
    expect(inPath.status).toBe(400)
  })

  it('counts series and requests by the names that mixins know', async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    expect(text).toMatch(/prometheus_tsdb_head_series\{tenant="team-a"\} 1/)
    expect(text).toMatch(
      /prometheus_http_requests_total\{handler="\/api\/v1\/label\/:name\/values",code="200"\} \d/,
    )
    expect(text).toMatch(/prometheus_tsdb_head_samples_appended_total\{type="float"\} [45]/)
    expect(text).toContain('prometheus_config_last_reload_successful 1')
  })

  it('exposes every metric that the dashboard of the gateway shows', async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    const dashboard = readFileSync(
      join(import.meta.dirname, '../../dashboards/gateway.json'),
      'utf8',
    )
    const shown = new Set(dashboard.match(/\b(prometheus|crowsnest|thanos|process)_[a-z_]+/g))
    shown.delete('crowsnest_gateway')
    expect(shown.size).toBeGreaterThan(10)
    for (const name of shown) expect(text).toContain(`# TYPE ${name.replace(/_bucket$/, '')} `)
  })
})
