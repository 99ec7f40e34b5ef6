// States and how they add up: what a source says of a thing, since when, why, and which object says so.
// Invariants: counts are kept per state, never only the worst; nothing at all is `empty`, which is not healthy.
// Source: facts/fleet.md §15, rules for aggregation.

import type { Condition } from '../kube-object.ts'

/** The object, and the condition on it, that says something. */
export interface Evidence {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly condition?: string
}

/** A state with where it comes from. `sinceMs` is Unix milliseconds, where the source says it. */
export interface Said<S extends string> {
  readonly state: S
  readonly sinceMs?: number
  readonly reason: string
  readonly message: string
  readonly by: Evidence
}

/** Health of anything that runs, worst first. */
export const healths = ['failed', 'unknown', 'pending', 'progressing', 'healthy'] as const

/** See `healths`. */
export type Health = (typeof healths)[number]

/** How many things are in each state. */
export type Counts<S extends string> = Readonly<Record<S, number>>

/** Counts states; every state of `all` has a count, also 0. */
export function countStates<S extends string>(all: readonly S[], found: Iterable<S>): Counts<S> {
  const counts = Object.fromEntries(all.map((state) => [state, 0])) as Record<S, number>
  for (const state of found) counts[state]++
  return counts
}

/** Sums counts of the same states. */
export function addCounts<S extends string>(
  all: readonly S[],
  list: Iterable<Counts<S>>,
): Counts<S> {
  const sums = Object.fromEntries(all.map((state) => [state, 0])) as Record<S, number>
  for (const counts of list) for (const state of all) sums[state] += counts[state]
  return sums
}

/** The worst health that occurs, or `empty` where nothing does. */
export function worstOf(counts: Counts<Health>): Health | 'empty' {
  return healths.find((health) => counts[health] > 0) ?? 'empty'
}

/** A state that a condition says. */
export function saidBy<S extends string>(
  state: S,
  condition: Condition,
  object: Omit<Evidence, 'condition'>,
): Said<S> {
  const { sinceMs, reason, message, type } = condition
  return {
    state,
    ...(sinceMs === undefined ? {} : { sinceMs }),
    reason,
    message,
    by: { ...object, condition: type },
  }
}

/** A state that follows from what an object lacks. */
export function saidByLack<S extends string>(
  state: S,
  object: Evidence,
  reason: string,
  message: string,
): Said<S> {
  return { state, reason, message, by: object }
}
