// Rules and alerts as the HTTP API shows them.
// Source: facts/prometheus.md §3.4.

import type { Alert, Alerts } from './alert-state.ts'
import { activeAlerts } from './alert-state.ts'
import { plainLabels } from './evaluation.ts'
import type { StringMap } from './rule-file.ts'
import type { RunningGroup } from './rule-service.ts'
import type { RuleState } from './rule-state.ts'
import { formatE } from './template/go-number.ts'

/** One alert. */
export interface AlertView {
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly state: string
  readonly activeAt: string
  readonly keepFiringSince?: string
  readonly value: string
}

interface RuleViewBase {
  readonly name: string
  readonly query: string
  readonly labels: StringMap
  readonly health: string
  readonly lastError?: string
  readonly evaluationTime: number
  readonly lastEvaluation: string
}

/** A recording rule. */
export interface RecordingView extends RuleViewBase {
  readonly type: 'recording'
}

/** An alerting rule; durations in seconds. */
export interface AlertingView extends RuleViewBase {
  readonly type: 'alerting'
  readonly state: string
  readonly duration: number
  readonly keepFiringFor: number
  readonly annotations: StringMap
  /** null where alerts were not asked for. */
  readonly alerts: readonly AlertView[] | null
}

/** One rule. */
export type RuleView = RecordingView | AlertingView

/** One group. */
export interface GroupView {
  readonly name: string
  readonly file: string
  readonly rules: readonly RuleView[]
  readonly interval: number
  readonly limit: number
  readonly partialResponseStrategy: 'ABORT' | 'WARN'
  readonly evaluationTime: number
  readonly lastEvaluation: string
}

/** Whether somebody may see an alert of these labels. */
export type AlertFilter = (labels: StringMap) => boolean

/** A group with the alerts that `isVisible`; `withAlerts` false leaves all of them out. */
export function viewGroup(
  { state }: RunningGroup,
  withAlerts: boolean,
  isVisible: AlertFilter = () => true,
): GroupView {
  const { group, context } = state
  return {
    name: group.name,
    file: group.file,
    rules: state.states.map((rule) => viewRule(rule, withAlerts, isVisible)),
    interval: context.intervalMs / 1000,
    limit: group.limit,
    partialResponseStrategy: group.partialResponse === 'warn' ? 'WARN' : 'ABORT',
    evaluationTime: state.evaluationMs / 1000,
    lastEvaluation: timeText(state.lastEvaluationMs),
  }
}

/** Pending and firing alerts of a group that `isVisible`. */
export function viewAlerts(
  { state }: RunningGroup,
  isVisible: AlertFilter = () => true,
): AlertView[] {
  return state.states.flatMap(({ alerts }) => visibleAlerts(alerts, isVisible).map(viewAlert))
}

function visibleAlerts(alerts: Alerts, isVisible: AlertFilter): Alert[] {
  return activeAlerts(alerts).filter(({ labels }) => isVisible(plainLabels(labels)))
}

function viewRule(state: RuleState, withAlerts: boolean, isVisible: AlertFilter): RuleView {
  const { rule, health } = state
  const tail = {
    health: health.health,
    ...(health.lastError === '' ? {} : { lastError: health.lastError }),
    evaluationTime: health.evaluationMs / 1000,
    lastEvaluation: timeText(health.lastEvaluationMs),
  }
  const { name, query, labels } = rule
  if (rule.kind === 'record') return { name, query, labels, ...tail, type: 'recording' }
  const active = visibleAlerts(state.alerts, isVisible)
  const states = new Set(active.map((alert) => alert.state))
  const highest = states.has('firing') ? 'firing' : states.has('pending') ? 'pending' : 'inactive'
  return {
    state: health.lastEvaluationMs > 0 ? highest : 'unknown',
    name,
    query,
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    labels,
    annotations: rule.annotations,
    alerts: withAlerts ? active.map(viewAlert) : null,
    ...tail,
    type: 'alerting',
  }
}

function viewAlert(alert: Alert): AlertView {
  const { labels, annotations, state, activeAtMs, keepFiringSinceMs, value } = alert
  const since =
    keepFiringSinceMs === 0 ? {} : { keepFiringSince: new Date(keepFiringSinceMs).toISOString() }
  return {
    labels: plainLabels(labels),
    annotations,
    state,
    activeAt: new Date(activeAtMs).toISOString(),
    ...since,
    value: typeof value === 'number' ? formatE(value) : value,
  }
}

// Go's zero time stands for "never".
function timeText(timeMs: number): string {
  return timeMs === 0 ? '0001-01-01T00:00:00Z' : new Date(timeMs).toISOString()
}
