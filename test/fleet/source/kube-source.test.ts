// A hub's API as a source: the fixture's fleet through an API server equals the fixture's fleet from files. Against
// the double, and against the server of KUBECONFIG where one is given (an empty hub with or without the CRDs).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { assembleHub, type Fleet } from '../../../src/fleet/index.ts'
import { FleetState } from '../../../src/fleet/service/fleet-state.ts'
import type { SourceChange } from '../../../src/fleet/service/source.ts'
import { registerSyncMetric } from '../../../src/fleet/service/sync-metric.ts'
import { kindsOfManagers, kubeManagers } from '../../../src/fleet/source/kube-kinds.ts'
import { KubeFleetSource, type KubeSourceOptions } from '../../../src/fleet/source/kube-source.ts'
import {
  type ApiObject,
  KubeClient,
  type KubeEndpoint,
  type KubeResource,
  openEndpoint,
  resourceName,
} from '../../../src/kube/index.ts'
import { Metrics } from '../../../src/telemetry/index.ts'
import { ApiServerDouble } from '../../kube/api-server-double/api-server.ts'
import { failure } from '../../kube/api-server-double/json-objects.ts'
import { defineKinds, placeObjects } from '../../kube/place-objects.ts'
import { plainDefinition } from '../../kube/plain-definitions.ts'
import { fixtureObjects, nowMs, partsOf } from '../fixture-fleet.ts'
import { hubObjects } from './hub-kinds.ts'

const federatedDeployments: KubeResource = {
  group: 'types.kubefed.io',
  version: 'v1beta1',
  plural: 'federateddeployments',
  kind: 'FederatedDeployment',
  namespaced: true,
}
const followed = [
  ...kindsOfManagers(kubeManagers).map(({ resource }) => resource),
  federatedDeployments,
]
// A server decides itself what is being deleted.
const objects = ([...fixtureObjects(), ...hubObjects()] as readonly ApiObject[]).map((object) => {
  const { deletionTimestamp: _, ...metadata } = object.metadata
  return { ...object, metadata }
})
const data = {
  nowMs,
  lastSampleMs: new Map<string, number>(),
  senders: new Set<string>(),
  sampleAgeMsMax: 300_000,
}

function resourceOf({ apiVersion, kind }: ApiObject): KubeResource {
  const group = apiVersion.split('/')[0]
  const found = followed.find((one) => one.group === group && one.kind === kind)
  if (found === undefined) throw new Error(`${apiVersion} ${kind} is not followed`)
  return found
}

function fleetOf(hub: string, of: readonly unknown[]): unknown {
  const parts = partsOf(of as readonly object[])
  const { decided: _, ...fleet } = assembleHub({ hub, parts }, data)
  return timeless(fleet)
}

// When objects were created is for their API server to say.
function timeless(fleet: Fleet): unknown {
  const clusters = fleet.clusters.map(({ imported: _, ...cluster }) => cluster)
  return { ...fleet, clusters }
}

const quick: Partial<KubeSourceOptions> = {
  discoveryMs: 100,
  retryMs: 100,
  reflector: { retryDelayMsMin: 10, retryDelayMsMax: 50, slowRetryDelayMs: 50 },
}

const open: KubeFleetSource[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((source) => source.close()))
})

function follow(
  name: string,
  endpoint: () => Promise<KubeEndpoint>,
  options: Partial<KubeSourceOptions> = {},
): { source: KubeFleetSource; state: FleetState; changes: SourceChange[] } {
  const state = new FleetState()
  state.addHub(name)
  const changes: SourceChange[] = []
  const source = new KubeFleetSource({ ...quick, ...options, name, open: endpoint })
  open.push(source)
  void source.start((change) => {
    changes.push(change)
    state.apply(name, change)
  })
  return { source, state, changes }
}

async function prepare(endpoint: KubeEndpoint): Promise<void> {
  const client = new KubeClient(endpoint)
  await defineKinds(
    client,
    followed.map((resource) => ({ resource, definition: plainDefinition(resource) })),
  )
  await placeObjects(client, objects, resourceOf)
}

describe('a hub behind the double', () => {
  const double = new ApiServerDouble()
  const endpoint = (): Promise<KubeEndpoint> => Promise.resolve(double.endpoint())
  beforeAll(async () => {
    await double.start()
    await prepare(double.endpoint())
  }, 20_000)
  afterAll(() => double.stop())

  it('gives the fleet that its objects give as files', async () => {
    const { source, state, changes } = follow('hub', endpoint)
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
    expect(changes.at(-1)!.synced).toBe(true)
    expect(timeless(state.join(data))).toEqual(fleetOf('hub', objects))
  })

  it('is read whole before it is called synced, and never before', async () => {
    const { source, changes } = follow('hub', endpoint)
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
    const first = changes.findIndex(({ synced }) => synced)
    const keys = new Set(
      changes.slice(0, first + 1).flatMap(({ upserts }) => upserts.map(({ key }) => key)),
    )
    expect(keys.size).toBe(objects.length)
  })

  it('shows a change and a deletion, and stands through resets', async () => {
    const { source, state } = follow('hub', endpoint)
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
    const cluster = objects.find(({ kind }) => kind === 'ManagedCluster')!
    const { name } = cluster.metadata
    double.resetConnections()
    double.store.remove('managedclusters.cluster.open-cluster-management.io', name)
    const rest = objects.filter((object) => object !== cluster)
    await vi.waitFor(() => expect(timeless(state.join(data))).toEqual(fleetOf('hub', rest)), 5000)
    double.put(cluster)
    await vi.waitFor(
      () => expect(timeless(state.join(data))).toEqual(fleetOf('hub', objects)),
      5000,
    )
  })

  it('follows several hubs at once, each under its name', async () => {
    const [one, two] = [follow('one', endpoint), follow('two', endpoint, { managers: ['karmada'] })]
    await vi.waitFor(() => {
      expect(one.source.status().state).toBe('synced')
      expect(two.source.status().state).toBe('synced')
    }, 5000)
    expect(one.state.join(data).clusters.every(({ hub }) => hub === 'one')).toBe(true)
    const karmada = two.state.join(data).clusters
    expect(karmada.map(({ hub, manager }) => `${hub} ${manager}`)).toEqual([
      'two karmada',
      'two karmada',
    ])
  })

  it('says when each kind was last known to be current, as a metric', async () => {
    const { source } = follow('hub', endpoint, { managers: ['policy'] })
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
    const metrics = new Metrics()
    registerSyncMetric(metrics, () => Promise.resolve([source.status()]))
    const text = await metrics.expose()
    expect(text).toMatch(
      /crowsnest_fleet_last_sync_timestamp_seconds\{hub="hub",resource="policies\.policy\.open-cluster-management\.io"\} 1\d{9}/,
    )
  })
})

describe('deploy/hub-reader.yaml', () => {
  it('allows to read every kind that is followed, and nothing else', () => {
    const file = join(import.meta.dirname, '../../../deploy/hub-reader.yaml')
    const { rules } = parse(readFileSync(file, 'utf8')) as {
      rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[]
    }
    const allowed = rules.flatMap(({ apiGroups, resources }) =>
      resources.map((plural) => `${plural}.${apiGroups[0]}`),
    )
    const needed = kindsOfManagers(kubeManagers).map(({ resource }) => resourceName(resource))
    expect(allowed.sort()).toEqual([...needed, '*.types.kubefed.io'].sort())
    expect(new Set(rules.map(({ verbs }) => verbs.join()))).toEqual(new Set(['get,list,watch']))
  })
})

describe('a hub that is not as it should be', () => {
  let double: ApiServerDouble
  afterEach(() => double.stop())

  it('reports kinds that are absent or forbidden, and shows what there is', async () => {
    double = await new ApiServerDouble().start()
    for (const plural of ['managedclusters', 'managedclustersets'])
      double.define(plainDefinition(followed.find((one) => one.plural === plural)!))
    double.put(objects.find(({ kind }) => kind === 'ManagedCluster')!)
    double.refuse = (aim) =>
      aim.kind.plural === 'managedclustersets'
        ? failure(403, 'Forbidden', 'managedclustersets is forbidden: User "x" cannot list')
        : undefined
    const { source, state } = follow('hub', () => Promise.resolve(double.endpoint()), {
      managers: ['ocm'],
    })
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
    expect(state.join(data).clusters).toHaveLength(1)
    const mistakes = new Map(source.status().parts.map(({ name, mistake }) => [name, mistake]))
    const group = 'cluster.open-cluster-management.io'
    expect(mistakes.get(`managedclusters.${group}`)).toBeUndefined()
    expect(mistakes.get(`managedclustersets.${group}`)).toContain('cannot list')
    expect(mistakes.get(`placements.${group}`)).toBe('the API server does not serve this kind')
  })

  it('reads addons in the other version where the server has only that', async () => {
    double = await new ApiServerDouble().start()
    const addons = followed.find((one) => one.plural === 'managedclusteraddons')!
    double.define(plainDefinition({ ...addons, version: 'v1beta1' }))
    const addon = objects.find(({ kind }) => kind === 'ManagedClusterAddOn')!
    double.put({ ...addon, apiVersion: 'addon.open-cluster-management.io/v1beta1' })
    const { state } = follow('hub', () => Promise.resolve(double.endpoint()), { managers: ['ocm'] })
    await vi.waitFor(() => expect(state.join(data).addons).toHaveLength(1), 5000)
  })

  it('follows kinds of KubeFed that come while it watches', async () => {
    double = await new ApiServerDouble().start()
    const { source, state } = follow('hub', () => Promise.resolve(double.endpoint()), {
      managers: ['kubefed'],
    })
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
    double.define(plainDefinition(federatedDeployments))
    double.put(objects.find(({ kind }) => kind === 'FederatedDeployment')!)
    await vi.waitFor(() => expect(state.join(data).applications).toHaveLength(1), 5000)
  })

  it('is failing while it cannot be reached, keeps what it said, and comes back', async () => {
    double = await new ApiServerDouble().start()
    const clusters = followed.find((one) => one.plural === 'managedclusters')!
    double.define(plainDefinition(clusters))
    double.put(objects.find(({ kind }) => kind === 'ManagedCluster')!)
    const { source, state } = follow('hub', () => Promise.resolve(double.endpoint()), {
      managers: ['ocm'],
    })
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
    await double.stop()
    await vi.waitFor(() => expect(source.status().state).toBe('failing'), 5000)
    expect(source.status().message).not.toBe('')
    expect(state.join(data).clusters).toHaveLength(1)
    await double.start()
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
  })

  it('tries a kubeconfig again that cannot be read', async () => {
    double = await new ApiServerDouble().start()
    let tries = 0
    const { source } = follow(
      'hub',
      () => (tries++ === 0 ? Promise.reject(new Error('no file')) : endpointOf(double)),
      { managers: ['policy'] },
    )
    await vi.waitFor(() =>
      expect(source.status()).toMatchObject({ state: 'failing', message: 'no file' }),
    )
    await vi.waitFor(() => expect(source.status().state).toBe('synced'), 5000)
  })
})

const endpointOf = (double: ApiServerDouble): Promise<KubeEndpoint> =>
  Promise.resolve(double.endpoint())

const kubeconfig = process.env.KUBECONFIG

if (kubeconfig !== undefined) {
  describe('a hub behind the API server of KUBECONFIG', () => {
    beforeAll(async () => prepare(await openEndpoint({ kubeconfig })), 120_000)

    it('gives the fleet that its objects give as files', async () => {
      const { source, state } = follow('hub', () => openEndpoint({ kubeconfig }))
      await vi.waitFor(() => expect(source.status().state).toBe('synced'), 20_000)
      expect(timeless(state.join(data))).toEqual(fleetOf('hub', objects))
    }, 30_000)
  })
}
