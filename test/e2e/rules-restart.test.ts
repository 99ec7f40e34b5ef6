// A rule with `for: 1m` in real time over a real Prometheus and a real Alertmanager, and one restart of the gateway that
// meets an alert in every state: inactive, pending, firing, resolved, kept firing.
// As with Prometheus, a `for` below ten minutes begins anew with a restart; in Alertmanager the alert stays raised.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, type Running, start, until } from './process.ts'

const rules = `groups:
- name: minute
  interval: 2s
  rules:
  - alert: Broken
    expr: broken > 0
    for: 1m
  - alert: Kept
    expr: kept > 0
    keep_firing_for: 40s
`
const firing = 'firing'

describe('a restart with a rule of for: 1m', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'minute-'))
  const file = (name: string): string => join(folder, name)
  const values: Record<string, number> = {}
  const raisedAt = new Map<string, number>()
  let target: Server
  let prometheus: Running
  let alertmanager: Running
  let alertmanagerUrl = ''
  let gateway: Gateway

  beforeAll(async () => {
    target = createServer((_, response) =>
      response.end(
        Object.entries(values)
          .map(([name, value]) => `${name} ${value}\n`)
          .join(''),
      ),
    )
    const [targetPort, alertmanagerPort, prometheusPort] = await Promise.all([
      freePort(),
      freePort(),
      freePort(),
    ])
    await new Promise<void>((done) => target.listen(targetPort, '127.0.0.1', done))
    const route = 'route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n'
    writeFileSync(file('am.yml'), route)
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
    writeFileSync(file('rules.yml'), rules)
    const alertmanagers = [{ static_configs: [`127.0.0.1:${alertmanagerPort}`] }]
    const config = { rules: { files: [file('rules.yml')], resendDelay: '10s', alertmanagers } }
    writeFileSync(file('gateway.yml'), JSON.stringify(config))
    gateway = await startGateway({ args: ['--config', file('gateway.yml')] })
    const peer = {
      global: { scrape_interval: '1s' },
      scrape_configs: [
        { job_name: 'x', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] },
      ],
      remote_write: [
        {
          url: `${gateway.url}/api/v1/write`,
          queue_config: { batch_send_deadline: '200ms', max_backoff: '500ms' },
        },
      ],
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

  // Names of what is raised, as `Broken/firing`: the alert and the case that raised it.
  async function raised(): Promise<string[]> {
    const answer = await fetch(`${alertmanagerUrl}/api/v2/alerts?active=true`)
    const alerts = (await answer.json()) as { labels: Record<string, string> }[]
    return alerts.map(({ labels }) => nameOf(labels)).sort()
  }

  async function statesHere(): Promise<Record<string, string>> {
    const answer = (await gateway.get('/api/v1/alerts')) as {
      data: {
        alerts: { labels: Record<string, string>; state: string; keepFiringSince?: string }[]
      }
    }
    return Object.fromEntries(
      answer.data.alerts.map(({ labels, state, keepFiringSince }) => [
        nameOf(labels),
        keepFiringSince === undefined ? state : 'kept',
      ]),
    )
  }

  const nameOf = (labels: Record<string, string>): string => `${labels.alertname}/${labels.case}`
  const untilRaised = (names: readonly string[], timeoutMs: number): Promise<void> =>
    until(
      `${names.join(' ')} in Alertmanager`,
      async () => (await raised()).join() === names.join(),
      { of: gateway.process, timeoutMs },
    )

  it('is preceded by an alert in each state', async () => {
    values['broken{case="firing"}'] = 1
    values['broken{case="resolved"}'] = 1
    values['kept{case="kept"}'] = 1
    await until('pending here', async () => (await statesHere())['Broken/firing'] === 'pending', {
      of: gateway.process,
    })
    const pendingAtMs = Date.now()
    await sleep(50_000)
    expect(await raised()).toEqual(['Kept/kept'])
    values['broken{case="pending"}'] = 1
    await untilRaised(['Broken/firing', 'Broken/resolved', 'Kept/kept'], 30_000)
    expect(Date.now() - pendingAtMs).toBeGreaterThan(58_000)
    values['broken{case="resolved"}'] = 0
    values['kept{case="kept"}'] = 0
    await untilRaised(['Broken/firing', 'Kept/kept'], 15_000)
    // The groups of the two rules have slots of their own.
    await until('kept', async () => (await statesHere())['Kept/kept'] === 'kept', {
      of: gateway.process,
    })
    expect(await statesHere()).toEqual({
      'Broken/firing': firing,
      'Broken/pending': 'pending',
      'Kept/kept': 'kept',
    })
  })

  it('loses no alert that is raised, and raises none that is not', async () => {
    gateway = await gateway.restart('SIGKILL')
    raisedAt.set('restart', Date.now())
    values['broken{case="resolved"}'] = 1
    values['broken{case="inactive"}'] = 1
    const all = ['firing', 'inactive', 'pending', 'resolved']
    const pending = all.map((one) => `Broken/${one} pending`).join()
    const states = async (): Promise<string> =>
      Object.entries(await statesHere())
        .map((pair) => pair.join(' '))
        .toSorted()
        .join()
    await until('all are pending', async () => (await states()) === pending, {
      of: gateway.process,
      timeoutMs: 40_000,
    })
    expect(await raised()).toEqual(['Broken/firing', 'Kept/kept'])
  })

  it('is followed by every alert raised or raised again, and by the end of what was kept', async () => {
    const all = ['Broken/firing', 'Broken/inactive', 'Broken/pending', 'Broken/resolved']
    await untilRaised(all, 90_000)
    expect(Date.now() - raisedAt.get('restart')!).toBeGreaterThan(58_000)
    for (const name of ['firing', 'pending', 'inactive', 'resolved'])
      values[`broken{case="${name}"}`] = 0
    await untilRaised([], 15_000)
  })
})
