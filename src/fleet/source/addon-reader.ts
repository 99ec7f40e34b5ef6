// Addons: ManagedClusterAddOn (how one is on a cluster), ClusterManagementAddOn (what it is called, how it rolls out), and
// the works that carry one.
// Both API versions keep what is read here in the same fields, but for the defaults' spelling.
// Source: facts/fleet.md §5, §6, §8.

import { readRolloutStrategy } from '../addon/rollout-strategy.ts'
import {
  type Condition,
  conditionOf,
  conditionsOf,
  fieldOf,
  isObject,
  labelOf,
  listOf,
  nameOf,
  namespaceOf,
  numberOf,
  textOf,
} from '../kube-object.ts'
import type {
  AddonConfig,
  AddonDefinitionPart,
  AddonPart,
  AddonPlacement,
  AddonState,
  AddonWorkPart,
  ConfigRevision,
  ManifestFailure,
} from '../model/parts.ts'
import { type Evidence, type Said, saidBy, saidByLack } from '../model/state.ts'

/** Failures that are kept of a work: the first say enough. */
const failureCountMax = 5
const messageLengthMax = 500

/** A ManagedClusterAddOn; its namespace is the cluster. */
export function readAddon(object: unknown): AddonPart {
  const conditions = conditionsOf(object)
  const cluster = namespaceOf(object)
  const name = nameOf(object)
  const by = { kind: 'ManagedClusterAddOn', namespace: cluster, name }
  return {
    part: 'addon',
    cluster,
    name,
    status: addonState(conditions, by),
    conditions,
    configs: listOf(object, 'status', 'configReferences').map(readConfig),
    ownConfigs: listOf(object, 'spec', 'configs').map((entry) => revisionOf(entry, entry)),
  }
}

/** A ClusterManagementAddOn. */
export function readAddonDefinition(object: unknown): AddonDefinitionPart {
  const name = nameOf(object)
  const displayName = textOf(object, 'spec', 'addOnMeta', 'displayName') || name
  const progressions = listOf(object, 'status', 'installProgressions')
  const isPlaced = textOf(object, 'spec', 'installStrategy', 'type') === 'Placements'
  const placements = listOf(object, 'spec', 'installStrategy', 'placements')
  const defaults = ['defaultconfigReferences', 'defaultConfigReferences']
  return {
    part: 'addon_definition',
    name,
    displayName,
    install: isPlaced ? 'Placements' : 'Manual',
    defaults: defaults
      .flatMap((field) => listOf(object, 'status', field))
      .flatMap((entry) => readConfig(entry).desired ?? []),
    placements: isPlaced ? placements.map((entry) => readPlacement(entry, progressions)) : [],
  }
}

function readPlacement(entry: unknown, progressions: readonly unknown[]): AddonPlacement {
  const namespace = textOf(entry, 'namespace')
  const name = textOf(entry, 'name')
  const progression = progressions.find(
    (one) => textOf(one, 'namespace') === namespace && textOf(one, 'name') === name,
  )
  const progress = conditionOf(conditionsOf(progression, ['conditions']), 'Progressing')
  return {
    namespace,
    name,
    strategy: readRolloutStrategy(fieldOf(entry, 'rolloutStrategy')),
    configs: listOf(progression, 'configReferences').map((one) => {
      const lastGood = fieldOf(one, 'lastKnownGoodConfig')
      return {
        ...readConfig(one),
        ...(isObject(lastGood) ? { lastGood: revisionOf(one, lastGood) } : {}),
      }
    }),
    ...(progress === undefined ? {} : { progress }),
  }
}

function readConfig(entry: unknown): AddonConfig {
  const desired = fieldOf(entry, 'desiredConfig')
  const applied = fieldOf(entry, 'lastAppliedConfig')
  return {
    ...(isObject(desired) ? { desired: revisionOf(entry, desired) } : {}),
    ...(isObject(applied) ? { applied: revisionOf(entry, applied) } : {}),
  }
}

function revisionOf(entry: unknown, config: unknown): ConfigRevision {
  const group = textOf(entry, 'group')
  const resource = textOf(entry, 'resource')
  return {
    resource: group === '' ? resource : `${resource}.${group}`,
    namespace: textOf(config, 'namespace'),
    name: textOf(config, 'name'),
    hash: textOf(config, 'specHash'),
  }
}

/** A work that carries an addon, undefined for its pre-delete hook, which is no part of a rollout. */
export function readAddonWork(object: unknown, addon: string): AddonWorkPart | undefined {
  const namespace = namespaceOf(object)
  const name = nameOf(object)
  if (name.startsWith(`addon-${addon}-pre-delete`)) return undefined
  const generation = numberOf(object, 'metadata', 'generation')
  // What the agent said of an older generation says nothing of this one.
  const current = listOf(object, 'status', 'conditions').filter((condition) => {
    const observed = numberOf(condition, 'observedGeneration')
    return observed === undefined || generation === undefined || observed === generation
  })
  const conditions = conditionsOf(current, [])
  const applied = conditionOf(conditions, 'Applied')
  const available = conditionOf(conditions, 'Available')
  const manifests = listOf(object, 'status', 'resourceStatus', 'manifests')
  return {
    part: 'addon_work',
    // Where the addon is hosted, its work is in the hosting cluster's namespace.
    cluster: labelOf(object, 'open-cluster-management.io/addon-namespace') ?? namespace,
    addon,
    namespace,
    name,
    manifestCount: listOf(object, 'spec', 'workload', 'manifests').length,
    ...(applied === undefined ? {} : { applied }),
    ...(available === undefined ? {} : { available }),
    failures: manifests.flatMap(failureOf).slice(0, failureCountMax),
  }
}

function failureOf(manifest: unknown): ManifestFailure | readonly [] {
  const applied = conditionOf(conditionsOf(manifest, ['conditions']), 'Applied')
  if (applied?.status !== 'False') return []
  return {
    kind: textOf(manifest, 'resourceMeta', 'kind'),
    namespace: textOf(manifest, 'resourceMeta', 'namespace'),
    name: textOf(manifest, 'resourceMeta', 'name'),
    message: applied.message.slice(0, messageLengthMax),
  }
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
