// What rules ask and write: the seam between a group and the rest of the process.
// Units: Unix milliseconds.

import type { FloatHistogram, Label, Labels } from '../model/index.ts'
import { sortLabels } from '../model/index.ts'
import type { DueAlert } from './alert-state.ts'
import type { AlertingRule, StringMap } from './rule-file.ts'

/** One sample of a vector. */
export interface RuleSample {
  readonly labels: Labels
  readonly value: number
  readonly histogram: FloatHistogram | undefined
}

/** One sample to write, or the end of a series. */
export interface RuleWrite extends RuleSample {
  readonly timestampMs: number
  readonly isStale: boolean
}

/** An instant query. A scalar counts as a vector of one sample without labels. */
export interface RuleQuery {
  readonly query: string
  readonly timeMs: number
  /** Undefined = as the engine is configured. */
  readonly lookbackMs?: number
  /** Wall-clock time at which the evaluation of the rule is given up. */
  readonly deadlineMs: number
}

/** What a group needs. All reject with Error. */
export interface GroupPorts {
  query(ask: RuleQuery): Promise<readonly RuleSample[]>
  /** Resolves when later queries see the samples. */
  append(writes: readonly RuleWrite[]): Promise<void>
  /** Hands alerts to Alertmanager's queue; never waits. */
  notify(rule: AlertingRule, alerts: readonly DueAlert[]): void
  nowMs(): number
}

/** Equal for equal labels. */
export function labelsKey(labels: Labels): string {
  return labels.map(({ name, value }) => `${name}\u0000${value}`).join('\u0001')
}

/** Labels with others set over them; empty values take labels away. */
export function overlay(labels: Labels, over: StringMap): Labels {
  const merged = new Map(labels.map(({ name, value }) => [name, value]))
  for (const [name, value] of Object.entries(over)) merged.set(name, value)
  return sortLabels([...merged].map(([name, value]): Label => ({ name, value })))
}

/** Labels as a plain object. */
export function plainLabels(labels: Labels): StringMap {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]))
}

/** A sample that ends a series. */
export function staleWrite(labels: Labels, timestampMs: number): RuleWrite {
  return { labels, timestampMs, value: 0, histogram: undefined, isStale: true }
}
