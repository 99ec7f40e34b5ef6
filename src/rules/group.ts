// A rule group over time: its rules are evaluated one after the other, each seeing what those before it wrote.
// Here: evaluation, restoring, taking over from an earlier version of the group or another ruler. Elsewhere: when it is due (slot.ts).

import type { Labels } from '../model/index.ts'
import { labelsKey, staleWrite } from './evaluation.ts'
import type { Rule, RuleGroup } from './rule-file.ts'
import { type RuleContext, RuleState } from './rule-state.ts'

/** A group that can be evaluated. */
export class GroupState {
  readonly group: RuleGroup
  readonly context: RuleContext
  readonly states: readonly RuleState[]
  evaluationMs = 0
  lastEvaluationMs = 0
  #isRestored: boolean
  #ended: Labels[] = []

  /** `isRestored` = there is no state of an earlier process to wait for. */
  constructor(group: RuleGroup, context: RuleContext, isRestored: boolean) {
    this.group = group
    this.context = context
    this.states = group.rules.map((rule) => new RuleState(rule))
    this.#isRestored = isRestored
  }

  /** Whether ALERTS and ALERTS_FOR_STATE are written. */
  get isRestored(): boolean {
    return this.#isRestored
  }

  /** Takes over alerts and series of an earlier version; series of rules that are gone end at the next evaluation. */
  adopt(other: GroupState): void {
    const left = Map.groupBy(other.states, (state) => identity(state.rule))
    for (const state of this.states) {
      const match = left.get(identity(state.rule))?.shift()
      if (match !== undefined) state.adopt(match)
    }
    const kept = new Set(this.states.flatMap((state) => [...state.written.keys()]))
    this.#ended = [...other.#ended]
    for (const state of [...left.values()].flat()) {
      for (const [key, labels] of state.written) if (!kept.has(key)) this.#ended.push(labels)
    }
    this.#isRestored = other.#isRestored
    this.lastEvaluationMs = other.lastEvaluationMs
  }

  /** Evaluates every rule at `timeMs`. `stop` is asked between rules. */
  async evaluate(timeMs: number, stop: () => boolean = () => false): Promise<void> {
    const startMs = performance.now()
    for (const state of this.states) {
      if (stop()) return
      await state.evaluate(timeMs, this.context, this.#isRestored)
    }
    await this.#endSeries(timeMs)
    this.evaluationMs = performance.now() - startMs
    this.lastEvaluationMs = this.context.ports.nowMs()
  }

  /** Restores `for` states from what was stored; from then on ALERTS series are written. */
  async restore(): Promise<void> {
    for (const state of this.states) await state.restore(this.context)
    this.#isRestored = true
  }

  /**
   * Goes on with what another ruler evaluated until now, before the evaluation at `timeMs`. Where it left nothing that is
   * recent enough, restoring is as after an outage.
   */
  async takeOver(timeMs: number): Promise<void> {
    for (const state of this.states)
      if (await state.takeOver(timeMs, this.context)) this.#isRestored = true
  }

  /** Ends every series that the group wrote; for a group that is gone. */
  async end(timeMs: number): Promise<void> {
    for (const state of this.states) {
      this.#ended.push(...state.written.values())
      state.written = new Map()
    }
    await this.#endSeries(timeMs)
  }

  async #endSeries(timeMs: number): Promise<void> {
    if (this.#ended.length === 0) return
    const atMs = timeMs - this.context.queryOffsetMs
    const written = new Set(this.states.flatMap((state) => [...state.written.keys()]))
    const ended = this.#ended.filter((labels) => !written.has(labelsKey(labels)))
    this.#ended = []
    if (ended.length > 0)
      await this.context.ports.append(ended.map((labels) => staleWrite(labels, atMs)))
  }
}

function identity(rule: Rule): string {
  const labels = Object.entries(rule.labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([rule.kind, rule.name, labels])
}
