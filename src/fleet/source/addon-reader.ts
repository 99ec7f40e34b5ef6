// Addons: ManagedClusterAddOn (how one is on a cluster) and ClusterManagementAddOn (what it is called).
// Both API versions keep what is read here in the same fields.
// Source: facts/fleet.md §6.

import {
  type Condition,
  conditionOf,
  conditionsOf,
  nameOf,
  namespaceOf,
  textOf,
} from '../kube-object.ts'
import type { AddonNamePart, AddonPart, AddonState } from '../model/parts.ts'
import { type Evidence, type Said, saidBy, saidByLack } from '../model/state.ts'

/** A ManagedClusterAddOn; its namespace is the cluster. */
export function readAddon(object: unknown): AddonPart {
  const conditions = conditionsOf(object)
  const cluster = namespaceOf(object)
  const name = nameOf(object)
  const by = { kind: 'ManagedClusterAddOn', namespace: cluster, name }
  return { part: 'addon', cluster, name, status: addonState(conditions, by), conditions }
}

/** A ClusterManagementAddOn. */
export function readAddonName(object: unknown): AddonNamePart {
  const name = nameOf(object)
  const displayName = textOf(object, 'spec', 'addOnMeta', 'displayName') || name
  return { part: 'addon_name', name, displayName }
}

// An addon that works while it rolls out its next configuration is available.
function addonState(conditions: readonly Condition[], by: Evidence): Said<AddonState> {
  const available = conditionOf(conditions, 'Available')
  const degraded = conditionOf(conditions, 'Degraded')
  const progressing = conditionOf(conditions, 'Progressing')
  if (available?.status === 'False') return saidBy('unavailable', available, by)
  if (available?.status === 'Unknown') return saidBy('unknown', available, by)
  if (degraded?.status === 'True') return saidBy('degraded', degraded, by)
  if (available !== undefined) return saidBy('available', available, by)
  if (progressing?.status === 'True') return saidBy('progressing', progressing, by)
  return saidByLack('not_reported', by, 'NoReport', 'the addon has not reported yet')
}
