// The shipped fleet rules over a fleet that a gateway really keeps: every alert whose cause the fixtures hold is raised.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { until } from './process.ts'

const root = resolve(import.meta.dirname, '../..')

describe('the shipped fleet rules', { timeout: 90_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rules-fleet-'))
  let gateway: Gateway

  beforeAll(async () => {
    const shipped = readFileSync(join(root, 'deploy/rules/fleet.yaml'), 'utf8')
    const hasty = shipped.replaceAll(/for: .*/g, 'for: 0s').replace('interval: 1m', 'interval: 1s')
    writeFileSync(join(folder, 'fleet.yaml'), hasty)
    const config = {
      fleet: { directory: join(root, 'test/fleet/fixtures') },
      rules: { files: [join(folder, 'fleet.yaml')] },
    }
    writeFileSync(join(folder, 'gateway.yml'), JSON.stringify(config))
    gateway = await startGateway({ args: ['--config', join(folder, 'gateway.yml')] })
  }, 60_000)

  afterAll(async () => {
    await gateway?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function summaries(): Promise<Map<string, string[]>> {
    const { data } = (await gateway.get('/api/v1/alerts')) as {
      data: { alerts: { labels: { alertname: string }; annotations: { summary: string } }[] }
    }
    const found = new Map<string, string[]>()
    for (const { labels, annotations } of data.alerts)
      found.set(labels.alertname, [...(found.get(labels.alertname) ?? []), annotations.summary])
    return found
  }

  it('raise what is wrong with the fleet, and nothing else', async () => {
    const expected = [
      'AddonUnhealthy',
      'ApplicationDegraded',
      'ClusterDegraded',
      'ClusterMetricsMissing',
      'ClusterNotJoined',
      'ClusterUnavailable',
      'ClusterUnreachable',
      'PlacementUnsatisfied',
      'PolicyNonCompliant',
      'PolicyStatusMissing',
    ]
    await until(
      'every alert',
      async () => [...(await summaries()).keys()].toSorted().join() === expected.join(),
      { of: gateway.process, timeoutMs: 60_000 },
    )
    const found = await summaries()
    expect(found.get('ClusterUnavailable')).toEqual(['prod-us-3 is not available'])
    expect(found.get('PlacementUnsatisfied')).toContain(
      'placement apps/broken finds too few clusters',
    )
    expect(found.get('PolicyNonCompliant')).toContain(
      'policy policies/etcd-encryption is violated on prod-eu-2',
    )
  })

  it('fail in none of their expressions', async () => {
    const { data } = (await gateway.get('/api/v1/rules')) as {
      data: { groups: { rules: { name: string; health: string }[] }[] }
    }
    const rules = data.groups.flatMap((group) => group.rules)
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    expect(rules.length).toBeGreaterThan(10)
  })
})
