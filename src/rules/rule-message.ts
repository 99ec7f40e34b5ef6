// Rule groups as Thanos' messages. Source: facts/thanos.md §1.6.

import { thanos } from '../encoding/index.ts'
import type { StringMap } from './rule-file.ts'
import type { AlertingView, AlertView, GroupView, RuleView } from './rule-view.ts'

/** How Thanos numbers alert states: as it does from v0.41 on, or as before, when there was no state unknown. */
export type StateNumbering = 'v0.41' | 'before v0.41'

const stateNames = ['unknown', 'inactive', 'pending', 'firing']

function stateNumber(name: string, numbering: StateNumbering): thanos.AlertState {
  const number = stateNames.indexOf(name)
  return numbering === 'v0.41' ? number : Math.max(0, number - 1)
}

/** The message of a group. */
export function groupMessage(group: GroupView, numbering: StateNumbering): thanos.IRuleGroup {
  const strategy = thanos.PartialResponseStrategy[group.partialResponseStrategy]
  return {
    name: group.name,
    file: group.file,
    rules: group.rules.map((rule) => ruleMessage(rule, strategy, numbering)),
    interval: group.interval,
    evaluationDurationSeconds: group.evaluationTime,
    lastEvaluation: timestampOf(group.lastEvaluation),
    partialResponseStrategy: strategy,
    limit: group.limit,
  }
}

function ruleMessage(
  rule: RuleView,
  strategy: thanos.PartialResponseStrategy,
  numbering: StateNumbering,
): thanos.IRule {
  const shared = {
    name: rule.name,
    query: rule.query,
    labels: labelSet(rule.labels),
    health: rule.health,
    lastError: rule.lastError ?? '',
    evaluationDurationSeconds: rule.evaluationTime,
    lastEvaluation: timestampOf(rule.lastEvaluation),
  }
  if (rule.type === 'recording') return { recording: shared }
  return { alert: { ...shared, ...alertFields(rule, strategy, numbering) } }
}

function alertFields(
  rule: AlertingView,
  partialResponseStrategy: thanos.PartialResponseStrategy,
  numbering: StateNumbering,
): thanos.IAlert {
  return {
    state: stateNumber(rule.state, numbering),
    durationSeconds: rule.duration,
    keepFiringForSeconds: rule.keepFiringFor,
    annotations: labelSet(rule.annotations),
    alerts: (rule.alerts ?? []).map((alert) => ({
      ...instanceMessage(alert, numbering),
      partialResponseStrategy,
    })),
  }
}

function instanceMessage(alert: AlertView, numbering: StateNumbering): thanos.IAlertInstance {
  return {
    labels: labelSet(alert.labels),
    annotations: labelSet(alert.annotations),
    state: stateNumber(alert.state, numbering),
    activeAt: timestampOf(alert.activeAt),
    value: alert.value,
  }
}

function labelSet(texts: StringMap): thanos.ILabelSet {
  const names = Object.keys(texts).sort()
  return { labels: names.map((name) => ({ name, value: texts[name]! })) }
}

function timestampOf(text: string) {
  const ms = Date.parse(text)
  const seconds = Math.floor(ms / 1000)
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 }
}
