// `crowsnest all`: everything in one process: threads, doors, HTTP; start, reload, drain.

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Server as TlsServer } from 'node:tls'
import { IngestService, routeTo } from '../ingest/index.ts'
import { QueryPool } from '../query/index.ts'
import { createLogger, type Logger, Metrics } from '../telemetry/index.ts'
import { openDataDirectory } from '../tsdb/index.ts'
import { createAccess } from './access.ts'
import { registerCertificateMetrics } from './certificate-metrics.ts'
import { collectGarbage } from './collect-garbage.ts'
import { namesFleet, parseAddress } from './config-check.ts'
import type { ConfigSource } from './config-read.ts'
import type { Config } from './config-schema.ts'
import { adminDoor, readDoor } from './doors.ts'
import { ClusterDataCollector } from './fleet-data.ts'
import { createHttp } from './http.ts'
import { hubAuthorities } from './hub-rights.ts'
import { openListener } from './listener.ts'
import { operationsDoor } from './operations.ts'
import { ingestOptions, msOf, otlpHeapMebibytes } from './options.ts'
import { otlpTranslator } from './otlp-translator.ts'
import { registerReloadMetrics, registerThreadMetrics, TenantsSeen } from './own-metrics.ts'
import { greet, reloadOnHangup, stopOnSignals } from './process-life.ts'
import { queryObserver } from './query-metrics.ts'
import { readLimitOptions } from './read-limit-options.ts'
import { createReload } from './reload.ts'
import { startRpc } from './rpc.ts'
import { createRules } from './rules.ts'
import { createStatus } from './status.ts'
import { storedDoor } from './stored-doors.ts'
import { startThreads, type Threads } from './threads.ts'

/** Starts the process' services; resolves when they listen. SIGTERM and SIGINT drain and end the process. */
export async function startAll(config: Config, source: ConfigSource): Promise<void> {
  const log = createLogger(config.log.level)
  const directory = await openDataDirectory(config.data)
  const onDeath = (name: string, error: Error): void => {
    log.fatal({ err: error, thread: name }, 'a thread has died')
    process.exit(1)
  }
  const threads = await startThreads(config, directory, threadCounts(config), log, onDeath)
  const metrics = new Metrics()
  const tenants = new TenantsSeen(threads, metrics)
  const options = ingestOptions(config, 1)
  const target = routeTo(threads.lanes.map((lane) => lane.appendable))
  const data = new ClusterDataCollector({
    lanes: threads.lanes,
    tenants: () => tenants.names(),
    log,
  })
  const noted = data.counting(tenants.noting(target))
  const translateOtlp = otlpTranslator(otlpHeapMebibytes(config))
  const ingest = new IngestService({ options, target: noted, translateOtlp, metrics })
  const pool = createPool(config, threads, metrics, log)
  const refreshMetrics = registerThreadMetrics(metrics, threads, pool)
  const status = createStatus({ config, threads, pool })
  registerReloadMetrics(metrics, () => status.door.lastReload())
  const rules = createRules(config, { local: { pool, target: noted }, metrics, log })
  const parts = { pool, target: noted, data, metrics, log, onDeath }
  const fleet = namesFleet(config)
    ? (await import('./fleet.ts')).startFleet(config, parts)
    : undefined
  const listener = await openListener(config, log)
  registerCertificateMetrics(metrics, listener)
  const access = createAccess(config, await hubAuthorities(config), listener.identity)
  const reload = createReload(source, { access, rules, ingest, pool, threads, status, log })
  const { host, port } = parseAddress(config.http.listen)
  const app = await createHttp({
    log,
    metrics,
    host,
    findCaller: access.findCaller,
    audit: config.access.auditLog ? log : undefined,
    tls: listener.tls,
    identity: listener.identity,
    ingest,
    door: readDoor({
      pool,
      ingest: () => ingest.options,
      known: () => tenants.names(),
      timeoutMs: msOf(config.query.timeout),
      externalLabels: config.externalLabels,
    }),
    status: status.door,
    stored: storedDoor({ threads, pool, timeoutMs: msOf(config.query.timeout) }),
    rules,
    admin: adminDoor(threads, config.web.enableAdminApi, join(config.data, 'snapshots')),
    ...(fleet === undefined ? {} : { fleet: fleet.door }),
    operations: operationsDoor({ log, metrics, threads, status, refreshMetrics, reload }),
  })
  await app.listen({ host, port })
  if (listener.tls !== undefined) listener.keepFresh(app.server as unknown as TlsServer)
  const rpc = await startRpc(config, { rules: rules.door, access, listener, log })
  reloadOnHangup(log, () => status.guardReload(reload))
  stopOnSignals(log, async () => {
    status.startDraining()
    await Promise.all([rules.close(), fleet?.close(), rpc?.close()])
    await ingest.drain()
    await app.close()
    listener.close()
    await threads.close()
    await directory.close()
  })
  tenants.start()
  await status.start()
  fleet?.start()
  rules.start(() => status.notReady())
  greet(config)
  collectGarbage()
}

function createPool(config: Config, threads: Threads, metrics: Metrics, log: Logger): QueryPool {
  const count = queryObserver(metrics)
  const { maxConcurrent } = config.query
  const bounds = { maxConcurrent, maxWaiting: 1000, limits: readLimitOptions(config) }
  return new QueryPool(threads.queries, bounds, (call, outcome) => {
    count(call, outcome)
    const { error } = outcome
    if (error?.cause !== undefined) log.error({ err: error.cause, call }, 'a query failed')
  })
}

function threadCounts(config: Config): { readonly lanes: number; readonly queries: number } {
  const cores = availableParallelism()
  const lanes = config.storage.lanes || (cores >= 8 ? Math.floor(cores / 4) : 1)
  return { lanes, queries: config.query.workers || Math.min(4, cores) }
}
