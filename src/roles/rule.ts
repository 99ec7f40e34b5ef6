// `crowsnest rule`: evaluates rules and nothing else: queries go to query endpoints, results to remote write endpoints,
// alerts to Alertmanagers. It keeps nothing on disk; the state of alerts is restored from where its series are.

import type { Server as TlsServer } from 'node:tls'
import {
  alertmanagerRoutes,
  createServer,
  documentRoutes,
  type OperationsDoor,
  operationsRoutes,
  rulerRoutes,
  rulesRoutes,
} from '../api/index.ts'
import { UserError } from '../model/index.ts'
import { createLogger, type Logger, Metrics } from '../telemetry/index.ts'
import { createAccess } from './access.ts'
import { isLoopback, parseAddress } from './config-check.ts'
import { type ConfigSource, readConfig } from './config-read.ts'
import type { Config } from './config-schema.ts'
import { tenantsReader } from './doors.ts'
import { hubAuthorities } from './hub-rights.ts'
import { openListener } from './listener.ts'
import { setLevel } from './operations.ts'
import { namingOf } from './options.ts'
import { registerReloadMetrics } from './own-metrics.ts'
import { reloadOnHangup, stopOnSignals } from './process-life.ts'
import { startRpc } from './rpc.ts'
import { createRules } from './rules.ts'
import { version } from './version.ts'

/** Starts a ruler; resolves when it listens. SIGTERM and SIGINT end the evaluation under way and the process. */
export async function startRuler(config: Config, source: ConfigSource): Promise<void> {
  checkEndpoints(config)
  const log = createLogger(config.log.level)
  const metrics = new Metrics()
  metrics.collectProcess()
  const rules = createRules(config, { local: undefined, metrics, log })
  // A ruler has no data folder that a CA could be kept in: its certificate is the one that is configured.
  const identity = { ...config.identity, enabled: false }
  const listener = await openListener({ ...config, identity }, log)
  const access = createAccess(config, await hubAuthorities(config))
  const life = createLife(async () => {
    const next = readConfig(source.file, source.flags)
    checkEndpoints(next)
    const applyAccess = access.prepare(next)
    await rules.reload(next)
    applyAccess()
    log.info('the configuration was read again')
  })
  registerReloadMetrics(metrics, life.lastReload)
  const { host, port } = parseAddress(config.http.listen)
  const app = await createServer({
    log,
    metrics,
    findCaller: access.findCaller,
    audit: config.access.auditLog ? log : undefined,
    tls: listener.tls,
    allowedHosts: isLoopback(host) ? ['localhost', '127.0.0.1', '[::1]', host] : [],
    formSizeBytesMax: 1 << 20,
  })
  documentRoutes(app, version)
  await app.register(operationsRoutes, { door: operations(log, metrics, life) })
  const known = () => rules.door.groups().map(({ tenant }) => tenant)
  const door = { tenantsOf: tenantsReader(() => namingOf(config), known) }
  await app.register(rulesRoutes, { prefix: '/api/v1', door, rules: rules.door })
  if (rules.rulerAnswer !== undefined)
    await app.register(rulerRoutes, { answer: rules.rulerAnswer })
  await app.register(alertmanagerRoutes, { door: rules.alertmanager })
  await app.listen({ host, port })
  if (listener.tls !== undefined) listener.keepFresh(app.server as unknown as TlsServer)
  const rpc = await startRpc(config, { rules: rules.door, access, listener, log })
  reloadOnHangup(log, life.reload)
  stopOnSignals(log, async () => {
    life.startDraining()
    await rules.close()
    await rpc?.close()
    await app.close()
    listener.close()
  })
  rules.start(() => undefined)
  const scheme = listener.tls === undefined ? 'http' : 'https'
  process.stdout.write(
    `crowsnest evaluates rules; they are at ${scheme}://${host}:${port}/api/v1/rules\n`,
  )
}

interface Life {
  readonly notReady: () => string | undefined
  readonly reload: () => Promise<void>
  readonly startDraining: () => void
  readonly lastReload: () => { readonly timeMs: number; readonly success: boolean }
}

function createLife(reload: () => Promise<void>): Life {
  let isDraining = false
  let last = { timeMs: Date.now(), success: true }
  return {
    notReady: () => (isDraining ? 'shutting down' : undefined),
    startDraining() {
      isDraining = true
    },
    lastReload: () => last,
    async reload() {
      try {
        await reload()
        last = { timeMs: Date.now(), success: true }
      } catch (error) {
        last = { ...last, success: false }
        throw error
      }
    },
  }
}

function operations(log: Logger, metrics: Metrics, life: Life): OperationsDoor {
  return {
    notReady: life.notReady,
    reload: life.reload,
    exposeMetrics: () => metrics.expose(),
    logLevel: () => log.level,
    setLogLevel: (level) => setLevel(log, level),
  }
}

function checkEndpoints({ rules }: Config): void {
  const missing = [
    ...(rules.queryEndpoints.length === 0 ? ['rules.queryEndpoints'] : []),
    ...(rules.remoteWrite.length === 0 ? ['rules.remoteWrite'] : []),
  ]
  if (missing.length === 0) return
  throw new UserError('bad_config', {
    what: `a ruler has no storage of its own, and ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} empty`,
    fix: 'name where rules are evaluated and where their results are written, or run `crowsnest all`',
  })
}
