// The demo's hub: the Kubernetes objects that a hub would hold at one time, as files of a directory of manifests.
// Source: facts/fleet.md §2–§12 (fields and words of each kind).

import { stringify } from 'yaml'
import type { KubeObject } from '../kube-object.ts'
import { applicationObjects } from './application-objects.ts'
import { type DemoCluster, demoClusters, demoPolicies, hasJoined } from './cast.ts'
import type { DemoCourse } from './course.ts'
import { policyObjects } from './policy-objects.ts'
import { timeText } from './time-text.ts'

const ocm = 'open-cluster-management.io'
const day = 86_400_000

/** The files of the demo's directory at one time: name to text. */
export function demoManifests(course: DemoCourse): ReadonlyMap<string, string> {
  const files: [string, readonly KubeObject[]][] = [
    ['clusters.yaml', demoClusters.map((cluster) => clusterObject(cluster, course))],
    ['sets.yaml', setObjects()],
    ['placements.yaml', placementObjects(course)],
    ['addons.yaml', addonObjects(course)],
    ...demoPolicies.map((policy): [string, readonly KubeObject[]] => [
      `policy-${policy.name}.yaml`,
      policyObjects(policy, course),
    ]),
    ['applications.yaml', applicationObjects(course)],
  ]
  return new Map(
    files.map(([name, objects]) => [
      name,
      objects.map((object) => `---\n${stringify(object, { lineWidth: 0 })}`).join(''),
    ]),
  )
}

function clusterObject(cluster: DemoCluster, course: DemoCourse): KubeObject {
  if (cluster.manager === 'karmada') return karmadaObject(cluster, course)
  return cluster.manager === 'kubefed' ? kubeFedObject(cluster, course) : ocmObject(cluster, course)
}

function ocmObject(cluster: DemoCluster, course: DemoCourse): KubeObject {
  const { name, set, region, cloud, version, nodeCount } = cluster
  const { state, sinceMs } = course.cluster(cluster)
  const condition = (type: string, status: string, reason: string, time: number, message = '') => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: timeText(time),
  })
  const joinedMs = course.nowMs - (course.nowMs % day) - 30 * day
  const clock = course.clock(cluster)
  const accepted = condition(
    'HubAcceptedManagedCluster',
    'True',
    'HubClusterAdminAccepted',
    joinedMs,
  )
  const isOut = state !== 'available' && state !== 'not_joined'
  return {
    apiVersion: `cluster.${ocm}/v1`,
    kind: 'ManagedCluster',
    metadata: {
      name,
      labels: {
        [`cluster.${ocm}/clusterset`]: set,
        region,
        cloud,
        vendor: 'Kubernetes',
        ...(name === 'prod-eu-1' ? { 'local-cluster': 'true' } : {}),
      },
    },
    spec: {
      hubAcceptsClient: true,
      ...(isOut
        ? {
            taints: [
              { key: `cluster.${ocm}/${state}`, effect: 'NoSelect', timeAdded: timeText(sinceMs) },
            ],
          }
        : {}),
    },
    status: hasJoined(cluster)
      ? {
          version: { kubernetes: version },
          capacity: { cpu: String(8 * nodeCount), memory: `${32 * nodeCount}Gi` },
          allocatable: { cpu: String(7 * nodeCount), memory: `${30 * nodeCount}Gi` },
          clusterClaims: [
            { name: 'id.k8s.io', value: `id-of-${name}` },
            { name: 'region.open-cluster-management.io', value: region },
          ],
          conditions: [
            accepted,
            condition('ManagedClusterJoined', 'True', 'ManagedClusterJoined', joinedMs),
            availability(state, sinceMs, condition),
            clock.state
              ? condition(
                  'ManagedClusterConditionClockSynced',
                  'False',
                  'ManagedClusterClockOutOfSync',
                  clock.sinceMs,
                  'The clocks of hub and agent differ by 42 s',
                )
              : condition(
                  'ManagedClusterConditionClockSynced',
                  'True',
                  'ManagedClusterClockSynced',
                  joinedMs,
                ),
          ],
        }
      : { conditions: [accepted] },
  }
}

function availability(
  state: string,
  sinceMs: number,
  condition: (type: string, status: string, reason: string, time: number, text?: string) => object,
): object {
  const type = 'ManagedClusterConditionAvailable'
  if (state === 'available') return condition(type, 'True', 'ManagedClusterAvailable', sinceMs)
  if (state === 'unavailable')
    return condition(
      type,
      'False',
      'ManagedClusterKubeAPIServerUnavailable',
      sinceMs,
      'The API server answers with status 503',
    )
  return condition(
    type,
    'Unknown',
    'ManagedClusterLeaseUpdateStopped',
    sinceMs,
    'The agent has stopped to update its lease',
  )
}

function karmadaObject(cluster: DemoCluster, course: DemoCourse): KubeObject {
  const { name, region, version, nodeCount } = cluster
  const lastTransitionTime = timeText(course.cluster(cluster).sinceMs)
  return {
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name, labels: { region } },
    spec: { id: `id-of-${name}`, syncMode: 'Push', apiEndpoint: `https://${name}.example:6443` },
    status: {
      kubernetesVersion: version,
      resourceSummary: {
        allocatable: { cpu: String(7 * nodeCount), memory: `${30 * nodeCount}Gi` },
      },
      conditions: [
        { type: 'Ready', status: 'True', reason: 'ClusterReady', message: '', lastTransitionTime },
      ],
    },
  }
}

function kubeFedObject(cluster: DemoCluster, course: DemoCourse): KubeObject {
  const { name, region, version } = cluster
  const lastTransitionTime = timeText(course.cluster(cluster).sinceMs)
  return {
    apiVersion: 'core.kubefed.io/v1beta1',
    kind: 'KubeFedCluster',
    metadata: { namespace: 'kube-federation-system', name, labels: { region } },
    spec: { apiEndpoint: `https://${name}.example:6443` },
    status: {
      kubernetesVersion: version,
      conditions: [{ type: 'Ready', status: 'True', reason: 'ClusterReady', lastTransitionTime }],
    },
  }
}

function setObjects(): readonly KubeObject[] {
  const sets = ['prod', 'staging', 'edge'].map((name) => ({
    apiVersion: `cluster.${ocm}/v1beta2`,
    kind: 'ManagedClusterSet',
    metadata: { name },
    spec: { clusterSelector: { selectorType: 'ExclusiveClusterSetLabel' } },
  }))
  const bindings = ['apps', 'policies'].flatMap((namespace) =>
    sets.map(({ metadata: { name } }) => ({
      apiVersion: `cluster.${ocm}/v1beta2`,
      kind: 'ManagedClusterSetBinding',
      metadata: { namespace, name },
      spec: { clusterSet: name },
    })),
  )
  return [...sets, ...bindings]
}

function placementObjects(course: DemoCourse): readonly KubeObject[] {
  const placement = (namespace: string, name: string, spec: object): KubeObject => ({
    apiVersion: `cluster.${ocm}/v1beta1`,
    kind: 'Placement',
    metadata: { namespace, name },
    spec,
  })
  const stays = ['unreachable', 'unavailable'].map((state) => ({
    key: `cluster.${ocm}/${state}`,
    operator: 'Exists',
  }))
  const inRegion = (region: string) => [
    { requiredClusterSelector: { labelSelector: { matchLabels: { region } } } },
  ]
  return [
    placement('apps', 'everywhere', { tolerations: stays }),
    placement('apps', 'shop', { clusterSets: ['prod'], numberOfClusters: 3 }),
    placement('apps', 'europe', { predicates: inRegion('eu') }),
    placement('apps', 'cheapest', {
      clusterSets: ['prod'],
      numberOfClusters: 1,
      prioritizerPolicy: {
        mode: 'Exact',
        configurations: [
          {
            scoreCoordinate: { type: 'AddOn', addOn: { resourceName: 'cost', scoreName: 'cheap' } },
          },
        ],
      },
    }),
    placement('apps', 'four-edges', { clusterSets: ['edge'], numberOfClusters: 4 }),
    placement('apps', 'typo', { tolerations: [{ operator: 'Equal', value: 'nothing' }] }),
    placement('policies', 'all', { tolerations: stays }),
    ...demoClusters
      .filter(({ set }) => set === 'prod')
      .map(({ name }, index) => scoreObject(name, index, course)),
  ]
}

function scoreObject(cluster: string, index: number, { nowMs }: DemoCourse): KubeObject {
  const hour = Math.floor(nowMs / 3_600_000)
  return {
    apiVersion: `cluster.${ocm}/v1alpha1`,
    kind: 'AddOnPlacementScore',
    metadata: { namespace: cluster, name: 'cost' },
    status: {
      scores: [{ name: 'cheap', value: ((hour + index * 37) % 150) - 50 }],
      validUntil: timeText((hour + 2) * 3_600_000),
    },
  }
}

function addonObjects(course: DemoCourse): readonly KubeObject[] {
  const names = { crowsnest: 'Crowsnest', 'governance-policy': 'Policy framework' }
  const about = Object.entries(names).map(([name, displayName]) => ({
    apiVersion: `addon.${ocm}/v1alpha1`,
    kind: 'ClusterManagementAddOn',
    metadata: { name },
    spec: { addOnMeta: { displayName } },
  }))
  const each = demoClusters
    .filter((cluster) => cluster.manager === 'ocm' && hasJoined(cluster))
    .flatMap((cluster) => {
      const { state, sinceMs } = course.cluster(cluster)
      const isUp = state === 'available'
      return Object.keys(names).map((name) => ({
        apiVersion: `addon.${ocm}/v1alpha1`,
        kind: 'ManagedClusterAddOn',
        metadata: { namespace: cluster.name, name },
        status: {
          conditions: [
            {
              type: 'Available',
              status: isUp ? 'True' : 'Unknown',
              reason: isUp ? 'ManagedClusterAddOnLeaseUpdated' : 'ManagedClusterLeaseUpdateStopped',
              message: '',
              lastTransitionTime: timeText(sinceMs),
            },
          ],
        },
      }))
    })
  return [...about, ...each]
}
