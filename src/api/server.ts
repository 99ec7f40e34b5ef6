// The HTTP server: what holds for every route: envelope of errors, compression, secure headers, Host check.

import formbody from '@fastify/formbody'
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerOptions,
} from 'fastify'
import { UserError } from '../model/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import { auditRequests, requestIdOf } from './audit.ts'
import { type FindCaller, identifyCallers } from './caller.ts'
import { compressAnswers } from './compression.ts'
import { errorReply } from './envelope.ts'

/** What the server needs from its surroundings. */
export interface ServerOptions {
  readonly log: Logger
  readonly metrics: Metrics
  readonly findCaller: FindCaller
  /** Where every request is noted; absent = nowhere. */
  readonly audit?: Logger | undefined
  /** Host names that a loopback listener answers to; empty = any (the listener is not on loopback). */
  readonly allowedHosts: readonly string[]
  /** Largest form body of a read request in bytes. */
  readonly formSizeBytesMax: number
  /** TLS: certificate and key in PEM. Client certificates are asked for; who has none or a bad one is answered. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

/** An application without routes; register the plugins of this room on it. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: options.formSizeBytesMax,
    forceCloseConnections: 'idle',
    routerOptions: {
      maxParamLength: 4096,
      ignoreTrailingSlash: false,
      querystringParser: parseQueryString,
    },
    requestTimeout: 0,
    genReqId: ({ headers }) => requestIdOf(headers),
    ...withoutSchemas,
    ...httpsOf(options.tls),
  }) as unknown as FastifyInstance
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    // A page on another origin can make a browser ask a loopback server, but not with our name in Host.
    const host = hostOf(request.headers.host ?? '')
    if (options.allowedHosts.length > 0 && !options.allowedHosts.includes(host)) {
      throw new UserError('forbidden', {
        what: `this server does not answer to the host name "${host}"`,
        fix: 'ask for 127.0.0.1 or localhost, or listen on an address that others reach',
      })
    }
  })
  auditRequests(app, options.audit)
  identifyCallers(app, options.findCaller)
  countRequests(app, options.metrics)
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const answer = errorReply(error)
    if (answer.status === 500) options.log.error({ err: error, url: request.url }, 'request failed')
    if (answer.retryAfterSeconds !== undefined)
      reply.header('retry-after', answer.retryAfterSeconds)
    if (answer.status === 401) reply.header('www-authenticate', 'Bearer')
    reply.code(answer.status).send(answer.body)
  })
  app.setNotFoundHandler((request, reply) => {
    const error = `nothing is served at ${request.method} ${request.url.split('?')[0]}`
    reply.code(404).send({ status: 'error', errorType: 'not_found', error })
  })
  compressAnswers(app)
  await app.register(formbody, { parser: parseQueryString, bodyLimit: options.formSizeBytesMax })
  return app
}

type Compilers = NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']
type ValidatorFactory = NonNullable<NonNullable<Compilers>['buildValidator']>

/**
 * Options of an application whose schemas describe and do nothing else: no route pays for them when it is asked, and the
 * compilers, which weigh some megabytes, are not loaded.
 */
export const withoutSchemas: Pick<FastifyServerOptions, 'schemaController'> = {
  schemaController: {
    compilersFactory: {
      // Fastify's type is that of the compiler it would load; all it calls is the innermost function.
      buildValidator: (() => () => () => true) as unknown as ValidatorFactory,
      buildSerializer: () => () => (data) => JSON.stringify(data),
    },
  },
}

// By route, not by URL: a label per series name would be a metric per reader's idea.
// The handshake fails on no certificate: the answer says what is wrong with it.
function httpsOf(tls: ServerOptions['tls']) {
  if (tls === undefined) return {}
  const clients = { requestCert: true, rejectUnauthorized: false }
  return { https: { ...tls, ...clients, minVersion: 'TLSv1.2' as const } }
}

function countRequests(app: FastifyInstance, metrics: Metrics): void {
  const requests = metrics.counter('prometheus_http_requests_total', 'HTTP requests.', [
    'handler',
    'code',
  ])
  const duration = metrics.histogram(
    'prometheus_http_request_duration_seconds',
    'Time from the first byte of a request to the last of its answer.',
    [0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 8, 20, 60, 120],
    ['handler'],
  )
  app.addHook('onResponse', async (request, reply) => {
    const handler = request.routeOptions.url ?? 'unknown'
    requests.inc({ handler, code: String(reply.statusCode) })
    duration.observe({ handler }, reply.elapsedTime / 1000)
  })
}

/** Fires when the reader closes the connection before the answer was sent whole. */
export function abortSignalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}

// Repeated names keep all their values, as Go's url.ParseQuery does.
function parseQueryString(text: string): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    const known = out[name]
    if (known === undefined) out[name] = value
    else if (typeof known === 'string') out[name] = [known, value]
    else known.push(value)
  }
  return out
}

function hostOf(header: string): string {
  const match = /^(\[[^\]]+\]|[^:]*)(?::\d+)?$/.exec(header)
  return match?.[1] ?? header
}
