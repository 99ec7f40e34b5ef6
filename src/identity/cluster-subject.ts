// The subject of a cluster's certificate: one per cluster, exact, so that no cluster can be taken for another.
// It is the one that Open Cluster Management asks for the agent of an addon, with a stamp of the CA that issued it: a stamp that is not the
// CA's of today tells an agent to enrol again, and us how far a rotation is.
// Source: facts/fleet.md §7.

import type { JsonName } from '@peculiar/x509'

/** Name of the addon, in subjects and on the hub. */
export const addonName = 'crowsnest'

const agentName = 'crowsnest-agent'
const stampPrefix = 'ca-hash-'
// A ManagedCluster's name is a DNS label or subdomain.
const clusterPattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** Whose certificate it is, and which CA issued it. */
export interface ClusterSubject {
  readonly cluster: string
  /** See `Authority.stamp`. */
  readonly stamp: string
}

/** Whether a name can be a cluster's. */
export function isClusterName(name: string): boolean {
  return clusterPattern.test(name)
}

/** The user that a cluster's agent is. */
export function userOf(cluster: string): string {
  return `system:open-cluster-management:cluster:${cluster}:addon:${addonName}:agent:${agentName}`
}

/** The groups that a cluster's agent is in. */
export function groupsOf(cluster: string): readonly string[] {
  return [
    `system:open-cluster-management:cluster:${cluster}:addon:${addonName}`,
    `system:open-cluster-management:addon:${addonName}`,
  ]
}

/** The subject as names of a certificate. */
export function subjectNames({ cluster, stamp }: ClusterSubject): JsonName {
  return [
    { CN: [userOf(cluster)] },
    ...groupsOf(cluster).map((group) => ({ O: [group] })),
    { OU: [stampPrefix + stamp] },
  ]
}

/** The subject that names stand for; undefined unless they are exactly those of a cluster. */
export function readSubject(names: JsonName): ClusterSubject | undefined {
  const attributes = attributesOf(names)
  const user = attributes.find(([type]) => type === 'CN')?.[1] ?? ''
  const unit = attributes.find(([type]) => type === 'OU')?.[1] ?? ''
  const cluster = /^system:open-cluster-management:cluster:([^:]+):/.exec(user)?.[1] ?? ''
  if (!isClusterName(cluster) || !unit.startsWith(stampPrefix)) return undefined
  const subject = { cluster, stamp: unit.slice(stampPrefix.length) }
  return isSameName(names, subjectNames(subject)) ? subject : undefined
}

/** Whether two names have the same attributes, in any order and grouping. */
export function isSameName(one: JsonName, other: JsonName): boolean {
  const text = (names: JsonName): string => JSON.stringify(attributesOf(names).sort())
  return text(one) === text(other)
}

function attributesOf(names: JsonName): [type: string, value: string][] {
  return names.flatMap((part) =>
    Object.entries(part).flatMap(([type, values]) =>
      values.map((value): [string, string] => [
        type,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ),
  )
}
