// Which clusters of a hub may have certificates and write: pure, from ManagedClusters and our ManagedClusterAddOns.
// Signing and what gateways are told both come from here, so that they cannot disagree.
// Invariants: a cluster that cannot be judged may not; clusterIDs are unique, as a cluster reports its own and may report another's.
// Source: facts/fleet.md §2, §6, §15.

import type { ClusterStanding } from '../../identity/index.ts'
import { type ApiObject, fieldOf, textOf } from '../../kube/index.ts'
import type { Note } from '../part.ts'
import { deniedAnnotation, tenantAnnotation, validFromAnnotation } from './kinds.ts'

/** Standings in the order of names, and what is odd about them. */
export interface Standings {
  readonly clusters: readonly ClusterStanding[]
  readonly notes: readonly Note[]
}

/** How the clusters of a hub stand. `addonOf` gives our addon on a cluster. */
export function standingsOf(
  clusters: readonly ApiObject[],
  addonOf: (cluster: string) => ApiObject | undefined,
): Standings {
  const ids = clusterIds(clusters)
  return {
    clusters: clusters.map((cluster) => {
      const { name } = cluster.metadata
      const reason = refusalOf(cluster, addonOf(name))
      return {
        cluster: name,
        clusterId: ids.byCluster.get(name) ?? name,
        tenant: annotationOf(cluster, tenantAnnotation),
        state: reason === '' ? 'enrolled' : 'revoked',
        reason,
        validFromMs: validFromMsOf(cluster),
        revokedSerials: [],
      }
    }),
    notes: ids.notes,
  }
}

/** Why a cluster may have no certificate; '' when it may. */
function refusalOf(cluster: ApiObject, addon: ApiObject | undefined): string {
  if (cluster.metadata.deletionTimestamp !== undefined) return 'it is being deleted from the hub'
  if (fieldOf(cluster, 'spec', 'hubAcceptsClient') !== true) return 'the hub does not accept it'
  const denied = annotationOf(cluster, deniedAnnotation)
  if (denied !== '') return denied
  if (addon === undefined) return 'no placement of the addon selects it'
  return addon.metadata.deletionTimestamp === undefined ? '' : 'the addon is being taken from it'
}

// A cluster that was deleted and came back under the same name is another one.
function validFromMsOf(cluster: ApiObject): number {
  const createdMs = timeMsOf(textOf(cluster, 'metadata', 'creationTimestamp'))
  return Math.max(createdMs, timeMsOf(annotationOf(cluster, validFromAnnotation)))
}

function timeMsOf(text: string): number {
  const timeMs = Date.parse(text)
  return Number.isNaN(timeMs) ? 0 : timeMs
}

function annotationOf({ metadata }: ApiObject, name: string): string {
  const { annotations = {} } = metadata
  return Object.hasOwn(annotations, name) ? annotations[name]! : ''
}

// The oldest keeps an ID; names are everybody's own.
function clusterIds(clusters: readonly ApiObject[]): {
  readonly byCluster: ReadonlyMap<string, string>
  readonly notes: readonly Note[]
} {
  const owners = new Map(clusters.map(({ metadata: { name } }) => [name, name]))
  const byCluster = new Map<string, string>()
  const notes: Note[] = []
  const createdMs = (cluster: ApiObject): number =>
    timeMsOf(textOf(cluster, 'metadata', 'creationTimestamp'))
  for (const cluster of [...clusters].sort((a, b) => createdMs(a) - createdMs(b))) {
    const { name } = cluster.metadata
    const id = claimOf(cluster, 'id.k8s.io') || claimOf(cluster, 'id.openshift.io') || name
    const owner = owners.get(id) ?? name
    if (owner === name) {
      owners.set(id, name)
      byCluster.set(name, id)
      continue
    }
    const text = `it reports the ID ${id}, which is that of ${owner}; clusterID is its name`
    notes.push({ level: 'warn', about: `cluster ${name}`, text })
  }
  return { byCluster, notes }
}

function claimOf(cluster: ApiObject, name: string): string {
  const claims = fieldOf(cluster, 'status', 'clusterClaims')
  if (!Array.isArray(claims)) return ''
  const claim = (claims as readonly unknown[]).find((one) => textOf(one, 'name') === name)
  return textOf(claim, 'value')
}
