// What all write routes share: bodies stay unread until the handler wants them, and only POST is served.

import type { FastifyInstance } from 'fastify'

/** Leaves bodies of every content type, or none, to the handlers of this plugin. */
export function passBodiesThrough(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
}

/** Answers every other method on a path with 405. */
export function refuseOtherMethods(app: FastifyInstance, url: string): void {
  app.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    handler: (_request, reply) =>
      reply.code(405).header('allow', 'POST').type('text/plain').send('only POST is served here\n'),
  })
}
