// A simulated hub: 3,000 clusters, 200 policies on each of them, 500 applications; as the objects that a hub's API holds.
// Here: objects, and changes of them. Deterministic. Each object is parsed from text, as what comes from an API server is.

/** How large the hub is. `clustersPerApplication`: how many report each application. */
export const hubSize = {
  clusters: 3000,
  sets: 20,
  placements: 30,
  addonsPerCluster: 3,
  policies: 200,
  applications: 500,
  clustersPerApplication: Number(process.env.CLUSTERS_PER_APPLICATION ?? 300),
} as const

type HubObject = Readonly<Record<string, unknown>>

const ocm = 'open-cluster-management.io'
const sinceAt = '2026-11-01T08:00:00Z'

const nameOf = (prefix: string, number: number): string =>
  `${prefix}-${String(number).padStart(4, '0')}`

/** Name of a cluster by number. */
export const clusterName = (number: number): string => nameOf('cluster', number)

/** A cluster; `message` is that of its condition. */
export function cluster(number: number, status: 'True' | 'False', message: string): HubObject {
  const name = clusterName(number)
  const condition = (type: string, own: string, reason: string, text: string): object => ({
    type,
    status: own,
    reason,
    message: text,
    lastTransitionTime: sinceAt,
  })
  const labels = Object.fromEntries(
    Array.from({ length: 10 }, (_, i) => [
      `team.example/label-${i}`,
      `value-${(number * (i + 1)) % 50}`,
    ]),
  )
  return {
    apiVersion: `cluster.${ocm}/v1`,
    kind: 'ManagedCluster',
    metadata: {
      name,
      labels: {
        ...labels,
        [`cluster.${ocm}/clusterset`]: nameOf('set', number % hubSize.sets),
        vendor: 'OpenShift',
      },
    },
    spec: {
      hubAcceptsClient: true,
      managedClusterClientConfigs: [{ url: `https://api.${name}.example:6443` }],
    },
    status: {
      version: { kubernetes: 'v1.33.4' },
      capacity: { cpu: '96', memory: '384Gi', core_worker: '96' },
      allocatable: { cpu: '90', memory: '370Gi' },
      clusterClaims: [
        'id.k8s.io',
        `platform.${ocm}`,
        `product.${ocm}`,
        `region.${ocm}`,
        'version.openshift.io',
      ].map((claim) => ({ name: claim, value: `${claim}-${number % 9}` })),
      conditions: [
        condition('HubAcceptedManagedCluster', 'True', 'HubClusterAdminAccepted', 'accepted'),
        condition('ManagedClusterJoined', 'True', 'ManagedClusterJoined', 'joined'),
        condition(
          'ManagedClusterConditionAvailable',
          status,
          status === 'True' ? 'ManagedClusterAvailable' : 'ManagedClusterKubeAPIServerUnavailable',
          message,
        ),
      ],
    },
  }
}

const policyName = (number: number): string => nameOf('policy', number)

function isBad(policy: number, own: number): boolean {
  return (policy * 31 + own * 17) % 97 === 0
}

/** A policy's copy on a cluster. */
export function replicatedPolicy(policy: number, own: number, compliant: boolean): HubObject {
  const root = `policies.${policyName(policy)}`
  const state = compliant ? 'Compliant' : 'NonCompliant'
  return {
    apiVersion: `policy.${ocm}/v1`,
    kind: 'Policy',
    metadata: {
      name: root,
      namespace: clusterName(own),
      labels: {
        [`policy.${ocm}/root-policy`]: root,
        [`policy.${ocm}/cluster-name`]: clusterName(own),
      },
    },
    status: {
      compliant: state,
      details: [
        {
          templateMeta: { name: policyName(policy) },
          compliant: state,
          history: [
            {
              lastTimestamp: sinceAt,
              eventName: `${root}.18a1b2c3d${(0x4e5f6a7 + own * 200 + policy).toString(16).padStart(7, '0')}`,
              message: `${state}; notification - roles [pod-reader-${policy}] found as specified in namespace [default]`,
            },
            {
              lastTimestamp: sinceAt,
              eventName: `${root}.18a1b2c3c${(0x4e5f6a7 + own * 200 + policy).toString(16).padStart(7, '0')}`,
              message: `NonCompliant; violation - roles [pod-reader-${policy}] not found in namespace [default]`,
            },
          ],
        },
      ],
    },
  }
}

function rootPolicy(policy: number): HubObject {
  return {
    apiVersion: `policy.${ocm}/v1`,
    kind: 'Policy',
    metadata: {
      name: policyName(policy),
      namespace: 'policies',
      annotations: {
        [`policy.${ocm}/standards`]: 'NIST SP 800-53',
        [`policy.${ocm}/categories`]: `Category ${policy % 8}`,
        [`policy.${ocm}/controls`]: `Control ${policy % 40}`,
      },
    },
    spec: { disabled: false, remediationAction: 'inform' },
    status: {
      compliant: 'NonCompliant',
      status: Array.from({ length: hubSize.clusters }, (_, own) => ({
        clustername: clusterName(own),
        clusternamespace: clusterName(own),
        compliant: isBad(policy, own) ? 'NonCompliant' : 'Compliant',
      })),
    },
  }
}

function* placements(): Iterable<HubObject> {
  for (let number = 0; number < hubSize.placements; number++) {
    const name = nameOf('placement', number)
    yield {
      apiVersion: `cluster.${ocm}/v1beta1`,
      kind: 'Placement',
      metadata: { name, namespace: 'policies' },
      spec: {},
      status: {
        conditions: [
          { type: 'PlacementSatisfied', status: 'True', reason: 'AllDecisionsScheduled' },
        ],
      },
    }
    const own = Array.from({ length: hubSize.clusters }, (_, i) => i).filter(
      (i) => i % 3 === number % 3,
    )
    for (let from = 0; from < own.length; from += 100)
      yield {
        apiVersion: `cluster.${ocm}/v1beta1`,
        kind: 'PlacementDecision',
        metadata: {
          name: `${name}-decision-${from / 100 + 1}`,
          namespace: 'policies',
          labels: { [`cluster.${ocm}/placement`]: name },
        },
        status: {
          decisions: own
            .slice(from, from + 100)
            .map((i) => ({ clusterName: clusterName(i), reason: '' })),
        },
      }
  }
}

function* applications(): Iterable<HubObject> {
  for (let number = 0; number < hubSize.applications; number++) {
    const name = nameOf('app', number)
    const metadata = { name, namespace: 'apps' }
    yield {
      apiVersion: `apps.${ocm}/v1`,
      kind: 'Subscription',
      metadata,
      spec: {},
      status: { phase: 'Propagated' },
    }
    yield {
      apiVersion: `apps.${ocm}/v1alpha1`,
      kind: 'SubscriptionReport',
      metadata: { ...metadata, labels: { [`apps.${ocm}/hosting-subscription`]: `apps.${name}` } },
      reportType: 'Application',
      results: Array.from({ length: hubSize.clustersPerApplication }, (_, i) => ({
        source: clusterName((number * 7 + i) % hubSize.clusters),
        result: (number + i) % 83 === 0 ? 'failed' : 'deployed',
      })),
    }
  }
}

/** Every object of the hub. */
export function* hubObjects(): Iterable<HubObject> {
  for (let number = 0; number < hubSize.sets; number++)
    yield {
      apiVersion: `cluster.${ocm}/v1beta2`,
      kind: 'ManagedClusterSet',
      metadata: { name: nameOf('set', number) },
    }
  for (let own = 0; own < hubSize.clusters; own++) {
    yield cluster(own, 'True', 'available')
    for (let addon = 0; addon < hubSize.addonsPerCluster; addon++)
      yield {
        apiVersion: `addon.${ocm}/v1alpha1`,
        kind: 'ManagedClusterAddOn',
        metadata: { name: nameOf('addon', addon), namespace: clusterName(own) },
        status: {
          conditions: [
            {
              type: 'Available',
              status: 'True',
              reason: 'Lease',
              message: 'ok',
              lastTransitionTime: sinceAt,
            },
          ],
        },
      }
  }
  yield* placements()
  for (let policy = 0; policy < hubSize.policies; policy++) {
    yield rootPolicy(policy)
    for (let own = 0; own < hubSize.clusters; own++)
      yield replicatedPolicy(policy, own, !isBad(policy, own))
  }
  yield* applications()
}

/** An object as it comes from an API server: nothing of it is shared with anything. */
export function received(object: HubObject): { readonly key: string; readonly object: HubObject } {
  const fresh = JSON.parse(JSON.stringify(object)) as HubObject
  const { name, namespace = '' } = fresh.metadata as {
    readonly name: string
    readonly namespace?: string
  }
  return {
    key: `${String(fresh.apiVersion).split('/')[0]} ${fresh.kind} ${namespace}/${name}`,
    object: fresh,
  }
}
