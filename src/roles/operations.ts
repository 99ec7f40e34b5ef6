// Operations of the process, as their routes ask for them: readiness, reload, own metrics, log level.

import type { OperationsDoor } from '../api/index.ts'
import { UserError } from '../model/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import { joinExpositions } from './lane-metrics.ts'
import type { ProcessStatus } from './status.ts'
import type { Threads } from './threads.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** The operations door. `refreshMetrics` brings gauges up to date before they are shown. */
export function operationsDoor(parts: {
  readonly log: Logger
  readonly metrics: Metrics
  readonly threads: Threads
  readonly status: ProcessStatus
  readonly refreshMetrics: () => Promise<void>
  readonly reload: () => Promise<void>
}): OperationsDoor {
  const { log, metrics, threads, status } = parts
  return {
    notReady: () => status.notReady(),
    reload: () => status.guardReload(parts.reload),
    async exposeMetrics() {
      await parts.refreshMetrics()
      const lanes = threads.lanes.map((lane) => lane.call('exposeMetrics') as Promise<string>)
      const ofLanes = joinExpositions(await Promise.all(lanes))
      const ofBlocks = (await threads.blocks.call('exposeMetrics')) as string
      return (await metrics.expose()) + ofLanes + ofBlocks
    },
    logLevel: () => log.level,
    setLogLevel(level) {
      setLevel(log, level)
      for (const thread of [...threads.lanes, threads.blocks])
        void thread.call('setLogLevel', level)
    },
  }
}

/** Sets the level of a log. Throws UserError bad_data for an unknown one. */
export function setLevel(log: Logger, level: string): void {
  if (!levels.includes(level)) {
    throw new UserError('bad_data', {
      what: `"${level}" is no log level`,
      fix: `use one of ${levels.join(', ')}`,
    })
  }
  log.level = level
}
