// What all write routes share: bodies stay unread until the handler wants them, and only POST is served.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Serves POST on a path with the body left to the handler as it comes off the socket; other methods get 405. */
export function postOnly(
  app: FastifyInstance,
  url: string,
  handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
): void {
  // The server's own decompression would refuse snappy and read ahead of our bounds.
  const raw = { compress: false, decompress: false } as const
  app.post(url, raw, handler)
  app.route({
    ...raw,
    method: ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    handler: (_request, reply) =>
      reply.code(405).header('allow', 'POST').type('text/plain').send('only POST is served here\n'),
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
