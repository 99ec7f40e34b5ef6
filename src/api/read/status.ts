// Status routes: what Prometheus says about itself below /api/v1/status, and the lists of a scraper, which are empty.
// buildinfo carries no `features`: Grafana would take the server for Mimir and look for a ruler API.
// Source: Prometheus web/api/v1/api.go.

import type { FastifyPluginAsync } from 'fastify'
import { requireAdmin, requireWholeFleet } from '../../access/index.ts'
import type { Scope } from '../../model/index.ts'
import type { ActiveQuery } from '../../query/index.ts'
import { described } from '../described.ts'
import { success } from '../envelope.ts'
import { invalid, limit, text } from '../parameters.ts'
import { parametersOf, type ReadDoor } from './reader.ts'

/** One line of a cardinality table. */
export interface CardinalityEntry {
  readonly name: string
  readonly value: number
}

/** The head of one or more tenants, as /status/tsdb shows it. */
export interface HeadStatus {
  readonly headStats: {
    readonly numSeries: number
    readonly numLabelPairs: number
    readonly chunkCount: number
    readonly minTime: number
    readonly maxTime: number
  }
  readonly seriesCountByMetricName: readonly CardinalityEntry[]
  readonly labelValueCountByLabelName: readonly CardinalityEntry[]
  readonly memoryInBytesByLabelName: readonly CardinalityEntry[]
  readonly seriesCountByLabelValuePair: readonly CardinalityEntry[]
}

/** How far the replay of the write-ahead log is, in segments. */
export interface ReplayProgress {
  readonly min: number
  readonly max: number
  readonly current: number
}

/** Where status routes get what they show. */
export interface StatusDoor {
  readonly version: string
  readonly startTimeMs: number
  readonly retention: string
  configYaml(): string
  flags(): Readonly<Record<string, string>>
  features(): Readonly<Record<string, Readonly<Record<string, boolean>>>>
  headStatus(asked: {
    readonly tenants: readonly string[]
    readonly scope: Scope
    readonly reader: string
    readonly limit: number
  }): Promise<HeadStatus>
  blocks(tenants: readonly string[]): Promise<readonly unknown[]>
  replay(): ReplayProgress
  activeQueries(): readonly ActiveQuery[]
  lastReload(): { readonly timeMs: number; readonly success: boolean }
}

/** `/status/*`, `/features`, `/targets`, … below the plugin's prefix. */
export const statusRoutes: FastifyPluginAsync<{ door: ReadDoor; status: StatusDoor }> = async (
  app,
  { door, status },
) => {
  app.get('/status/buildinfo', about('Version'), async () => success(buildInfo(status)))
  app.get('/status/config', about('The configuration as it is'), async ({ caller }) => {
    requireAdmin(caller, 'see the configuration')
    return success({ yaml: status.configYaml() })
  })
  app.get('/status/flags', about('The configuration as flags'), async ({ caller }) => {
    requireAdmin(caller, 'see the flags')
    return success(status.flags())
  })
  app.get('/status/runtimeinfo', about('The process'), async () => success(runtimeInfo(status)))
  app.get('/status/walreplay', about('How far the replay of the write-ahead log is'), async () =>
    success(status.replay()),
  )
  app.get(
    '/status/tsdb',
    about('Cardinality of the head', { limit: 'Entries of each table' }),
    async (request) => {
      const parameters = parametersOf(request)
      const wanted = text(parameters, 'limit') === '' ? 10 : limit(parameters)
      if (wanted < 1 || wanted > 10_000) throw invalid('limit', 'limit must be between 1 and 10000')
      const { scope, name: reader } = request.caller
      const tenants = door.tenantsOf(request)
      return success(await status.headStatus({ tenants, scope, reader, limit: wanted }))
    },
  )
  app.get('/status/tsdb/blocks', about('Local blocks'), async (request) => {
    requireWholeFleet(request.caller, 'see the blocks')
    return success({ blocks: await status.blocks(door.tenantsOf(request)) })
  })
  app.get('/status/active_queries', about('Queries that run or wait'), async (request) => {
    const tenants = new Set(door.tenantsOf(request))
    const { isAdmin, name } = request.caller
    // Another reader's query text may name what this one must not know.
    const visible = status
      .activeQueries()
      .filter(({ reader }) => isAdmin || reader === name)
      .filter((query) => query.tenants.every((tenant) => tenants.has(tenant)))
    return success(visible)
  })
  app.get('/features', about('What is turned on'), async () => success(status.features()))
  app.get('/targets', about('Targets of a scraper; there are none'), async () =>
    success({ activeTargets: [], droppedTargets: [], droppedTargetCounts: {} }),
  )
  app.get('/targets/metadata', about('Metadata of targets; there are none'), async () =>
    success([]),
  )
  app.get('/scrape_pools', about('Scrape pools; there are none'), async () =>
    success({ scrapePools: [] }),
  )
  app.get('/notifications', about('Notifications; there are none'), async () => success([]))
}

function about(summary: string, query?: Readonly<Record<string, string>>) {
  const parameters = query === undefined ? {} : { query }
  return { schema: described({ tag: 'status', summary, ...parameters }) }
}

function buildInfo(status: StatusDoor): Readonly<Record<string, string>> {
  return {
    version: status.version,
    revision: '',
    branch: '',
    buildUser: '',
    buildDate: '',
    goVersion: `node ${process.versions.node}`,
  }
}

function runtimeInfo(status: StatusDoor): Readonly<Record<string, unknown>> {
  const reload = status.lastReload()
  return {
    startTime: new Date(status.startTimeMs).toISOString(),
    CWD: process.cwd(),
    hostname: process.env.HOSTNAME ?? '',
    serverTime: new Date().toISOString(),
    reloadConfigSuccess: reload.success,
    lastConfigTime: new Date(reload.timeMs).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 0,
    GOMEMLIMIT: 0,
    GOGC: '',
    GODEBUG: '',
    storageRetention: status.retention,
  }
}
