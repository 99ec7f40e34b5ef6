// Rows of policies and policy sets.
// Invariants: lists carry counts, single policies a page of their clusters; where clusters are left out, by scope or
// filter, compliance and counts are those over the clusters that are seen.
// Source: facts/fleet.md §9.

import { complianceOfClusters, complianceOfSet } from '../model/compliance.ts'
import type { Policy, PolicyOnCluster, PolicySet } from '../model/fleet.ts'
import { type Compliance, compliances } from '../model/parts.ts'
import type { Counts } from '../model/state.ts'
import { countColumn } from './cluster-table.ts'
import type { Item } from './fields.ts'
import { type Context, countsAt, type Row, rowKey, staleItem } from './row.ts'

interface Tally {
  readonly compliance: Compliance
  readonly counts: Counts<Compliance>
  readonly clusterCount: number
}

/** All policies that are seen. */
export function policyRows(context: Context): readonly Row[] {
  return context.policies.flatMap((policy) => {
    const tally = tallyOf(policy, context)
    if (tally === undefined) return []
    const { hub, namespace, name } = policy
    const parts = { hub, namespace, name, type: '', states: [tally.compliance] }
    const item = (): Item => policyItem(policy, tally, context)
    return [{ ...parts, key: rowKey(parts), item }]
  })
}

// Undefined where no cluster is seen that the policy is on.
function tallyOf(policy: Policy, { sight }: Context): Tally | undefined {
  const { compliance, counts, clusters } = policy
  if (sight.isWhole) return { compliance, counts, clusterCount: clusters.length }
  const seen = new Uint32Array(compliances.length)
  const clusterCount = countColumn(sight.table.ofPolicy(policy), sight.mask(''), seen)
  if (clusterCount === 0) return undefined
  return {
    compliance: complianceOfClusters(compliances.filter((_, code) => seen[code]! > 0)),
    counts: countsAt(compliances, seen),
    clusterCount,
  }
}

function policyItem(policy: Policy, tally: Tally, { view, sight, flaps }: Context): Item {
  const { hub, namespace, name } = policy
  const flapper = { kind: 'policy', hub, type: 'Policy', namespace, name, cluster: '' } as const
  return {
    hub,
    namespace,
    name,
    state: tally.compliance,
    // What is known of the policy as a whole says nothing of some of its clusters.
    sinceMs: sight.isWhole ? flaps.sinceMs(flapper, tally.compliance) : undefined,
    by: { kind: 'Policy', namespace, name, condition: 'status.status' },
    disabled: policy.disabled,
    remediation: policy.remediation,
    severity: policy.severity,
    description: policy.description,
    standards: policy.standards,
    categories: policy.categories,
    controls: policy.controls,
    placements: policy.placements,
    sets: policy.sets,
    automations: sight.scope === 'all' ? policy.automations : undefined,
    hubState: sight.scope === 'all' ? policy.hubState : undefined,
    clusterCount: tally.clusterCount,
    counts: tally.counts,
    flaps: sight.isWhole ? flaps.countOf(flapper, view.nowMs) : undefined,
  }
}

/** A policy on one cluster. `whole`: with the history of its templates, else the newest message of each. */
export function policyEntryItem(
  policy: Policy,
  entry: PolicyOnCluster,
  { flaps, view }: Context,
  detail: 'whole' | 'brief',
): Item {
  const { hub, namespace, name } = policy
  const { cluster, compliance, details } = entry
  const newest = details.find((template) => template.compliance === compliance)?.history[0]
  const isReplicated = details.length > 0
  const flapper = { kind: 'policy_on_cluster', hub, type: 'Policy', namespace, name } as const
  return {
    cluster,
    state: compliance,
    sinceMs: flaps.sinceMs({ ...flapper, cluster }, compliance) ?? newest?.atMs,
    message: newest?.message ?? '',
    by: isReplicated
      ? {
          kind: 'Policy',
          namespace: cluster,
          name: `${namespace}.${name}`,
          condition: 'status.details',
        }
      : { kind: 'Policy', namespace, name, condition: 'status.status' },
    ...staleItem(entry.stale),
    flaps: flaps.countOf({ ...flapper, cluster }, view.nowMs),
    templates: details.map(({ template, compliance: state, history }) => ({
      name: template,
      state,
      history: detail === 'whole' ? history : history.slice(0, 1),
    })),
  }
}

/** A policy without its clusters, undefined where it is not seen. */
export function policyObject(policy: Policy, context: Context): Item | undefined {
  const tally = tallyOf(policy, context)
  return tally === undefined ? undefined : policyItem(policy, tally, context)
}

/** All policy sets that are seen. */
export function policySetRows(context: Context): readonly Row[] {
  return context.view.fleet.policySets.flatMap((set) => {
    const item = policySetItem(set, context)
    if (item === undefined) return []
    const { hub, namespace, name } = set
    const parts = { hub, namespace, name, type: '', states: [String(item.state)] }
    return [{ ...parts, key: rowKey(parts), item: () => item }]
  })
}

/** A policy set, undefined where it is not seen. Members are judged on the clusters that are seen. */
export function policySetItem(set: PolicySet, context: Context): Item | undefined {
  const { view, sight, flaps } = context
  const { hub, namespace, name, description } = set
  const clusters = set.clusters.filter((cluster) => sight.has(hub, cluster, ''))
  if (clusters.length === 0 && !sight.isWhole) return undefined
  const judged = sight.isWhole ? set : judgeMembers(set, clusters, context)
  const flapper = {
    kind: 'policy_set',
    hub,
    type: 'PolicySet',
    namespace,
    name,
    cluster: '',
  } as const
  return {
    hub,
    namespace,
    name,
    description,
    state: judged.compliance,
    sinceMs: sight.isWhole ? flaps.sinceMs(flapper, judged.compliance) : undefined,
    message: judged.message,
    by: { kind: 'PolicySet', namespace, name, condition: 'status.compliant' },
    clusterCount: clusters.length,
    members: judged.members.map((member) => ({ name: member.name, state: member.compliance })),
    flaps: sight.isWhole ? flaps.countOf(flapper, view.nowMs) : undefined,
  }
}

function judgeMembers(
  set: PolicySet,
  clusters: readonly string[],
  { view }: Context,
): Pick<PolicySet, 'compliance' | 'message' | 'members'> {
  const seen = new Set(clusters)
  const members = set.members.map(({ name, compliance }) => {
    if (compliance === 'deleted' || compliance === 'disabled') return { name, compliance }
    const policy = view.fleet.policies.find(
      (one) => one.hub === set.hub && one.namespace === set.namespace && one.name === name,
    )
    const excluded = set.exclusions.get(name) ?? []
    const states = (policy?.clusters ?? []).flatMap((entry) =>
      seen.has(entry.cluster) && !excluded.includes(entry.cluster) ? entry.compliance : [],
    )
    return { name, compliance: complianceOfClusters(states) }
  })
  const known = members.map(({ name, compliance }) => ({
    name,
    compliance: compliance === 'deleted' ? undefined : compliance,
  }))
  return { ...complianceOfSet(known), members }
}
