// The two filters of the scheduler: predicates, then taints and tolerations.
// Each says per cluster why it removed it (undefined: it stays), and what is wrong with the placement.
// Invariants: predicates are ORed, what stands within one is ANDed; time is passed in.
// Source: facts/fleet.md §4, steps 4 and 5.

import {
  expressionMistake,
  firstUntrue,
  type ScoreItems,
  type StepBudget,
} from '../cel/cluster-expressions.ts'
import { firstUnmet, matchesSelector, selectorMistake } from '../label-selector.ts'
import type { Candidate, ClusterSelector, PlacementScore, Taint, Toleration } from './world.ts'

/** What is wrong with a selector; undefined where nothing is. */
export function clusterSelectorMistake(selector: ClusterSelector): string | undefined {
  const mistake = selectorMistake(selector.labels) ?? selectorMistake(selector.claims)
  if (mistake !== undefined) return mistake
  for (const expression of selector.celExpressions) {
    const wrong = expressionMistake(expression)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** True where a cluster's labels and claims match. */
export function selectsCluster(selector: ClusterSelector, cluster: Candidate): boolean {
  return (
    matchesSelector(selector.labels, cluster.labels) &&
    matchesSelector(selector.claims, cluster.claims)
  )
}

/** What CEL expressions need beside the cluster. */
export interface CelParts {
  readonly scores: readonly PlacementScore[]
  readonly budget: StepBudget
}

/** Why no predicate matches the cluster, or undefined where one does (or there are none). */
export function predicateRemoves(
  predicates: readonly ClusterSelector[],
  cluster: Candidate,
  cel: CelParts,
): string | undefined {
  const reasons: string[] = []
  for (const [index, predicate] of predicates.entries()) {
    const what = unmet(predicate, cluster, cel)
    if (what === undefined) return undefined
    reasons.push(predicates.length === 1 ? what : `predicate ${index + 1}: ${what}`)
  }
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

function unmet(
  { labels, claims, celExpressions }: ClusterSelector,
  cluster: Candidate,
  { scores, budget }: CelParts,
): string | undefined {
  const label = firstUnmet(labels, cluster.labels)
  if (label !== undefined) return `label ${label}`
  const claim = firstUnmet(claims, cluster.claims)
  if (claim !== undefined) return `claim ${claim}`
  if (celExpressions.length === 0) return undefined
  const { object, name } = cluster
  const scoresOf = (resourceName: string): ScoreItems | undefined =>
    scores.find((one) => one.cluster === name && one.resourceName === resourceName)?.scores
  return firstUntrue(celExpressions, { object, scores: scoresOf }, budget)
}

/** What is wrong with the tolerations; undefined where nothing is. */
export function tolerationMistake(tolerations: readonly Toleration[]): string | undefined {
  for (const { key, operator, value } of tolerations) {
    if (operator !== '' && operator !== 'Equal' && operator !== 'Exists')
      return `"${operator}" is not an operator of a toleration: use Equal or Exists`
    if (key === '' && operator !== 'Exists') return 'a toleration without key needs operator Exists'
    if (operator === 'Exists' && value !== '')
      return `the toleration of "${key}" has operator Exists and a value`
  }
  return undefined
}

/** When a toleration of a taint runs out in Unix milliseconds (Infinity: never), undefined where it does not match. */
export function toleratedUntilMs(taint: Taint, toleration: Toleration): number | undefined {
  if (toleration.effect !== '' && toleration.effect !== taint.effect) return undefined
  if (toleration.key !== '' && toleration.key !== taint.key) return undefined
  if (toleration.operator !== 'Exists' && toleration.value !== taint.value) return undefined
  if (toleration.tolerationSeconds === undefined) return Number.POSITIVE_INFINITY
  // A taint without a time was added before anything we know of.
  return (taint.timeAddedMs ?? Number.NEGATIVE_INFINITY) + toleration.tolerationSeconds * 1000
}

/** The outcome of the taint filter for one cluster. */
export interface TaintVerdict {
  /** Why the cluster is removed; undefined where it stays. */
  readonly removed?: string
  /** When the first of its tolerations runs out, where one does. */
  readonly recheckAtMs?: number
}

/** Judges the taints of one cluster. `isDecided`: this placement has decided the cluster already. */
export function judgeTaints(
  cluster: Candidate,
  tolerations: readonly Toleration[],
  { isDecided, nowMs }: { readonly isDecided: boolean; readonly nowMs: number },
): TaintVerdict {
  let recheckAtMs = Number.POSITIVE_INFINITY
  for (const taint of cluster.taints) {
    if (taint.effect === 'PreferNoSelect') continue
    if (taint.effect === 'NoSelectIfNew' && isDecided) continue
    const ends = tolerations.flatMap((toleration) => toleratedUntilMs(taint, toleration) ?? [])
    // The first toleration that still holds decides, as on the hub; it is asked again when it runs out.
    const until = ends.find((endMs) => nowMs < endMs)
    if (until === undefined) return { removed: explainTaint(taint, ends) }
    recheckAtMs = Math.min(recheckAtMs, until)
  }
  return Number.isFinite(recheckAtMs) ? { recheckAtMs } : {}
}

function explainTaint(taint: Taint, ends: readonly number[]): string {
  const value = taint.value === '' ? '' : `=${taint.value}`
  const why = ends.length === 0 ? 'is not tolerated' : 'is not tolerated any more (time ran out)'
  return `taint ${taint.key}${value}:${taint.effect} ${why}`
}
