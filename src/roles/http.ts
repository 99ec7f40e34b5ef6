// The HTTP server of `all`: every route, also below ACM's tenant prefix.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  type AdminDoor,
  type AlertIntake,
  type AlertmanagerDoor,
  adminRoutes,
  alertmanagerRoutes,
  alertRoutes,
  createServer,
  documentRoutes,
  expressionRoutes,
  type FindCaller,
  type FleetDoor,
  federateRoutes,
  fleetExplainRoutes,
  fleetListRoutes,
  fleetStreamRoutes,
  type IdentityDoor,
  identityRoutes,
  listingRoutes,
  type OperationsDoor,
  operationsRoutes,
  otlpRoutes,
  queryRoutes,
  type ReadDoor,
  type RulesDoor,
  remoteReadRoutes,
  remoteWriteRoutes,
  rulerRoutes,
  rulesRoutes,
  type StatusDoor,
  type StoredDoor,
  statusRoutes,
  storedRoutes,
  streamDefaults,
  tenantSourcesOf,
} from '../api/index.ts'
import type { IngestService } from '../ingest/index.ts'
import type { RulerAnswer } from '../rules/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import { isLoopback } from './config-check.ts'
import type { TlsMaterial } from './tls.ts'
import { version } from './version.ts'

/** What the routes of rules and alerts act on. */
export interface RuleDoors {
  readonly door: RulesDoor
  /** Where alerts of clusters' own Prometheus servers go on. */
  readonly alerts: Pick<AlertIntake, 'forward'>
  readonly alertmanager: AlertmanagerDoor
  /** What this process tells rulers that share groups with it; undefined where groups are not shared. */
  readonly rulerAnswer: (() => RulerAnswer) | undefined
}

/** What the routes act on. */
export interface HttpParts {
  readonly log: Logger
  readonly metrics: Metrics
  readonly host: string
  readonly findCaller: FindCaller
  readonly audit?: Logger | undefined
  readonly tls?: TlsMaterial | undefined
  /** Absent where this process issues no certificates. */
  readonly identity?: IdentityDoor | undefined
  readonly ingest: IngestService
  readonly door: ReadDoor
  readonly status: StatusDoor
  readonly stored: StoredDoor
  readonly rules: RuleDoors
  readonly admin: AdminDoor
  /** Absent where this process keeps no fleet. */
  readonly fleet?: FleetDoor
  readonly operations: OperationsDoor
}

const bodyTimeoutMs = 30_000
const formSizeBytesMax = 1 << 20
/** Where ACM's collectors and its Grafana look. */
const tenantPrefix = '/api/metrics/v1/:tenant'

/** A server that is not listening yet. */
export async function createHttp(parts: HttpParts): Promise<FastifyInstance> {
  const { log, metrics, host, ingest, door, status, stored, rules, admin, operations } = parts
  const allowedHosts = isLoopback(host) ? ['localhost', '127.0.0.1', '[::1]', host] : []
  const app = await createServer({
    log,
    metrics,
    findCaller: parts.findCaller,
    audit: parts.audit,
    allowedHosts,
    formSizeBytesMax,
    tls: parts.tls,
  })
  documentRoutes(app, version)
  const writeOptions = { ingest, bodyTimeoutMs }
  await app.register(operationsRoutes, { door: operations })
  await app.register(remoteWriteRoutes, writeOptions)
  await app.register(otlpRoutes, writeOptions)
  if (parts.identity !== undefined)
    await app.register(identityRoutes, { prefix: '/api/v1', door: parts.identity })
  const identityOf = (request: FastifyRequest) =>
    ingest.identityLabels(request.caller, tenantSourcesOf(request, ingest.tenantHeaders))
  if (rules.rulerAnswer !== undefined)
    await app.register(rulerRoutes, { answer: rules.rulerAnswer })
  await app.register(alertmanagerRoutes, { door: rules.alertmanager })
  await app.register(alertRoutes, { intake: { ...rules.alerts, identityOf } })
  for (const before of ['', tenantPrefix]) {
    const prefix = `${before}/api/v1`
    await app.register(queryRoutes, { prefix, door })
    await app.register(listingRoutes, { prefix, door })
    await app.register(expressionRoutes, { prefix })
    await app.register(statusRoutes, { prefix, door, status })
    await app.register(rulesRoutes, { prefix, door, rules: rules.door })
    await app.register(storedRoutes, { prefix, door, stored })
    await app.register(remoteReadRoutes, { prefix, door })
    await app.register(federateRoutes, { prefix: before, door })
  }
  await app.register(adminRoutes, { prefix: '/api/v1', door, admin })
  const fleet = {
    prefix: '/api/v1',
    door: parts.fleet ?? { fleet: undefined, stream: streamDefaults },
  }
  await app.register(fleetListRoutes, fleet)
  await app.register(fleetExplainRoutes, fleet)
  await app.register(fleetStreamRoutes, fleet)
  return app
}
