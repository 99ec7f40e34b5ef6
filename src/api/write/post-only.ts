// What all write routes share: bodies stay unread until the handler wants them, and only POST is served.

import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { UserError } from '../../model/index.ts'

/** Serves POST on a path with the body left to the handler as it comes off the socket; other methods get 405. */
export function postOnly(
  app: FastifyInstance,
  url: string,
  schema: FastifySchema,
  handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
): void {
  app.post(url, { schema }, handler)
  app.route({
    schema: { hide: true },
    method: ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    handler: async (request, reply) => {
      reply.header('allow', 'POST')
      const what = `${request.method} is not served at ${url}`
      throw new UserError('method_not_allowed', { what, fix: 'use POST' })
    },
  })
}

/**
 * Leaves bodies of every content type, or none, to the handlers of this plugin. What an answered request still
 * sends is thrown away, so that its sender gets to read the answer; after `lingerMs` the connection is cut.
 */
export function passBodiesThrough(app: FastifyInstance, lingerMs: number): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.addHook('onResponse', async ({ raw }) => {
    if (raw.readableEnded || raw.destroyed) return
    const timer = setTimeout(() => raw.destroy(), lingerMs)
    raw.once('close', () => clearTimeout(timer)).once('end', () => clearTimeout(timer))
    raw.resume()
  })
}
