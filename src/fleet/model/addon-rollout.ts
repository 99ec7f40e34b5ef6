// How far the configuration of an addon is on one cluster: which revision is wanted there, which is applied, and why
// it is not the same yet.
// Invariants: pure; the hub's own words decide where it says any; a work that could not be applied is a failure although
// stock addon managers go on calling that progress; what was applied once stays succeeded, whatever becomes of it.
// Units: times in Unix milliseconds.
// Source: facts/fleet.md §5, §6.

import { type Condition, conditionOf } from '../kube-object.ts'
import type {
  AddonDefinitionPart,
  AddonPart,
  AddonPlacement,
  AddonWorkPart,
  ConfigRevision,
} from './parts.ts'
import { type Evidence, type Said, saidBy, saidByLack } from './state.ts'

/** How far a rollout is on a cluster, worst first. */
export const rolloutStates = [
  'failed',
  'timed_out',
  'to_apply',
  'progressing',
  'succeeded',
] as const

/** See `rolloutStates`. */
export type RolloutState = (typeof rolloutStates)[number]

/** The rollout of an addon on one cluster. */
export interface AddonRollout {
  readonly status: Said<RolloutState>
  /** `NS/NAME` of the placement that it follows there; '' = none. */
  readonly placement: string
  /** What the hub wants on the cluster once it is its turn, in order of resource and name. */
  readonly wanted: readonly ConfigRevision[]
  /** What was applied last. */
  readonly applied: readonly ConfigRevision[]
  /** When it times out, where it is under way and has to end some time. */
  readonly dueMs?: number
  readonly works: readonly Omit<AddonWorkPart, 'part' | 'cluster' | 'addon'>[]
}

/** What an addon's rollout is judged by, beside the addon. */
export interface RolloutFacts {
  readonly definition: AddonDefinitionPart | undefined
  /** The placement that its cluster follows. */
  readonly placement: AddonPlacement | undefined
  readonly works: readonly AddonWorkPart[]
  readonly nowMs: number
}

// The hub refuses such a configuration at once, and no time makes it better.
const unsupported = 'ConfigurationUnsupported'

/** The rollout of an addon; undefined where nothing is configured and its manager says nothing of progress. */
export function rolloutOf(addon: AddonPart, facts: RolloutFacts): AddonRollout | undefined {
  const progressing = conditionOf(addon.conditions, 'Progressing')
  const desired = addon.configs.flatMap((config) => config.desired ?? [])
  const wanted = wantedConfigs(addon, desired, facts)
  if (progressing === undefined && desired.length === 0 && wanted.length === 0) return undefined
  const { placement, works } = facts
  const deadlineMs =
    placement !== undefined && 'type' in placement.strategy
      ? placement.strategy.deadlineMs
      : undefined
  const said = judge(addon, { desired, wanted, progressing, ...facts })
  const isUnderWay =
    said.state === 'progressing' || (said.state === 'failed' && said.reason !== unsupported)
  const dueMs =
    isUnderWay && deadlineMs !== undefined && progressing?.sinceMs !== undefined
      ? progressing.sinceMs + deadlineMs
      : undefined
  const isLate = dueMs !== undefined && facts.nowMs >= dueMs
  return {
    status: isLate ? { ...said, state: 'timed_out' } : said,
    placement: placement === undefined ? '' : `${placement.namespace}/${placement.name}`,
    wanted,
    applied: ordered(addon.configs.flatMap((config) => config.applied ?? [])),
    ...(dueMs === undefined ? {} : { dueMs }),
    works: works.map(({ part: _, cluster: __, addon: ___, ...work }) => work),
  }
}

interface Question extends RolloutFacts {
  readonly desired: readonly ConfigRevision[]
  readonly wanted: readonly ConfigRevision[]
  readonly progressing: Condition | undefined
}

function judge(addon: AddonPart, question: Question): Said<RolloutState> {
  const { desired, wanted, progressing, works, definition } = question
  const by = { kind: 'ManagedClusterAddOn', namespace: addon.cluster, name: addon.name }
  if (progressing?.reason === unsupported) return saidBy('failed', progressing, by)
  if (!isSame(wanted, desired)) {
    const hub = { kind: 'ClusterManagementAddOn', namespace: '', name: definition?.name ?? '' }
    const message = 'the rollout has not come to this cluster yet'
    return saidByLack('to_apply', hub, 'NotRolledOutYet', message)
  }
  const isPending =
    desired.length === 0
      ? progressing?.reason !== 'Completed'
      : addon.configs.some((config) => !isSame(listOf(config.desired), listOf(config.applied)))
  if (!isPending) return saidOr('succeeded', progressing, 'Completed', by)
  const failed = works.find(({ applied }) => applied?.status === 'False')
  if (failed !== undefined) return saidByWork(failed)
  if (progressing?.reason === 'Failed') return saidBy('failed', progressing, by)
  return saidOr('progressing', progressing, undefined, by)
}

// The condition says it where it has the reason that goes with the state; else it speaks of something else.
function saidOr(
  state: RolloutState,
  progressing: Condition | undefined,
  reason: string | undefined,
  by: Evidence,
): Said<RolloutState> {
  const isSaid = progressing !== undefined && (reason ?? progressing.reason) === progressing.reason
  if (isSaid) return saidBy(state, progressing, by)
  return saidByLack(
    state,
    by,
    'ConfigReferences',
    'the configuration that was applied last says so',
  )
}

function saidByWork({ namespace, name, applied, failures }: AddonWorkPart): Said<RolloutState> {
  const [first] = failures
  const object = first === undefined ? '' : `${first.kind} ${pathOf(first)}: ${first.message}`
  const said = saidBy('failed', applied!, { kind: 'ManifestWork', namespace, name })
  return object === '' ? said : { ...said, message: object }
}

function pathOf({ namespace, name }: { readonly namespace: string; readonly name: string }) {
  return namespace === '' ? name : `${namespace}/${name}`
}

// Defaults, over them what the placement has, over them what the addon on the cluster names itself, by resource. Where the
// hub says nothing of defaults and placements, what it has sent to the cluster is what it wants there.
function wantedConfigs(
  { configs, ownConfigs }: AddonPart,
  desired: readonly ConfigRevision[],
  { definition, placement }: RolloutFacts,
): readonly ConfigRevision[] {
  const placed = (placement?.configs ?? []).flatMap((config) => config.desired ?? [])
  if ((definition?.defaults ?? []).length + placed.length === 0) return ordered(desired)
  const own = ownConfigs.map(
    (config) =>
      configs.flatMap((one) => one.desired ?? []).find((one) => keyOf(one) === keyOf(config)) ??
      config,
  )
  return ordered(over(over(definition?.defaults ?? [], placed), own))
}

function over(
  below: readonly ConfigRevision[],
  above: readonly ConfigRevision[],
): readonly ConfigRevision[] {
  const resources = new Set(above.map(({ resource }) => resource))
  return [...below.filter(({ resource }) => !resources.has(resource)), ...above]
}

// A hash that is not known is no difference.
function isSame(one: readonly ConfigRevision[], other: readonly ConfigRevision[]): boolean {
  if (one.length !== other.length) return false
  const others = new Map(other.map((config) => [keyOf(config), config.hash]))
  return one.every((config) => {
    const hash = others.get(keyOf(config))
    return hash !== undefined && (hash === config.hash || hash === '' || config.hash === '')
  })
}

function ordered(configs: readonly ConfigRevision[]): readonly ConfigRevision[] {
  return configs.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

function keyOf({ resource, namespace, name }: ConfigRevision): string {
  return `${resource} ${namespace}/${name}`
}

function listOf(config: ConfigRevision | undefined): readonly ConfigRevision[] {
  return config === undefined ? [] : [config]
}
