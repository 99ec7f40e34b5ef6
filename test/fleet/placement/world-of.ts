// Small worlds for placement tests, written as Kubernetes objects and read by the readers under test.
import {
  type PlacementWorld,
  readCandidate,
  readClusterSet,
  readClusterSetBinding,
  readPlacement,
  readPlacementScore,
} from '../../../src/fleet/index.ts'

/** Noon of an arbitrary day: the clock of all placement tests. */
export const nowMs = Date.parse('2026-03-01T12:00:00Z')

interface ClusterOptions {
  readonly labels?: Readonly<Record<string, string>>
  readonly claims?: Readonly<Record<string, string>>
  readonly taints?: readonly object[]
  readonly cpu?: string
  readonly deleting?: boolean
}

/** A ManagedCluster of set `prod`, unless its labels say otherwise. */
export function cluster(name: string, options: ClusterOptions = {}): object {
  return {
    metadata: {
      name,
      labels: { 'cluster.open-cluster-management.io/clusterset': 'prod', ...options.labels },
      ...(options.deleting === true ? { deletionTimestamp: '2026-03-01T00:00:00Z' } : {}),
    },
    spec: { taints: options.taints ?? [] },
    status: {
      clusterClaims: Object.entries(options.claims ?? {}).map(([n, value]) => ({ name: n, value })),
      ...(options.cpu === undefined
        ? {}
        : { allocatable: { cpu: options.cpu }, capacity: { cpu: options.cpu } }),
    },
  }
}

/** A Placement `apps/web` with the given spec. */
export function placement(spec: object = {}, annotations: object = {}): object {
  return { metadata: { namespace: 'apps', name: 'web', annotations }, spec }
}

/** A world of the given clusters, with set `prod` bound into namespace `apps`. */
export function world(
  clusters: readonly object[],
  rest: {
    readonly sets?: readonly object[]
    readonly bindings?: readonly object[]
    readonly scores?: readonly object[]
    readonly decided?: Readonly<Record<string, readonly string[]>>
    readonly nowMs?: number
  } = {},
): PlacementWorld {
  const sets = rest.sets ?? [{ metadata: { name: 'prod' } }]
  const bindings = rest.bindings ?? [{ metadata: { namespace: 'apps', name: 'prod' } }]
  return {
    clusters: clusters.map(readCandidate),
    sets: sets.map(readClusterSet),
    bindings: bindings.map(readClusterSetBinding),
    scores: (rest.scores ?? []).map(readPlacementScore),
    decided: new Map(Object.entries(rest.decided ?? {})),
    nowMs: rest.nowMs ?? nowMs,
  }
}

/** The Placement object read. */
export function placed(
  spec: object = {},
  annotations: object = {},
): ReturnType<typeof readPlacement> {
  return readPlacement(placement(spec, annotations))
}
