// Scores of clusters from PromQL: from the configuration to a running service.

import { type FleetConnection, ScoreService } from '../fleet/index.ts'
import { UserError } from '../model/index.ts'
import { type QueryPool, readVector } from '../query/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import { msOf } from './options.ts'

/** Most samples of one expression: one per cluster. */
const clustersMax = 10_000

/** The service of scores; it asks nothing before it is started. Throws UserError bad_config. */
export function createScores(
  config: Config,
  parts: {
    readonly pool: QueryPool
    readonly fleet: Pick<FleetConnection, 'takeScores'>
    readonly log: Logger
  },
): ScoreService {
  const definitions = config.fleet.scores.map((score) => {
    const { resource, name, expression, tenant, interval, validFor } = score
    if (resource === '' || name === '' || expression === '')
      throw new UserError('bad_config', {
        what: 'a score needs a resource, a name and an expression',
        where: `fleet.scores, "${resource}/${name}"`,
      })
    return {
      ...{ resource, name, expression, tenant: tenant || config.tenants.default },
      ...{ intervalMs: msOf(interval), validForMs: msOf(validFor) },
    }
  })
  return new ScoreService(definitions, {
    async query({ tenant, expression: query, timeMs, deadlineMs }) {
      const asked = { reader: 'fleet', query, timeMs, lookbackMs: undefined, deadlineMs }
      const bounds = { samplesMax: clustersMax, tenants: [tenant], scope: 'all' } as const
      const { signal } = new AbortController()
      return readVector(await parts.pool.ask({ kind: 'vector', ...asked, ...bounds }, signal))
    },
    publish: (changes) => parts.fleet.takeScores(changes),
    now: Date.now,
    log: parts.log,
  })
}
