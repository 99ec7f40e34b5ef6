// A ruler without storage beside a gateway: it evaluates there, writes there, and finds its alerts' age there again.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { thanos } from '../../src/encoding/index.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, until } from './process.ts'
import { write } from './remote-write.ts'

const rules = `groups:
- name: remote
  interval: 1s
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Down
    expr: job:up:sum < 2
    for: 1h
  - alert: Refused
    expr: 'up * on() group_left() (up or label_replace(up, "a", "b", "", ""))'
`

describe('a ruler without storage', { timeout: 90_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'stateless-'))
  const file = (name: string): string => join(folder, name)
  let gateway: Gateway
  let ruler: Gateway
  let rpcAddress = ''

  beforeAll(async () => {
    gateway = await startGateway()
    const nobody = `127.0.0.1:${await freePort()}`
    const address = gateway.url.replace('http://', '')
    writeFileSync(file('rules.yml'), rules)
    const config = {
      externalLabels: { ruler: 'one' },
      rules: {
        files: [file('rules.yml')],
        queryEndpoints: [{ static_configs: [nobody, address] }],
        remoteWrite: [{ url: `${gateway.url}/api/v1/write` }],
      },
    }
    writeFileSync(file('ruler.yml'), JSON.stringify(config))
    await write(gateway.url, [
      { labels: { __name__: 'up', job: 'x', i: '1' }, samples: [[Date.now() - 1000, 1]] },
      { labels: { __name__: 'up', job: 'x', i: '2' }, samples: [[Date.now() - 1000, 0]] },
    ])
    rpcAddress = `127.0.0.1:${await freePort()}`
    const args = ['--config', file('ruler.yml'), '--grpc.listen', rpcAddress]
    ruler = await startGateway({ role: 'rule', args })
  }, 60_000)

  afterAll(async () => {
    await ruler?.stop()
    await gateway?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function value(query: string): Promise<number> {
    const path = `/api/v1/query?query=${encodeURIComponent(query)}`
    const { data } = (await gateway.get(path)) as {
      data: { result: { value: [number, string] }[] }
    }
    return Number(data.result[0]?.value[1])
  }

  it('writes what it records where the next rule sees it', async () => {
    await until('recorded', async () => (await value('job:up:sum{ruler="one"}')) === 1, {
      of: ruler.process,
    })
    await until(
      'pending',
      async () => (await value('ALERTS{alertname="Down",ruler="one"}')) === 1,
      {
        of: ruler.process,
      },
    )
  })

  it('shows its rules, and on a rule what an endpoint refused', async () => {
    const { data } = (await ruler.get('/api/v1/rules')) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] }
    }
    const [recorded, down, refused] = data.groups[0]!.rules
    expect([recorded!.health, down!.health]).toEqual(['ok', 'ok'])
    expect(refused).toMatchObject({ name: 'Refused', health: 'err' })
    expect(refused!.lastError).toContain('answered 422')
  })

  it('shows its alerts to Thanos queriers', async () => {
    const client = new Client(rpcAddress, credentials.createInsecure())
    const call = client.makeServerStreamRequest(
      '/thanos.Rules/Rules',
      (request: thanos.IRulesRequest) => Buffer.from(thanos.RulesRequest.encode(request).finish()),
      (bytes) => thanos.RulesResponse.decode(bytes),
      { type: thanos.RulesType.ALERT, ruleName: ['Down'] },
    )
    const groups: (thanos.IRuleGroup | null | undefined)[] = []
    for await (const { group } of call as AsyncIterable<thanos.RulesResponse>) groups.push(group)
    client.close()
    const pending = {
      alerts: [{ labels: { labels: expect.anything() }, state: 2, value: '1e+00' }],
    }
    expect(groups).toMatchObject([
      { name: 'remote', rules: [{ alert: { name: 'Down', ...pending } }] },
    ])
  })

  it('goes on with the age of its alerts after a restart', async () => {
    const age = 'time() - ALERTS_FOR_STATE{alertname="Down"}'
    await until('aged', async () => (await value(age)) > 3, { of: ruler.process })
    const before = await value(age)
    await ruler.stop('SIGKILL')
    const stoppedAtMs = Date.now()
    ruler = await startGateway({ role: 'rule', args: ['--config', file('ruler.yml')] })
    const lastWritten = 'timestamp(ALERTS_FOR_STATE{alertname="Down"})'
    await until(
      'written again',
      async () => (await value(lastWritten)) * 1000 > stoppedAtMs + 1500,
      {
        of: ruler.process,
      },
    )
    // The outage itself does not count; without restoring the age would be that of the new process.
    expect(await value(age)).toBeGreaterThan(before)
    expect(await value(age)).toBeLessThan(before + (Date.now() - stoppedAtMs) / 1000 + 2)
  })

  it('is refused without endpoints, which it tells at once', async () => {
    writeFileSync(file('bare.yml'), '{}')
    await expect(
      startGateway({ role: 'rule', args: ['--config', file('bare.yml')] }),
    ).rejects.toThrow('rules.queryEndpoints and rules.remoteWrite are empty')
  })
})
