// A real Prometheus writes to the gateway, a rule of ours raises an alert in a real Alertmanager: raised, resolved and
// raised again, with a restart of the gateway in each state.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, type Running, start, until } from './process.ts'

interface ShownAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly generatorURL: string
}

const rules = (hold: string, summary: string): string => `groups:
- name: jobs
  interval: 1s
  rules:
  - record: job:broken:max
    expr: max by (job) (broken)
  - alert: Broken
    expr: job:broken:max > 0
    for: ${hold}
    labels: {severity: page}
    annotations: {summary: '${summary}'}
- name: steady
  interval: 1s
  rules:
  - alert: Steady
    expr: vector(1)
    for: 1h
`

describe('an alert over what a Prometheus writes', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'))
  const file = (name: string): string => join(folder, name)
  let broken = 0
  let target: Server
  let prometheus: Running
  let alertmanager: Running
  let alertmanagerUrl: string
  let gateway: Gateway

  beforeAll(async () => {
    target = createServer((_request, response) => response.end(`broken ${broken}\n`))
    const [targetPort, alertmanagerPort, prometheusPort] = await Promise.all([
      freePort(),
      freePort(),
      freePort(),
    ])
    await new Promise<void>((done) => target.listen(targetPort, '127.0.0.1', done))
    writeFileSync(
      file('am.yml'),
      'route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n',
    )
    alertmanager = start('prometheus-alertmanager', [
      `--config.file=${file('am.yml')}`,
      `--storage.path=${file('am')}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      '--cluster.listen-address=',
    ])
    alertmanagerUrl = `http://127.0.0.1:${alertmanagerPort}`
    await until('alertmanager', async () => (await fetch(`${alertmanagerUrl}/-/ready`)).ok, {
      of: alertmanager,
    })
    writeFileSync(file('rules.yml'), rules('3s', '{{ $labels.job }} is broken by {{ $value }}'))
    const config = {
      rules: {
        files: [file('rules*.yml')],
        resendDelay: '8s',
        externalUrl: 'https://gateway.example.org',
        alertLabelDrop: ['replica'],
        alertmanagers: [{ static_configs: [`127.0.0.1:${alertmanagerPort}`] }],
      },
      externalLabels: { region: 'eu', replica: 'a' },
    }
    writeFileSync(file('gateway.yml'), JSON.stringify(config))
    gateway = await startGateway({ args: ['--config', file('gateway.yml')] })
    const scrape = { job_name: 'x', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] }
    const write = {
      url: `${gateway.url}/api/v1/write`,
      queue_config: { batch_send_deadline: '200ms', max_backoff: '500ms' },
    }
    const peer = {
      global: { scrape_interval: '1s' },
      scrape_configs: [scrape],
      remote_write: [write],
    }
    writeFileSync(file('prometheus.yml'), JSON.stringify(peer))
    prometheus = start('prometheus', [
      `--config.file=${file('prometheus.yml')}`,
      `--storage.tsdb.path=${file('prometheus')}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
    ])
  }, 60_000)

  afterAll(async () => {
    await prometheus?.stop()
    await gateway?.stop()
    await alertmanager?.stop()
    target?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function raised(): Promise<ShownAlert[]> {
    const response = await fetch(`${alertmanagerUrl}/api/v2/alerts?active=true`)
    const alerts = (await response.json()) as ShownAlert[]
    return alerts.filter(({ labels }) => labels.alertname === 'Broken')
  }

  async function stateHere(): Promise<string> {
    const answer = (await gateway.get('/api/v1/alerts')) as {
      data: { alerts: { labels: Record<string, string>; state: string }[] }
    }
    const alert = answer.data.alerts.find(({ labels }) => labels.alertname === 'Broken')
    return alert?.state ?? 'none'
  }

  async function value(query: string): Promise<number> {
    const path = `/api/v1/query?query=${encodeURIComponent(query)}`
    const { data } = (await gateway.get(path)) as {
      data: { result: { value: [number, string] }[] }
    }
    return Number(data.result[0]?.value[1])
  }

  let ageBefore = 0
  const ageOfSteady = (): Promise<number> => value('time() - ALERTS_FOR_STATE{alertname="Steady"}')

  const untilRaised = (count: number): Promise<void> =>
    until(`${count} alerts in Alertmanager`, async () => (await raised()).length === count, {
      of: gateway.process,
      timeoutMs: 40_000,
    })
  const untilHere = (state: string): Promise<void> =>
    until(`the alert is ${state}`, async () => (await stateHere()) === state, {
      of: gateway.process,
      timeoutMs: 40_000,
    })

  it('is raised with its labels, annotations and a link to its expression', async () => {
    broken = 2
    await untilRaised(1)
    expect(await raised()).toMatchObject([
      {
        labels: { alertname: 'Broken', job: 'x', severity: 'page', region: 'eu' },
        annotations: { summary: 'x is broken by 2' },
        generatorURL: 'https://gateway.example.org/graph?g0.expr=job%3Abroken%3Amax+%3E+0&g0.tab=1',
      },
    ])
    expect(Object.keys((await raised())[0]!.labels)).not.toContain('replica')
  })

  it('stays raised while the gateway is killed and comes back', async () => {
    gateway = await gateway.restart('SIGKILL')
    expect(await raised()).toHaveLength(1)
    await untilHere('firing')
    expect(await raised()).toHaveLength(1)
  })

  it('is resolved when the cause is gone', async () => {
    broken = 0
    await untilRaised(0)
  })

  it('is raised again after a restart in between, and one while it was pending', async () => {
    ageBefore = await ageOfSteady()
    gateway = await gateway.restart()
    broken = 1
    await untilHere('pending')
    gateway = await gateway.restart()
    await untilRaised(1)
  })

  it('leaves its state in ALERTS, and ages over restarts where its for is long', async () => {
    expect(await value('ALERTS{alertname="Broken",alertstate="firing",job="x"}')).toBe(1)
    // Without restoring it would be no older than the last restart, a few seconds ago.
    expect(await ageOfSteady()).toBeGreaterThan(ageBefore)
  })

  it('keeps its state when the rules are read again, and a broken file changes nothing', async () => {
    writeFileSync(file('rules.yml'), rules('3s', 'changed'))
    const reload = (): Promise<Response> => fetch(`${gateway.url}/-/reload`, { method: 'POST' })
    expect((await reload()).ok).toBe(true)
    expect(await stateHere()).toBe('firing')
    writeFileSync(file('rules2.yml'), 'groups:\n- name: g\n  rules:\n  - {record: a, expr: "sum("}')
    const refused = await reload()
    expect(refused.ok).toBe(false)
    expect(await refused.text()).toContain('rules2.yml:4: could not parse expression')
    expect(await stateHere()).toBe('firing')
  })

  it('is joined by alerts that a cluster sends through the gateway', async () => {
    const send = (body: unknown): Promise<Response> =>
      fetch(`${gateway.url}/api/alertmanager/v2/default/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const sent = { labels: { alertname: 'Broken', managed_cluster: 'west' }, annotations: {} }
    expect((await send([sent])).status).toBe(200)
    await untilRaised(2)
    expect((await raised()).map(({ labels }) => labels.managed_cluster)).toContain('west')
    const refused = await send([{ labels: {} }])
    expect(refused.status).toBe(400)
  })

  it('is listed with its rule, by filters', async () => {
    const groups = async (query: string): Promise<readonly Record<string, unknown>[]> => {
      const answer = (await gateway.get(`/api/v1/rules?${query}`)) as {
        data: { groups: Record<string, unknown>[] }
      }
      return answer.data.groups
    }
    expect(await groups('type=record')).toMatchObject([
      { name: 'jobs', interval: 1, rules: [{ name: 'job:broken:max', health: 'ok' }] },
    ])
    expect(await groups('type=alert&rule_name[]=Broken&exclude_alerts=true')).toMatchObject([
      { rules: [{ state: 'firing', duration: 3, query: 'job:broken:max > 0', alerts: null }] },
    ])
    expect(await groups('match[]={severity=~"pa.*"}')).toHaveLength(1)
    expect(await groups('group_limit=1')).toMatchObject([{ name: 'jobs' }])
    const refused = await fetch(`${gateway.url}/api/v1/rules?type=nope`)
    expect(refused.status).toBe(400)
  })
})
