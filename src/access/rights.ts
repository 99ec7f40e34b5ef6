// Rights: what a subject may do, as bindings grant it. Rights of several bindings add up; nothing takes rights away.

import type { ClusterScope, Scope, TenantRights } from '../model/index.ts'
import type { WritingCluster } from './cluster-caller.ts'

/** Somebody whose credentials hold. */
export interface Subject {
  readonly name: string
  readonly groups: readonly string[]
  /** What its credentials are: an authority trusts the names of some and not of others. */
  readonly provedBy: 'static' | 'oidc' | 'kubernetes' | 'certificate'
  /** The cluster that it is, where its credentials are bound to one: authorities are not asked then. */
  readonly cluster?: WritingCluster
}

/** What somebody may do. No tenant to read, or a scope without clusters, is no right to read. */
export interface Rights {
  /** Operations: reload, log level, deletion, snapshots, configuration, everyone's queries. */
  readonly isAdmin: boolean
  readonly mayRead: TenantRights
  readonly mayWrite: TenantRights
  readonly scope: Scope
}

/** No right at all. */
export const noRights: Rights = {
  isAdmin: false,
  mayRead: [],
  mayWrite: [],
  scope: { clusters: new Map() },
}

/**
 * What any of the rights allow. Tenants and scopes add up apart: who reads tenant a in cluster east by one binding and
 * tenant b in cluster west by another reads both tenants in both clusters.
 */
export function addRights(list: Iterable<Rights>): Rights {
  let sum = noRights
  for (const rights of list) {
    sum = {
      isAdmin: sum.isAdmin || rights.isAdmin,
      mayRead: addTenants(sum.mayRead, rights.mayRead),
      mayWrite: addTenants(sum.mayWrite, rights.mayWrite),
      scope: addScopes(sum.scope, rights.scope),
    }
  }
  return sum
}

function addTenants(one: TenantRights, other: TenantRights): TenantRights {
  return one === 'all' || other === 'all' ? 'all' : [...new Set([...one, ...other])].sort()
}

/** What any of two scopes shows. */
export function addScopes(one: Scope, other: Scope): Scope {
  if (one === 'all' || other === 'all') return 'all'
  const clusters = new Map(one.clusters)
  for (const [cluster, namespaces] of other.clusters)
    clusters.set(cluster, addNamespaces(clusters.get(cluster), namespaces))
  return { clusters }
}

function addNamespaces(one: ClusterScope | undefined, other: ClusterScope): ClusterScope {
  if (one === undefined) return other
  return one === 'all' || other === 'all' ? 'all' : new Set([...one, ...other])
}
