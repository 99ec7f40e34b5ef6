// Alert states of one rule: inactive, pending, firing, kept firing, resolved. A pure machine: old alerts and what an
// evaluation found become new alerts.
// Units: Unix milliseconds; 0 = has not happened. Invariants: an inactive alert is a resolved one; a pending alert that
// is not found again leaves no trace.
// Source: facts §9.2, §9.6; Prometheus rules/alerting.go.

import type { Labels } from '../model/index.ts'
import type { StringMap } from './rule-file.ts'

/** Where an alert stands; a resolved alert is inactive. */
export type AlertState = 'inactive' | 'pending' | 'firing'

/** What one evaluation says of an alert. */
export interface FoundAlert {
  /** Complete: with alertname, without the metric's name. */
  readonly labels: Labels
  readonly annotations: StringMap
  /** A histogram's value is its text. */
  readonly value: number | string
}

/** An alert. */
export interface Alert extends FoundAlert {
  readonly state: AlertState
  readonly activeAtMs: number
  readonly firedAtMs: number
  readonly resolvedAtMs: number
  /** -Infinity = never, so that tests may start at the epoch. */
  readonly lastSentAtMs: number
  readonly keepFiringSinceMs: number
}

/** Alerts by a key of their labels. */
export type Alerts = ReadonlyMap<string, Alert>

/** How a rule holds and keeps. */
export interface AlertTiming {
  readonly forMs: number
  readonly keepFiringForMs: number
}

/** How long a resolved alert is remembered, so that Alertmanager hears of it again. */
export const resolvedRetentionMs = 15 * 60_000

/** The alerts after an evaluation at `timeMs`. */
export function stepAlerts(
  before: Alerts,
  found: ReadonlyMap<string, FoundAlert>,
  timeMs: number,
  timing: AlertTiming,
): Map<string, Alert> {
  const after = new Map<string, Alert>()
  for (const [key, alert] of before) {
    if (found.has(key)) continue
    const next = stepMissing(alert, timeMs, timing)
    if (next !== undefined) after.set(key, next)
  }
  for (const [key, one] of found) after.set(key, stepFound(before.get(key), one, timeMs, timing))
  return after
}

/** Alerts that are pending or firing. */
export function activeAlerts(alerts: Alerts): Alert[] {
  return [...alerts.values()].filter((alert) => alert.state !== 'inactive')
}

function stepMissing(alert: Alert, timeMs: number, timing: AlertTiming): Alert | undefined {
  if (alert.state === 'pending') return undefined
  if (alert.state === 'inactive')
    return timeMs - alert.resolvedAtMs > resolvedRetentionMs ? undefined : alert
  const keepFiringSinceMs = alert.keepFiringSinceMs || timeMs
  if (timing.keepFiringForMs > 0 && timeMs - keepFiringSinceMs < timing.keepFiringForMs)
    return { ...alert, keepFiringSinceMs }
  return { ...alert, keepFiringSinceMs, state: 'inactive', resolvedAtMs: timeMs }
}

function stepFound(
  known: Alert | undefined,
  found: FoundAlert,
  timeMs: number,
  { forMs }: AlertTiming,
): Alert {
  const alert = known === undefined || known.state === 'inactive' ? fresh(found, timeMs) : known
  const { labels, annotations, value } = found
  const refreshed: Alert = { ...alert, labels, annotations, value, keepFiringSinceMs: 0 }
  const isDue = timeMs - alert.activeAtMs >= forMs
  if (alert.state === 'pending' && isDue)
    return { ...refreshed, state: 'firing', firedAtMs: timeMs }
  // The rule's `for` has grown: the alert waits again, as if it had not been sent.
  if (alert.state === 'firing' && !isDue)
    return { ...refreshed, state: 'pending', firedAtMs: 0, lastSentAtMs: -Infinity }
  return refreshed
}

function fresh(found: FoundAlert, timeMs: number): Alert {
  return {
    ...found,
    state: 'pending',
    activeAtMs: timeMs,
    firedAtMs: 0,
    resolvedAtMs: 0,
    lastSentAtMs: -Infinity,
    keepFiringSinceMs: 0,
  }
}

/** An alert as it goes to Alertmanager. */
export interface DueAlert {
  readonly labels: Labels
  readonly annotations: StringMap
  readonly startsAtMs: number
  readonly endsAtMs: number
}

/** When alerts are sent again. */
export interface SendTiming {
  readonly resendDelayMs: number
  readonly intervalMs: number
}

/**
 * The alerts to send after an evaluation at `timeMs`, and all alerts with the time of sending noted. Firing alerts go
 * when they were never sent or longer ago than the delay; resolved ones at once, then at the same pace.
 */
export function takeDueAlerts(
  alerts: Alerts,
  timeMs: number,
  { resendDelayMs, intervalMs }: SendTiming,
): { readonly alerts: Map<string, Alert>; readonly due: DueAlert[] } {
  const after = new Map(alerts)
  const due: DueAlert[] = []
  for (const [key, alert] of alerts) {
    if (!isDue(alert, timeMs, resendDelayMs)) continue
    after.set(key, { ...alert, lastSentAtMs: timeMs })
    const validUntilMs = timeMs + 4 * Math.max(intervalMs, resendDelayMs)
    due.push({
      labels: alert.labels,
      annotations: alert.annotations,
      startsAtMs: alert.firedAtMs,
      endsAtMs: alert.state === 'inactive' ? alert.resolvedAtMs : validUntilMs,
    })
  }
  return { alerts: after, due }
}

function isDue(alert: Alert, timeMs: number, resendDelayMs: number): boolean {
  if (alert.state === 'pending') return false
  if (alert.resolvedAtMs > alert.lastSentAtMs) return true
  return alert.lastSentAtMs + resendDelayMs < timeMs
}

/** The time an outage may last for a `for` to be restored over it. */
export const outageToleranceMs = 3_600_000
/** How long a restored alert waits at least before it fires, and the shortest `for` that is restored. */
export const forGracePeriodMs = 10 * 60_000

/**
 * The alert with the time at which it became active before the restart: `stored` is the last sample of its
 * ALERTS_FOR_STATE series. `nowMs` is the wall clock's time.
 */
export function restoreAlert(
  alert: Alert,
  stored: { readonly timestampMs: number; readonly activeAtMs: number },
  nowMs: number,
  forMs: number,
): Alert {
  const downAtMs = Math.floor(stored.timestampMs / 1000) * 1000
  const remainingMs = forMs - (downAtMs - stored.activeAtMs)
  if (remainingMs <= 0) return { ...alert, activeAtMs: stored.activeAtMs }
  if (remainingMs < forGracePeriodMs)
    return { ...alert, activeAtMs: nowMs + forGracePeriodMs - forMs }
  return { ...alert, activeAtMs: stored.activeAtMs + nowMs - downAtMs }
}

/** An alert that another ruler evaluated until now. */
export interface InheritedAlert {
  readonly labels: Labels
  readonly activeAtMs: number
  readonly isFiring: boolean
}

/**
 * The alert as it goes on from `timeMs`: it is sent at once; its value and annotations come with the next evaluation.
 * When it began to fire is not stored: it fires from now on here, and Alertmanager, which has it, keeps the earlier start.
 */
export function inheritAlert(inherited: InheritedAlert, timeMs: number): Alert {
  const { labels, activeAtMs, isFiring } = inherited
  return {
    labels,
    annotations: {},
    value: 1,
    state: isFiring ? 'firing' : 'pending',
    activeAtMs,
    firedAtMs: isFiring ? timeMs : 0,
    resolvedAtMs: 0,
    lastSentAtMs: -Infinity,
    keepFiringSinceMs: 0,
  }
}
