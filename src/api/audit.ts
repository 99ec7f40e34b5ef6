// Request ids, and the audit log: who asked what, from where, with which outcome. Bodies and credentials stay out.

import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from '../telemetry/index.ts'

const idPattern = /^[A-Za-z0-9._-]{1,64}$/
const urlSizeMax = 2048

/** The id of a request: the sender's where it is a plain one, so that logs of several services meet, else a new one. */
export function requestIdOf(headers: Readonly<Record<string, unknown>>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && idPattern.test(given) ? given : randomUUID()
}

/** Answers with the request's id, and logs each request where `log` is given. */
export function auditRequests(app: FastifyInstance, log: Logger | undefined): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  if (log === undefined) return
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode, elapsedTime } = reply
    log.info({ ...auditOf(request), status: statusCode, ms: Math.round(elapsedTime) }, 'audit')
  })
}

function auditOf(request: FastifyRequest) {
  return {
    requestId: request.id,
    // Absent where the credentials did not hold, and on routes that ask for none.
    who: (request.caller as { readonly name: string } | undefined)?.name ?? '',
    method: request.method,
    url: request.url.slice(0, urlSizeMax),
    from: request.socket.remoteAddress ?? '',
  }
}
