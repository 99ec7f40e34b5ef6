// Operations routes: health, readiness, reload, own metrics, log level. Paths as Prometheus and Thanos have them.

import type { FastifyPluginAsync } from 'fastify'
import { requireAdmin, requireWholeFleet } from '../access/index.ts'
import { UserError } from '../model/index.ts'
import { described, plainSchema } from './described.ts'
import { success } from './envelope.ts'

/** Where operations routes act. */
export interface OperationsDoor {
  /** Undefined when ready, else why not. */
  notReady(): string | undefined
  /** Reads the configuration again; throws UserError bad_config and keeps the old one. */
  reload(): Promise<void>
  exposeMetrics(): Promise<string>
  logLevel(): string
  /** Throws UserError bad_data for an unknown level. */
  setLogLevel(level: string): void
}

const tag = 'operations'

function about(summary: string) {
  const responses = { 200: plainSchema('A text') }
  return described({ tag, summary, produces: ['text/plain'], responses })
}

const open = { config: { isOpen: true } }

/** `/-/healthy`, `/-/ready`, `/-/reload`, `/-/log-level`, `/metrics`. */
export const operationsRoutes: FastifyPluginAsync<{ door: OperationsDoor }> = async (
  app,
  { door },
) => {
  app.get(
    '/-/healthy',
    { ...open, schema: about('Whether the process lives') },
    async (_request, reply) => {
      return reply.type('text/plain; charset=utf-8').send('crowsnest is healthy.\n')
    },
  )
  app.get(
    '/-/ready',
    { ...open, schema: about('Whether queries are answered') },
    async (_request, reply) => {
      const reason = door.notReady()
      reply.type('text/plain; charset=utf-8')
      if (reason === undefined) return reply.send('crowsnest is ready.\n')
      return reply.code(503).header('retry-after', 1).send(`crowsnest is not ready: ${reason}\n`)
    },
  )
  app.route({
    method: ['POST', 'PUT'],
    url: '/-/reload',
    schema: described({ tag, summary: 'Reads the configuration again' }),
    handler: async ({ caller }) => {
      requireAdmin(caller, 'reload the configuration')
      await door.reload()
      return success({ reloaded: true })
    },
  })
  const getLevel = described({ tag, summary: 'The log level' })
  app.get('/-/log-level', { schema: getLevel }, async ({ caller }) => {
    requireAdmin(caller, 'see the log level')
    return success({ level: door.logLevel() })
  })
  app.route<{ Querystring: { level?: string } }>({
    method: ['POST', 'PUT'],
    url: '/-/log-level',
    schema: described({
      tag,
      summary: 'Sets the log level',
      query: { level: 'trace, debug, info, warn, error, fatal or silent' },
    }),
    handler: async (request) => {
      requireAdmin(request.caller, 'set the log level')
      const { level } = request.query
      if (level === undefined) {
        throw new UserError('bad_data', { what: 'no level given; write ?level=debug' })
      }
      door.setLogLevel(level)
      return success({ level })
    },
  })
  app.get('/metrics', { schema: about('Own metrics') }, async ({ caller }, reply) => {
    requireWholeFleet(caller, 'see metrics of the gateway')
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return reply.send(await door.exposeMetrics())
  })
}
