// A pair of gateways that evaluate the same rules over the same samples: what they send differs in nothing, so that
// Alertmanager shows one alert, and goes on showing it when one of the two is gone.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, type Running, start, until } from './process.ts'
import { write } from './remote-write.ts'

interface SentAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly startsAt: string
  readonly endsAt: string
}

interface ShownAlert extends SentAlert {
  readonly fingerprint: string
}

const rules = `groups:
- name: pair
  interval: 3s
  rules:
  - alert: Broken
    expr: broken > 0
    for: 3s
    labels: {severity: page}
`

describe('a pair of rulers', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pair-'))
  const file = (name: string): string => join(folder, name)
  const sent: SentAlert[][] = []
  let receiver: Server
  let alertmanager: Running
  let alertmanagerUrl = ''
  let pair: Gateway[] = []

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = ''
      request.on('data', (data: Buffer) => {
        body += data.toString()
      })
      request.on('end', () => {
        sent.push(JSON.parse(body) as SentAlert[])
        response.end()
      })
    })
    const [receiverPort, alertmanagerPort] = await Promise.all([freePort(), freePort()])
    await new Promise<void>((done) => receiver.listen(receiverPort, '127.0.0.1', done))
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
    const start1 = (replica: string): Promise<Gateway> => {
      const entries = [alertmanagerPort, receiverPort].map((port) => ({
        static_configs: [`127.0.0.1:${port}`],
      }))
      const config = {
        externalLabels: { region: 'eu', replica },
        rules: {
          files: [file('rules.yml')],
          resendDelay: '3s',
          externalUrl: 'https://gateway.example.org',
          alertLabelDrop: ['replica'],
          silences: true,
          alertmanagers: entries,
        },
      }
      writeFileSync(file(`${replica}.yml`), JSON.stringify(config))
      return startGateway({ args: ['--config', file(`${replica}.yml`)] })
    }
    pair = await Promise.all([start1('a'), start1('b')])
    await feed()
  }, 60_000)

  afterAll(async () => {
    await Promise.all(pair.map((gateway) => gateway.stop()))
    await alertmanager?.stop()
    receiver?.closeAllConnections()
    receiver?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  // A little ahead, so that both have the sample before either evaluates at its time.
  async function feed(): Promise<void> {
    const labels = { __name__: 'broken', cluster: 'west' }
    const series = [{ labels, samples: [[Date.now() + 3000, 1]] as const }]
    await Promise.all(pair.map(({ url }) => write(url, series)))
  }

  async function shown(url = alertmanagerUrl): Promise<ShownAlert[]> {
    return (await (await fetch(`${url}/api/v2/alerts`)).json()) as ShownAlert[]
  }

  it('sends alerts that are equal, down to when they start', async () => {
    await until('both have sent it twice', () => sent.length >= 4, { timeoutMs: 30_000 })
    const first = sent.slice(0, 4).flat()
    expect(new Set(first.map(({ labels }) => JSON.stringify(labels)))).toEqual(
      new Set(['{"alertname":"Broken","cluster":"west","severity":"page","region":"eu"}']),
    )
    expect(new Set(first.map(({ startsAt }) => startsAt)).size).toBe(1)
    const twins = Map.groupBy(first, (alert) => JSON.stringify(alert))
    expect([...twins.values()].map((list) => list.length)).toEqual([2, 2])
    expect(await shown()).toHaveLength(1)
  })

  it('is asked by either for alerts and silences of the Alertmanager', async () => {
    const [alert] = await shown(pair[0]!.url)
    expect(alert).toMatchObject({ labels: { alertname: 'Broken' }, status: { state: 'active' } })
    const silence = {
      matchers: [{ name: 'cluster', value: 'west', isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 60_000).toISOString(),
      createdBy: 'test',
      comment: 'maintenance',
    }
    const created = await fetch(`${pair[1]!.url}/api/v2/silences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(silence),
    })
    expect(created.status).toBe(200)
    const { silenceID } = (await created.json()) as { silenceID: string }
    const listed = (await pair[0]!.get('/api/v2/silences')) as { id: string }[]
    expect(listed.map(({ id }) => id)).toEqual([silenceID])
    expect(await shown(pair[0]!.url)).toMatchObject([{ status: { silencedBy: [silenceID] } }])
    const path = `${pair[0]!.url}/api/v2/silence/${silenceID}`
    expect((await fetch(path, { method: 'DELETE' })).status).toBe(200)
    const state = (await (await fetch(path)).json()) as { status: { state: string } }
    expect(state.status.state).toBe('expired')
  })

  it('loses nothing with one of the two', async () => {
    const before = await shown()
    await pair[0]!.stop('SIGKILL')
    const count = sent.length
    await until('the other sends it again', () => sent.length >= count + 2, { timeoutMs: 30_000 })
    const after = await shown()
    expect(after.map(({ fingerprint, startsAt }) => [fingerprint, startsAt])).toEqual(
      before.map(({ fingerprint, startsAt }) => [fingerprint, startsAt]),
    )
  })
})
