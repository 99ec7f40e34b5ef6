// One rule over time: its evaluation, its alerts, the series it wrote last, how it went.
// Source: facts §9.2; Prometheus rules/{alerting,recording}.go for the order of steps and the error texts.

import { type Labels, metricNameLabel } from '../model/index.ts'
import { formatHistogram } from '../promql/index.ts'
import {
  type Alert,
  activeAlerts,
  type FoundAlert,
  forGracePeriodMs,
  inheritAlert,
  outageToleranceMs,
  restoreAlert,
  stepAlerts,
  takeDueAlerts,
} from './alert-state.ts'
import {
  type GroupPorts,
  labelsKey,
  overlay,
  plainLabels,
  type RuleSample,
  type RuleWrite,
  staleWrite,
} from './evaluation.ts'
import type { AlertingRule, RecordingRule, Rule, StringMap } from './rule-file.ts'
import { AlertTemplate, type TemplateQuery } from './template/expand.ts'

/** What all rules of a group share. */
export interface RuleContext {
  readonly ports: GroupPorts
  readonly intervalMs: number
  readonly queryOffsetMs: number
  readonly resendDelayMs: number
  readonly limit: number
  readonly externalLabels: StringMap
  readonly externalUrl: string
  /** Most bytes of one label's value; a larger one fails the rule. */
  readonly labelSizeBytesMax: number
  /** Time that the queries of one rule and of its templates may take together. */
  readonly evaluationTimeMsMax: number
  /** Labels that stored ALERTS_FOR_STATE series have beside those of alerts, or differ in. */
  readonly restoreIgnoredLabels: readonly string[]
  /** How long after its last evaluation elsewhere a group may be taken over as if there had been no break. */
  readonly takeOverDelayMsMax: number
}

/** How the last evaluation went. */
export interface RuleHealth {
  readonly health: 'ok' | 'err' | 'unknown'
  readonly lastError: string
  readonly evaluationMs: number
  readonly lastEvaluationMs: number
}

/** A rule and what is remembered of it. */
export class RuleState {
  readonly rule: Rule
  alerts: ReadonlyMap<string, Alert> = new Map()
  written: ReadonlyMap<string, Labels> = new Map()
  health: RuleHealth = { health: 'unknown', lastError: '', evaluationMs: 0, lastEvaluationMs: 0 }
  readonly #labelTemplates: readonly (readonly [string, AlertTemplate])[]
  readonly #annotationTemplates: readonly (readonly [string, AlertTemplate])[]

  constructor(rule: Rule) {
    this.rule = rule
    const templates = (texts: StringMap): [string, AlertTemplate][] =>
      Object.entries(texts).map(([name, text]) => [name, new AlertTemplate(rule.name, text)])
    this.#labelTemplates = templates(rule.labels)
    this.#annotationTemplates = rule.kind === 'alert' ? templates(rule.annotations) : []
  }

  /** Takes over what another state of the same rule remembers. */
  adopt(other: RuleState): void {
    this.alerts = other.alerts
    this.written = other.written
    this.health = other.health
  }

  /** Evaluates at `timeMs`, notifies and writes. Never rejects: what fails stands in `health`. */
  async evaluate(timeMs: number, context: RuleContext, isRestored: boolean): Promise<void> {
    const startMs = performance.now()
    let failure = ''
    try {
      await this.#evaluate(timeMs, context, isRestored)
    } catch (error) {
      failure = (error as Error).message
    }
    this.health = {
      health: failure === '' ? 'ok' : 'err',
      lastError: failure,
      evaluationMs: performance.now() - startMs,
      lastEvaluationMs: context.ports.nowMs(),
    }
  }

  async #evaluate(timeMs: number, context: RuleContext, isRestored: boolean): Promise<void> {
    const { rule } = this
    const { ports } = context
    const sampleTimeMs = timeMs - context.queryOffsetMs
    const deadlineMs = ports.nowMs() + context.evaluationTimeMsMax
    const samples = await ports.query({ query: rule.query, timeMs: sampleTimeMs, deadlineMs })
    const writes =
      rule.kind === 'record'
        ? record(rule, samples, sampleTimeMs, context)
        : await this.#alert(rule, samples, { timeMs, deadlineMs, context, isRestored })
    const written = new Map(writes.map(({ labels }) => [labelsKey(labels), labels]))
    const ended = [...this.written].filter(([key]) => !written.has(key))
    this.written = written
    const all = [...writes, ...ended.map(([, labels]) => staleWrite(labels, sampleTimeMs))]
    if (all.length > 0) await ports.append(all)
  }

  async #alert(
    rule: AlertingRule,
    samples: readonly RuleSample[],
    { timeMs, deadlineMs, context, isRestored }: AlertEvaluation,
  ): Promise<RuleWrite[]> {
    const query = templateQuery(context.ports, timeMs - context.queryOffsetMs, deadlineMs)
    const found = new Map<string, FoundAlert>()
    for (const sample of samples) {
      const alert = await this.#found(rule, sample, { timeMs, context, query })
      const key = labelsKey(alert.labels)
      if (found.has(key)) {
        throw new Error(
          'vector contains metrics with the same labelset after applying alert labels',
        )
      }
      found.set(key, alert)
    }
    const stepped = stepAlerts(this.alerts, found, timeMs, rule)
    const active = activeAlerts(stepped)
    if (context.limit > 0 && active.length > context.limit) {
      this.alerts = new Map()
      throw new Error(`exceeded limit of ${context.limit} with ${active.length} alerts`)
    }
    const { alerts, due } = takeDueAlerts(stepped, timeMs, context)
    this.alerts = alerts
    if (due.length > 0) context.ports.notify(rule, due)
    return isRestored ? active.flatMap((alert) => alertWrites(rule, alert, timeMs, context)) : []
  }

  async #found(
    rule: AlertingRule,
    { labels, value, histogram }: RuleSample,
    { timeMs, context, query }: TemplateEvaluation,
  ): Promise<FoundAlert> {
    const { externalLabels, externalUrl } = context
    const shown = histogram === undefined ? value : formatHistogram(histogram)
    const data = { labels: plainLabels(labels), externalLabels, externalUrl, value: shown, timeMs }
    const expanded: Record<string, string> = { [metricNameLabel]: '' }
    for (const [name, template] of this.#labelTemplates)
      expanded[name] = await template.expand(data, query)
    const annotations: Record<string, string> = {}
    for (const [name, template] of this.#annotationTemplates)
      annotations[name] = await template.expand(data, query)
    const complete = overlay(labels, { ...expanded, alertname: rule.name })
    checkLabels(complete, context.labelSizeBytesMax)
    return { labels: complete, annotations, value: shown }
  }

  /**
   * Takes over the alerts that another ruler evaluated until now, from their ALERTS and ALERTS_FOR_STATE series, whether
   * or not the expression still yields them. False where there are none that are recent enough.
   */
  async takeOver(timeMs: number, context: RuleContext): Promise<boolean> {
    const { rule } = this
    if (rule.kind !== 'alert') return false
    const { ports, intervalMs, queryOffsetMs, takeOverDelayMsMax } = context
    const ask = (name: string) =>
      ports.query({
        query: `${name}{alertname=${JSON.stringify(rule.name)}}`,
        timeMs: timeMs - queryOffsetMs,
        lookbackMs: takeOverDelayMsMax + 2 * intervalMs,
        deadlineMs: ports.nowMs() + context.evaluationTimeMsMax,
      })
    const keyOf = (sample: RuleSample): string => labelsKey(alertLabelsOf(sample, context))
    const since = new Map((await ask('ALERTS_FOR_STATE')).map((one) => [keyOf(one), one.value]))
    const alerts = new Map<string, Alert>()
    for (const sample of await ask('ALERTS')) {
      const labels = alertLabelsOf(sample, context)
      const key = labelsKey(labels)
      const storedSeconds = since.get(key)
      const state = sample.labels.find(({ name }) => name === 'alertstate')?.value
      if (storedSeconds === undefined || !isAlertOf(rule, plainLabels(labels))) continue
      if (alerts.get(key)?.state === 'firing') continue
      const activeAtMs = onGrid(storedSeconds * 1000, timeMs, intervalMs)
      const isFiring = state === 'firing'
      alerts.set(key, inheritAlert({ labels, activeAtMs, isFiring }, timeMs))
    }
    this.alerts = alerts
    const writes = [...alerts.values()].flatMap((one) => alertWrites(rule, one, timeMs, context))
    this.written = new Map(writes.map(({ labels }) => [labelsKey(labels), labels]))
    return alerts.size > 0
  }

  /** Gives pending alerts the age they had before a restart, from their ALERTS_FOR_STATE series. */
  async restore(context: RuleContext): Promise<void> {
    const { rule } = this
    if (rule.kind !== 'alert' || rule.forMs < forGracePeriodMs || this.alerts.size === 0) return
    const nowMs = context.ports.nowMs()
    const selector = `ALERTS_FOR_STATE{alertname=${JSON.stringify(rule.name)}}`
    const deadlineMs = nowMs + context.evaluationTimeMsMax
    const at = { timeMs: nowMs, lookbackMs: outageToleranceMs, deadlineMs }
    const ignored = new Set([metricNameLabel, ...context.restoreIgnoredLabels])
    const values = await context.ports.query({ query: selector, ...at })
    const times = await context.ports.query({ query: `timestamp(${selector})`, ...at })
    const keyOf = ({ labels }: { readonly labels: Labels }): string =>
      labelsKey(labels.filter(({ name }) => !ignored.has(name)))
    const timeOf = new Map(times.map((sample) => [keyOf(sample), sample.value * 1000]))
    const activeAt = new Map(values.map((sample) => [keyOf(sample), sample.value * 1000]))
    const alerts = new Map(this.alerts)
    for (const [key, alert] of alerts) {
      const stateKey = keyOf({ labels: forStateLabels(rule, alert, {}) })
      const timestampMs = timeOf.get(stateKey)
      const activeAtMs = activeAt.get(stateKey)
      if (timestampMs === undefined || activeAtMs === undefined || alert.state === 'inactive')
        continue
      alerts.set(key, restoreAlert(alert, { timestampMs, activeAtMs }, nowMs, rule.forMs))
    }
    this.alerts = alerts
  }
}

// Labels that a stored ALERTS series has beside those of its alert.
function alertLabelsOf({ labels }: RuleSample, context: RuleContext): Labels {
  const { restoreIgnoredLabels } = context
  const added = new Set([metricNameLabel, 'alertstate', ...restoreIgnoredLabels])
  return labels.filter(({ name }) => !added.has(name))
}

// Whether an alert of this name may be of this rule and not of another one with the same name.
function isAlertOf(rule: AlertingRule, labels: StringMap): boolean {
  return Object.entries(rule.labels).every(
    ([name, value]) => value.includes('{{') || (labels[name] ?? '') === value,
  )
}

// The evaluation of the second that was stored, where evaluations at `timeMs` and before lie on one grid.
function onGrid(storedMs: number, timeMs: number, intervalMs: number): number {
  const aheadMs = (timeMs - storedMs) % intervalMs
  return aheadMs < 1000 ? storedMs + aheadMs : storedMs
}

function record(
  rule: RecordingRule,
  samples: readonly RuleSample[],
  timestampMs: number,
  { limit, labelSizeBytesMax }: RuleContext,
): RuleWrite[] {
  const seen = new Set<string>()
  const writes = samples.map(({ labels, value, histogram }): RuleWrite => {
    const complete = overlay(labels, { [metricNameLabel]: rule.name, ...rule.labels })
    checkLabels(complete, labelSizeBytesMax)
    seen.add(labelsKey(complete))
    return { labels: complete, timestampMs, value, histogram, isStale: false }
  })
  if (seen.size < writes.length) {
    throw new Error('vector contains metrics with the same labelset after applying rule labels')
  }
  if (limit > 0 && writes.length > limit)
    throw new Error(`exceeded limit of ${limit} with ${writes.length} series`)
  return writes
}

function forStateLabels(rule: AlertingRule, alert: Alert, more: StringMap): Labels {
  const over = { ...plainLabels(alert.labels), alertname: rule.name, ...more }
  return overlay(overlay([], rule.labels), over)
}

function alertWrites(
  rule: AlertingRule,
  alert: Alert,
  timeMs: number,
  { queryOffsetMs }: RuleContext,
): RuleWrite[] {
  const base = { timestampMs: timeMs - queryOffsetMs, histogram: undefined, isStale: false }
  const state = { [metricNameLabel]: 'ALERTS', alertstate: alert.state }
  const forState = { [metricNameLabel]: 'ALERTS_FOR_STATE' }
  return [
    { ...base, labels: forStateLabels(rule, alert, state), value: 1 },
    {
      ...base,
      labels: forStateLabels(rule, alert, forState),
      value: Math.floor(alert.activeAtMs / 1000),
    },
  ]
}

function checkLabels(labels: Labels, sizeBytesMax: number): void {
  for (const { name, value } of labels) {
    if (value.length * 3 <= sizeBytesMax || Buffer.byteLength(value) <= sizeBytesMax) continue
    throw new Error(
      `the value of label "${name}" is longer than ${sizeBytesMax} bytes; shorten it in the rule`,
    )
  }
}

interface TemplateEvaluation {
  readonly timeMs: number
  readonly context: RuleContext
  readonly query: TemplateQuery
}

interface AlertEvaluation {
  readonly timeMs: number
  readonly deadlineMs: number
  readonly context: RuleContext
  readonly isRestored: boolean
}

function templateQuery(ports: GroupPorts, timeMs: number, deadlineMs: number): TemplateQuery {
  return async (query) =>
    (await ports.query({ query, timeMs, deadlineMs })).map(({ labels, value, histogram }) => ({
      labels: plainLabels(labels),
      value: histogram === undefined ? value : formatHistogram(histogram),
    }))
}
