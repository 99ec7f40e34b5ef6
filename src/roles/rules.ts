// Rules of this process: from the configuration to running groups; queries through the query threads, results through
// the write path, alerts to Alertmanager.

import { setTimeout as sleep } from 'node:timers/promises'
import type { AlertIntake, AlertmanagerDoor, RulesDoor } from '../api/index.ts'
import { UserError } from '../model/index.ts'
import { createMatcherCompiler } from '../promql/index.ts'
import { type QueryPool, readVector } from '../query/index.ts'
import { createPeerTransport, encodeWrites, Notifier, RuleService } from '../rules/index.ts'
import type { Appendable } from '../storage/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import { msOf } from './options.ts'
import { notifierOptions, readGroups, ruleOptions } from './rule-options.ts'

const readyPollMs = 100

/** Rules and alerts of the process. */
export interface Rules {
  readonly door: RulesDoor
  /** Where alerts of clusters' own Prometheus servers go on. */
  readonly alerts: Pick<AlertIntake, 'forward'>
  readonly alertmanager: AlertmanagerDoor
  /** Evaluates rules as soon as queries are answered: `notReady` says why they are not yet. */
  start(notReady: () => string | undefined): void
  /** Reads the rule files again. Throws UserError bad_config, and then everything goes on as before. */
  reload(config: Config): Promise<void>
  /** Ends the evaluation under way and sends what waits. */
  close(): Promise<void>
}

/** Nothing is evaluated before `start`. Throws UserError bad_config for what rules are to be. */
export function createRules(
  config: Config,
  parts: {
    readonly pool: QueryPool
    readonly target: Appendable
    readonly metrics: Metrics
    readonly log: Logger
  },
): Rules {
  const { pool, target, metrics, log } = parts
  let groups = readGroups(config)
  const notifier = new Notifier({
    options: notifierOptions(config),
    transport: createPeerTransport(),
    metrics,
    log,
  })
  let current = config
  let isStarted = false
  const service = new RuleService({
    metrics,
    log,
    ports: {
      async query(tenant, { query, timeMs, lookbackMs }) {
        const deadlineMs = Date.now() + msOf(current.query.timeout)
        const samplesMax = current.rules.seriesPerRule
        const call = {
          scope: 'all' as const,
          reader: 'rules',
          query,
          timeMs,
          lookbackMs,
          samplesMax,
          deadlineMs,
          tenants: [tenant],
        }
        const signal = new AbortController().signal
        return readVector(await pool.ask({ kind: 'vector', ...call }, signal))
      },
      async append(tenant, writes) {
        const { rejectedCount, rejections } = await target.append({
          tenant,
          sender: { key: '', labels: {} },
          format: 'remote-write-1',
          compression: 'none',
          body: encodeWrites(writes),
        })
        if (rejectedCount > 0) throw new Error(rejections[0]?.message ?? 'samples were refused')
      },
      notify: (rule, alerts) => notifier.send(rule.query, alerts),
    },
  })
  return {
    door: {
      groups: () => service.groups(),
      alertmanagers: () => notifier.urls(),
      compileMatcher: (matcher) => createMatcherCompiler()(matcher).matches,
    },
    alerts: {
      forward(alerts) {
        if (notifier.forward(alerts)) return
        throw new UserError('unavailable', {
          what: 'alerts cannot be sent on: no Alertmanager is configured',
          fix: 'set rules.alertmanagers',
        })
      },
    },
    alertmanager: {
      ask: (path, request) => notifier.ask(path, request),
      get changesSilences() {
        return current.rules.silences
      },
    },
    start(notReady) {
      const load = async (): Promise<void> => {
        while (notReady() !== undefined) await sleep(readyPollMs)
        isStarted = true
        await service.load(groups, ruleOptions(current))
      }
      load().catch((error) => log.error({ err: error }, 'rules are not evaluated'))
    },
    async reload(next) {
      const options = notifierOptions(next)
      groups = readGroups(next)
      if (isStarted) await service.load(groups, ruleOptions(next))
      notifier.reload(options)
      current = next
    },
    async close() {
      await service.close()
      await notifier.close()
    },
  }
}
