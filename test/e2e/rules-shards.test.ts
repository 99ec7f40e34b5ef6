// Three rulers share groups over one gateway: one leaves, one is killed, one comes. Every group has one owner, no alert is
// lost or doubled in Alertmanager on the way, and a `for` goes on where it was.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ownerOf } from '../../src/rules/index.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, type Running, start, until } from './process.ts'
import { write } from './remote-write.ts'

const groupCount = 9
const group = (index: number): string => `- name: g${index}
  interval: 1s
  rules:
  - alert: Fires${index}
    expr: broken > 0
    for: 3s
  - alert: Waits${index}
    expr: broken > 0
    for: 1h
`

interface ShownAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly startsAt: string
}

describe('rulers that share groups', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'shards-'))
  const file = (name: string): string => join(folder, name)
  const rulers = new Map<string, Gateway>()
  let gateway: Gateway
  let alertmanager: Running
  let alertmanagerUrl = ''
  let ports: number[] = []
  let feeder: NodeJS.Timeout
  let watcher: NodeJS.Timeout
  /** How many alerts Alertmanager showed, by every look. */
  const counts: number[] = []

  beforeAll(async () => {
    const alertmanagerPort = await freePort()
    ports = await balancedPorts()
    const route = 'route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n'
    writeFileSync(file('am.yml'), route)
    alertmanager = start('prometheus-alertmanager', [
      `--config.file=${file('am.yml')}`,
      `--storage.path=${file('am')}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      '--cluster.listen-address=',
    ])
    alertmanagerUrl = `http://127.0.0.1:${alertmanagerPort}`
    gateway = await startGateway()
    const indexes = Array.from({ length: groupCount }, (_, index) => index)
    writeFileSync(file('rules.yml'), `groups:\n${indexes.map(group).join('')}`)
    const config = {
      rules: {
        files: [file('rules.yml')],
        resendDelay: '4s',
        queryEndpoints: [{ static_configs: [gateway.url.replace('http://', '')] }],
        remoteWrite: [{ url: `${gateway.url}/api/v1/write` }],
        alertmanagers: [{ static_configs: [`127.0.0.1:${alertmanagerPort}`] }],
        peers: [{ static_configs: ports.map((port) => `127.0.0.1:${port}`) }],
        peerHeartbeat: '1s',
      },
    }
    writeFileSync(file('ruler.yml'), JSON.stringify(config))
    const feed = (): Promise<void> =>
      write(gateway.url, [{ labels: { __name__: 'broken' }, samples: [[Date.now(), 1]] }])
    await feed()
    feeder = setInterval(() => void feed().catch(() => undefined), 2000)
    await Promise.all(['a', 'b', 'c'].map((name, index) => startRuler(name, ports[index]!)))
  }, 60_000)

  afterAll(async () => {
    clearInterval(feeder)
    clearInterval(watcher)
    await Promise.all([...rulers.values()].map((ruler) => ruler.stop('SIGKILL')))
    await gateway?.stop()
    await alertmanager?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  // Ports at which each of three rulers has some of the groups.
  async function balancedPorts(): Promise<number[]> {
    for (;;) {
      const found = await Promise.all([freePort(), freePort(), freePort()])
      const members = found.map((port) => `127.0.0.1:${port}`)
      const keys = Array.from(
        { length: groupCount },
        (_, index) => `default-tenant;${file('rules.yml')};g${index}`,
      )
      const counts = members.map(
        (member) => keys.filter((key) => ownerOf(key, members) === member).length,
      )
      if (Math.min(...counts) >= 2) return found
    }
  }

  async function startRuler(name: string, port: number): Promise<void> {
    const args = ['--config', file('ruler.yml')]
    rulers.set(name, await startGateway({ role: 'rule', port, args }))
  }

  async function groupsOf(name: string): Promise<string[]> {
    const answer = (await rulers.get(name)!.get('/api/v1/rules')) as {
      data: { groups: { name: string }[] }
    }
    return answer.data.groups.map((one) => one.name)
  }

  async function owned(names: readonly string[]): Promise<string[]> {
    return (await Promise.all(names.map(groupsOf))).flat().sort()
  }

  const untilShared = (names: readonly string[]): Promise<void> =>
    until(
      'every group has one owner',
      async () => {
        const groups = await owned(names)
        return groups.length === groupCount && new Set(groups).size === groupCount
      },
      { of: rulers.get(names[0]!)!.process, timeoutMs: 30_000 },
    )

  async function shown(): Promise<ShownAlert[]> {
    return (await (
      await fetch(`${alertmanagerUrl}/api/v2/alerts?active=true`)
    ).json()) as ShownAlert[]
  }

  const startOf = (alerts: readonly ShownAlert[]): Record<string, string> =>
    Object.fromEntries(alerts.map(({ labels, startsAt }) => [labels.alertname!, startsAt]))

  async function vector(query: string): Promise<Record<string, number>> {
    const path = `/api/v1/query?query=${encodeURIComponent(query)}`
    const { data } = (await gateway.get(path)) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
    return Object.fromEntries(
      data.result.map(({ metric, value }) => [metric.alertname!, Number(value[1])]),
    )
  }

  const untilEvaluatedAfter = (timeMs: number): Promise<void> =>
    until(
      'every group was evaluated again',
      async () => {
        const times = await vector('timestamp(ALERTS_FOR_STATE)')
        return (
          Object.keys(times).length === 2 * groupCount &&
          Object.values(times).every((seconds) => seconds * 1000 > timeMs)
        )
      },
      { timeoutMs: 30_000 },
    )

  let startsBefore: Record<string, string> = {}
  let activeBefore: Record<string, number> = {}

  it('evaluate each group once', async () => {
    await untilShared(['a', 'b', 'c'])
    for (const name of ['a', 'b', 'c']) expect((await groupsOf(name)).length).toBeGreaterThan(0)
    await until('all have fired', async () => (await shown()).length === groupCount, {
      timeoutMs: 40_000,
    })
    await untilEvaluatedAfter(Date.now())
    startsBefore = startOf(await shown())
    activeBefore = await vector('ALERTS_FOR_STATE')
    expect(Object.keys(activeBefore)).toHaveLength(2 * groupCount)
    watcher = setInterval(() => {
      void shown().then(
        (alerts) => counts.push(alerts.length),
        () => undefined,
      )
    }, 200)
  })

  it('hand over their groups when they leave', async () => {
    const leaving = rulers.get('a')!
    await leaving.stop('SIGTERM')
    rulers.delete('a')
    const leftAtMs = Date.now()
    await untilShared(['b', 'c'])
    await untilEvaluatedAfter(leftAtMs + 1000)
    expect(Date.now() - leftAtMs).toBeLessThan(10_000)
    expect(await vector('ALERTS_FOR_STATE')).toEqual(activeBefore)
    expect(startOf(await shown())).toEqual(startsBefore)
  })

  it('take over the groups of one that was killed', async () => {
    await rulers.get('b')!.stop('SIGKILL')
    rulers.delete('b')
    const killedAtMs = Date.now()
    await untilShared(['c'])
    await untilEvaluatedAfter(killedAtMs + 1000)
    expect(await vector('ALERTS_FOR_STATE')).toEqual(activeBefore)
    expect(startOf(await shown())).toEqual(startsBefore)
  })

  it('give groups to one that comes', async () => {
    await startRuler('a', ports[0]!)
    await untilShared(['a', 'c'])
    expect((await groupsOf('a')).length).toBeGreaterThan(0)
    await untilEvaluatedAfter(Date.now() + 1000)
    expect(await vector('ALERTS_FOR_STATE')).toEqual(activeBefore)
    expect(startOf(await shown())).toEqual(startsBefore)
  })

  it('lost and doubled no alert on the way, and end all of them when the cause is gone', async () => {
    clearInterval(watcher)
    expect(counts.length).toBeGreaterThan(20)
    expect(new Set(counts)).toEqual(new Set([groupCount]))
    clearInterval(feeder)
    await write(gateway.url, [{ labels: { __name__: 'broken' }, samples: [[Date.now(), 0]] }])
    await until('all are resolved', async () => (await shown()).length === 0, { timeoutMs: 15_000 })
  })
})
