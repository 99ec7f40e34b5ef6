// The gateway with a hub behind a kubeconfig, on an API server in memory: what the hub says is answered, what changes
// there changes here, and its absence is reported while what it said stays.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kindsOfManagers } from '../../src/fleet/source/kube-kinds.ts'
import { ApiServerDouble } from '../kube/api-server-double/api-server.ts'
import { plainDefinition } from '../kube/plain-definitions.ts'
import { type Gateway, startGateway } from './gateway.ts'

const double = new ApiServerDouble()
let gateway: Gateway

const nowText = '2026-03-01T10:00:00Z'
function cluster(name: string, available: 'True' | 'Unknown'): object {
  const condition = (type: string, status: string, reason: string): object => {
    return { type, status, reason, message: '', lastTransitionTime: nowText }
  }
  return {
    apiVersion: 'cluster.open-cluster-management.io/v1',
    kind: 'ManagedCluster',
    metadata: { name, labels: { region: 'eu' } },
    spec: { hubAcceptsClient: true },
    status: {
      conditions: [
        condition('HubAcceptedManagedCluster', 'True', 'HubClusterAdminAccepted'),
        condition('ManagedClusterJoined', 'True', 'ManagedClusterJoined'),
        available === 'True'
          ? condition('ManagedClusterConditionAvailable', 'True', 'ManagedClusterAvailable')
          : condition(
              'ManagedClusterConditionAvailable',
              'Unknown',
              'ManagedClusterLeaseUpdateStopped',
            ),
      ],
    },
  }
}

interface Listed {
  readonly data: { readonly items: readonly { readonly name: string; readonly state: string }[] }
}

const states = async (list: string): Promise<Readonly<Record<string, string>>> => {
  const answer = (await gateway.get(`/api/v1/fleet/${list}`)) as Listed
  return Object.fromEntries(answer.data.items.map(({ name, state }) => [name, state]))
}

beforeAll(async () => {
  await double.start()
  for (const { resource } of kindsOfManagers(['ocm', 'policy']))
    double.define(plainDefinition(resource))
  double.put(cluster('one', 'True') as Parameters<typeof double.put>[0])
  double.put(cluster('two', 'True') as Parameters<typeof double.put>[0])
  const folder = mkdtempSync(join(tmpdir(), 'hub-'))
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: double.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    }),
  )
  const config = join(folder, 'config.yaml')
  writeFileSync(config, `fleet:\n  sources:\n    - { name: hub, kubeconfig: ${kubeconfig} }\n`)
  gateway = await startGateway({ args: ['--config', config] })
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await double.stop()
})

it('a hub of the Kubernetes API is answered, followed, and reported when it is away', async () => {
  const within = { timeout: 20_000, interval: 100 }
  await expect.poll(() => states('sources'), within).toEqual({ hub: 'synced' })
  await expect
    .poll(() => states('clusters'), within)
    .toEqual({ one: 'available', two: 'available' })
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  expect(metrics).toMatch(
    /crowsnest_fleet_last_sync_timestamp_seconds\{hub="hub",resource="managedclusters/,
  )

  const changedMs = performance.now()
  double.put(cluster('two', 'Unknown') as Parameters<typeof double.put>[0])
  await expect
    .poll(() => states('clusters'), within)
    .toEqual({ one: 'available', two: 'unreachable' })
  // Usually a third of a second; the machine of the test may be busy.
  expect(performance.now() - changedMs).toBeLessThan(5000)

  await double.stop()
  await expect.poll(() => states('sources'), within).toEqual({ hub: 'failing' })
  expect(await states('clusters')).toEqual({ one: 'available', two: 'unreachable' })
  await double.start()
  double.store.remove('managedclusters.cluster.open-cluster-management.io', 'one')
  await expect.poll(() => states('clusters'), within).toEqual({ two: 'unreachable' })
  await expect.poll(() => states('sources'), within).toEqual({ hub: 'synced' })
}, 60_000)
