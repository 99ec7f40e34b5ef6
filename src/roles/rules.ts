// Rules of this process: from the configuration to running groups; queries through the query threads, results through
// the write path, alerts to Alertmanager.

import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../model/index.ts'
import { createMatcherCompiler } from '../promql/index.ts'
import { createPeerTransport, Notifier, RuleService } from '../rules/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import type { RuleDoors } from './http.ts'
import { notifierOptions, readGroups, ruleOptions } from './rule-options.ts'
import { type LocalStorage, ruleTraffic } from './rule-ports.ts'
import { createRulerPeers } from './ruler-peers.ts'

const readyPollMs = 100

/** Rules and alerts of the process. */
export interface Rules extends RuleDoors {
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
    readonly local: LocalStorage | undefined
    readonly metrics: Metrics
    readonly log: Logger
  },
): Rules {
  const { local, metrics, log } = parts
  let groups = readGroups(config)
  let traffic = ruleTraffic(config, local, log)
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
      query: (...ask) => traffic.query(...ask),
      append: (...writes) => traffic.append(...writes),
      notify: (rule, alerts) => notifier.send(rule.query, alerts),
    },
  })
  const owns = (group: string): boolean => peers?.owns(group) ?? true
  const peers = createRulerPeers(config, { metrics, log, onChange: () => service.share(owns) })
  return {
    rulerAnswer: peers === undefined ? undefined : () => peers.answer(),
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
        await peers?.start()
        if (peers !== undefined) await service.share(owns)
        await service.load(groups, ruleOptions(current))
      }
      load().catch((error) => log.error({ err: error }, 'rules are not evaluated'))
    },
    async reload(next) {
      const options = notifierOptions(next)
      const nextTraffic = ruleTraffic(next, local, log)
      try {
        groups = readGroups(next)
        if (isStarted) await service.load(groups, ruleOptions(next))
      } catch (error) {
        nextTraffic.close()
        throw error
      }
      notifier.reload(options)
      traffic.close()
      traffic = nextTraffic
      current = next
    },
    async close() {
      const left = peers?.leave()
      await service.close()
      await left
      traffic.close()
      await notifier.close()
    },
  }
}
