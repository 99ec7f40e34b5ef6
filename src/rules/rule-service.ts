// Rule service: runs the groups of all tenants on their slots, keeps the state of groups that a reload leaves alone.
// Bounds: groups that run at a time, time of one query, series of one query (through `query`), rules per tenant.

import { UserError } from '../model/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { DueAlert } from './alert-state.ts'
import type { RuleQuery, RuleSample, RuleWrite } from './evaluation.ts'
import { GroupState } from './group.ts'
import type { AlertingRule, RuleGroup, StringMap } from './rule-file.ts'
import { nextSlot, slotAtOrAfter } from './slot.ts'

/** What rules do on behalf of a tenant. All reject with Error. */
export interface RulePorts {
  query(tenant: string, ask: RuleQuery, partialResponse: boolean): Promise<readonly RuleSample[]>
  append(tenant: string, writes: readonly RuleWrite[]): Promise<void>
  notify(rule: AlertingRule, alerts: readonly DueAlert[]): void
}

/** How rules are evaluated. */
export interface RuleOptions {
  readonly intervalMs: number
  readonly queryOffsetMs: number
  readonly resendDelayMs: number
  readonly externalLabels: StringMap
  readonly externalUrl: string
  readonly labelSizeBytesMax: number
  readonly evaluationTimeMsMax: number
  readonly restoreIgnoredLabels: readonly string[]
  readonly takeOverDelayMsMax: number
  readonly rulesPerTenantMax: number
  readonly concurrentGroupsMax: number
}

/** The groups of one tenant. */
export interface TenantGroups {
  readonly tenant: string
  readonly groups: readonly RuleGroup[]
}

/** A group of a tenant as it stands. */
export interface RunningGroup {
  readonly tenant: string
  readonly state: GroupState
}

interface Runner extends RunningGroup {
  readonly key: string
  readonly fingerprint: string
  readonly stop: () => Promise<void>
}

/** Evaluates rules until it is closed. */
export class RuleService {
  readonly #ports: RulePorts
  readonly #log: Logger
  readonly #metrics: ReturnType<typeof createMetrics>
  readonly #waiting: (() => void)[] = []
  readonly #ending = new Set<NodeJS.Timeout>()
  readonly #givenUp = new Set<Promise<void>>()
  #runners = new Map<string, Runner>()
  #wanted: Wanted | undefined
  #owns: ((group: string) => boolean) | undefined
  #reconciling: Promise<void> = Promise.resolve()
  #concurrentMax = 1
  #running = 0
  #hasLoaded = false

  constructor(parts: {
    readonly ports: RulePorts
    readonly metrics: Metrics
    readonly log: Logger
  }) {
    this.#ports = parts.ports
    this.#log = parts.log
    this.#metrics = createMetrics(parts.metrics, () => [...this.#runners.values()])
  }

  /** Every group, in the order of tenants, files and groups. */
  groups(): readonly RunningGroup[] {
    return [...this.#runners.values()]
  }

  /** Runs these groups from now on. Throws UserError bad_config, and then changes nothing. */
  async load(tenants: readonly TenantGroups[], options: RuleOptions): Promise<void> {
    for (const { tenant, groups } of tenants) checkCount(tenant, groups, options)
    this.#wanted = { tenants, options }
    await this.#reconcile()
  }

  /** Runs only the groups that `owns` names, and takes over what other rulers have evaluated until now. */
  async share(owns: (group: string) => boolean): Promise<void> {
    this.#owns = owns
    await this.#reconcile()
  }

  #reconcile(): Promise<void> {
    this.#reconciling = this.#reconciling.catch(() => undefined).then(() => this.#apply())
    return this.#reconciling
  }

  async #apply(): Promise<void> {
    if (this.#wanted === undefined) return
    const { tenants, options } = this.#wanted
    this.#concurrentMax = options.concurrentGroupsMax
    const before = new Map(this.#runners)
    const after = new Map<string, Runner>()
    for (const { tenant, groups } of tenants) {
      for (const group of groups) {
        const key = `${tenant};${group.file};${group.name}`
        const fingerprint = JSON.stringify([group, options])
        const known = before.get(key)
        before.delete(key)
        if (this.#owns?.(key) === false) this.#giveUp(known)
        else if (known?.fingerprint === fingerprint) after.set(key, known)
        else
          after.set(key, await this.#replace(known, { key, fingerprint, tenant, group, options }))
      }
    }
    this.#runners = after
    for (const gone of before.values()) void this.#end(gone)
    this.#hasLoaded = true
  }

  /** Stops all groups after the evaluation under way. Series stay as they are: a restart goes on with them. */
  async close(): Promise<void> {
    this.#wanted = undefined
    await this.#reconciling.catch(() => undefined)
    for (const timer of this.#ending) clearTimeout(timer)
    const stops = [...this.#runners.values()].map((runner) => runner.stop())
    await Promise.all([...stops, ...this.#givenUp])
    this.#runners = new Map()
  }

  // Another ruler's from now on: an evaluation under way ends, the series go on.
  #giveUp(runner: Runner | undefined): void {
    if (runner === undefined) return
    const stopped = runner.stop().finally(() => this.#givenUp.delete(stopped))
    this.#givenUp.add(stopped)
  }

  async #replace(known: Runner | undefined, spec: RunnerSpec): Promise<Runner> {
    await known?.stop()
    const { tenant, group, options } = spec
    const { queryOffsetMs, intervalMs, ...shared } = options
    const allowsPartial = group.partialResponse === 'warn'
    const context = {
      ...shared,
      intervalMs: group.intervalMs ?? intervalMs,
      queryOffsetMs: group.queryOffsetMs ?? queryOffsetMs,
      limit: group.limit,
      ports: {
        query: (ask: RuleQuery) => this.#ports.query(tenant, ask, allowsPartial),
        append: (writes: readonly RuleWrite[]) => this.#ports.append(tenant, writes),
        notify: this.#ports.notify,
        nowMs: Date.now,
      },
    }
    const isShared = this.#owns !== undefined
    // Only a process that has just started has a predecessor whose state is worth waiting for, or one of several.
    const state = new GroupState(group, context, this.#hasLoaded && !isShared)
    if (known !== undefined) state.adopt(known.state)
    const loop = this.#start(spec.key, state, isShared && known === undefined)
    return { key: spec.key, fingerprint: spec.fingerprint, tenant, state, stop: loop }
  }

  // Runs a group on its slots; returns what stops it.
  #start(key: string, state: GroupState, takesOver: boolean): () => Promise<void> {
    const controller = new AbortController()
    const { signal } = controller
    const done = this.#loop(key, state, { signal, takesOver }).catch((error) =>
      this.#log.error({ err: error, group: key }, 'a rule group has stopped'),
    )
    return () => {
      controller.abort()
      return done
    }
  }

  async #loop(
    key: string,
    state: GroupState,
    { signal, takesOver }: { readonly signal: AbortSignal; readonly takesOver: boolean },
  ): Promise<void> {
    const { intervalMs } = state.context
    const labels = { rule_group: key }
    let slotMs = slotAtOrAfter(key, intervalMs, Date.now())
    for (let count = 1; ; count++) {
      await sleep(slotMs - Date.now(), signal)
      if (signal.aborted) return
      await this.#admit()
      try {
        if (takesOver && count === 1) await state.takeOver(slotMs)
        await state.evaluate(slotMs, () => signal.aborted)
        // The second evaluation has seen the series that came in since the start.
        if (count >= 2 && !state.isRestored && !signal.aborted) await state.restore()
      } catch (error) {
        this.#log.warn({ err: error, group: key }, 'the state of a group could not be restored')
      } finally {
        this.#release()
      }
      this.#metrics.iterations.inc(labels)
      this.#metrics.failures.inc(
        labels,
        state.states.filter((one) => one.health.health === 'err').length,
      )
      const next = nextSlot(slotMs, intervalMs, Date.now())
      this.#metrics.missed.inc(labels, next.missed)
      slotMs = next.slotMs
    }
  }

  async #admit(): Promise<void> {
    if (this.#running >= this.#concurrentMax)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }

  // A group that is gone ends its series two intervals later, as Prometheus does.
  async #end(runner: Runner): Promise<void> {
    await runner.stop()
    const timer = setTimeout(() => {
      this.#ending.delete(timer)
      runner.state
        .end(Date.now())
        .catch((error) => this.#log.warn({ err: error }, 'the series of a group were not ended'))
    }, 2 * runner.state.context.intervalMs)
    this.#ending.add(timer.unref())
  }
}

interface Wanted {
  readonly tenants: readonly TenantGroups[]
  readonly options: RuleOptions
}

interface RunnerSpec {
  readonly key: string
  readonly fingerprint: string
  readonly tenant: string
  readonly group: RuleGroup
  readonly options: RuleOptions
}

function checkCount(tenant: string, groups: readonly RuleGroup[], options: RuleOptions): void {
  const count = groups.reduce((sum, group) => sum + group.rules.length, 0)
  if (options.rulesPerTenantMax === 0 || count <= options.rulesPerTenantMax) return
  throw new UserError('bad_config', {
    what: `tenant ${tenant} has ${count} rules, ${options.rulesPerTenantMax} are allowed`,
    fix: 'raise rules.perTenant or take rules away',
  })
}

function sleep(durationMs: number, signal: AbortSignal): Promise<void> {
  if (durationMs <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.min(durationMs, 2 ** 31 - 1)).unref()
    signal.addEventListener('abort', end)
  })
}

function createMetrics(metrics: Metrics, runners: () => readonly Runner[]) {
  const labels = ['rule_group'] as const
  metrics.gauge('prometheus_rule_group_rules', 'Rules of a group.', labels, (gauge) => {
    gauge.reset()
    for (const { key, state } of runners()) gauge.set({ rule_group: key }, state.group.rules.length)
  })
  metrics.gauge(
    'prometheus_rule_group_last_duration_seconds',
    'Time of the last evaluation of a group.',
    labels,
    (gauge) => {
      gauge.reset()
      for (const { key, state } of runners())
        gauge.set({ rule_group: key }, state.evaluationMs / 1000)
    },
  )
  return {
    iterations: metrics.counter(
      'prometheus_rule_group_iterations_total',
      'Evaluations of a group that were made.',
      labels,
    ),
    missed: metrics.counter(
      'prometheus_rule_group_iterations_missed_total',
      'Evaluations of a group that were left out because one before took too long.',
      labels,
    ),
    failures: metrics.counter(
      'prometheus_rule_evaluation_failures_total',
      'Evaluations of rules that failed.',
      labels,
    ),
  }
}
