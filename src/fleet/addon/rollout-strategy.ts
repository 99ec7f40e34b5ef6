// How a change of an addon goes over its clusters, as its author wrote it: read and checked.
// Invariants: a strategy with a mistake rolls nothing out, so it is no strategy.
// Units: durations in milliseconds.
// Source: facts/fleet.md §5.

import { parseDurationMs } from '../../model/index.ts'
import { fieldOf, listOf, numberOf, textOf } from '../kube-object.ts'

/** A number of clusters, or a part of all of them in percent. */
export type Threshold = { readonly count: number } | { readonly percent: number }

/** A decision group, by its name where it has one, else by its index. */
export type GroupReference = { readonly name: string } | { readonly index: number }

/** A strategy. */
export interface RolloutStrategy {
  readonly type: 'All' | 'Progressive' | 'ProgressivePerGroup'
  /** So long a cluster that has succeeded still takes a place. */
  readonly minSuccessMs: number
  /** So long a cluster may be progressing or failed; absent: for ever. */
  readonly deadlineMs?: number
  /** More failures than this, and nothing new begins. */
  readonly maxFailures: Threshold
  /** Clusters that change at a time; absent: all. */
  readonly maxConcurrency?: Threshold
  /** Groups that come first and may not fail. */
  readonly mandatoryGroups: readonly GroupReference[]
}

const fieldNames = {
  All: 'all',
  Progressive: 'progressive',
  ProgressivePerGroup: 'progressivePerGroup',
} as const

/** Reads a `rolloutStrategy`; absent = all at once. What cannot be read comes as a mistake. */
export function readRolloutStrategy(
  value: unknown,
): RolloutStrategy | { readonly mistake: string } {
  const type = textOf(value, 'type') || 'All'
  if (!isType(type)) return { mistake: `type "${type}" is no rollout strategy` }
  const own = fieldOf(value, fieldNames[type])
  const deadline = textOf(own, 'progressDeadline')
  const deadlineMs = deadline === '' || deadline === 'None' ? undefined : parseDurationMs(deadline)
  if (deadline !== '' && deadline !== 'None' && deadlineMs === undefined)
    return { mistake: `progressDeadline "${deadline}" is neither None nor a duration such as 10m` }
  const soak = textOf(own, 'minSuccessTime')
  const minSuccessMs = soak === '' ? 0 : parseDurationMs(soak)
  if (minSuccessMs === undefined) return { mistake: `minSuccessTime "${soak}" is no duration` }
  const maxFailures = readThreshold(fieldOf(own, 'maxFailures'))
  const maxConcurrency = readThreshold(fieldOf(own, 'maxConcurrency'))
  for (const threshold of [maxFailures, maxConcurrency])
    if (threshold !== undefined && 'mistake' in threshold) return threshold
  return {
    type,
    minSuccessMs: type === 'All' ? 0 : minSuccessMs,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    maxFailures: (maxFailures as Threshold | undefined) ?? { count: 0 },
    ...(maxConcurrency === undefined ? {} : { maxConcurrency: maxConcurrency as Threshold }),
    mandatoryGroups: listOf(own, 'mandatoryDecisionGroups').map(groupReference),
  }
}

function isType(type: string): type is RolloutStrategy['type'] {
  return Object.hasOwn(fieldNames, type)
}

function readThreshold(value: unknown): Threshold | { readonly mistake: string } | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return { count: value }
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(value) : null
  if (match !== null) return { percent: Number(match[1]) }
  return { mistake: `"${String(value)}" is neither a number of clusters nor a percentage` }
}

function groupReference(entry: unknown): GroupReference {
  const name = textOf(entry, 'groupName')
  return name === '' ? { index: numberOf(entry, 'groupIndex') ?? 0 } : { name }
}
