// A cluster as a caller, whatever it proved itself with: it writes under its own labels to its own tenant, and reads nothing.

import type { Caller } from '../model/index.ts'

/** A cluster that writes. */
export interface WritingCluster {
  readonly cluster: string
  /** The label `clusterID` of its samples. */
  readonly clusterId: string
  /** The tenant it writes to; '' = the default one. */
  readonly tenant: string
}

/** The caller that a cluster is. Its key is the same for all its credentials, as they fix the same labels. */
export function clusterCaller(writing: WritingCluster, defaultTenant: string): Caller {
  const { cluster, clusterId } = writing
  const tenant = writing.tenant === '' ? defaultTenant : writing.tenant
  return {
    name: `cluster ${cluster}`,
    identity: {
      key: `cluster:${cluster}:${clusterId}`,
      tenant,
      labels: { cluster, clusterID: clusterId },
    },
    isAdmin: false,
    mayRead: [],
    mayWrite: [tenant],
    scope: { clusters: new Map() },
  }
}
