// Remote write 1.0 and 2.0: /api/v1/write as Prometheus answers it, the two receive paths as Thanos does.
// Source: remote write specifications; facts about Thanos receive.

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import {
  negotiateWrite,
  rejectionText,
  type WriteAnswer,
  type WriteDialect,
} from '../../ingest/index.ts'
import { UserError } from '../../model/index.ts'
import { described, emptySchema } from '../described.ts'
import { errorReply } from '../envelope.ts'
import { incomingWrite, type WriteRoutesOptions, writeHeaders } from './incoming.ts'
import { passBodiesThrough, postOnly } from './post-only.ts'
import { retryAfterSeconds } from './retry-after.ts'

const paths: readonly (readonly [path: string, dialect: WriteDialect])[] = [
  ['/api/v1/write', 'prometheus'],
  ['/api/v1/receive', 'thanos'],
  ['/api/metrics/v1/:tenant/api/v1/receive', 'thanos'],
]

const schema = described({
  tag: 'write',
  summary: 'Remote write 1.0 and 2.0',
  consumes: ['application/x-protobuf'],
  body: { type: 'string', description: 'A write request, compressed with snappy' },
  responses: { 204: emptySchema('Everything is durable; headers say how much was written') },
})

/** The remote-write routes. */
export const remoteWriteRoutes: FastifyPluginAsync<WriteRoutesOptions> = async (app, options) => {
  passBodiesThrough(app, options.bodyTimeoutMs)
  for (const [path, dialect] of paths) {
    postOnly(app, path, schema, (request, reply) => serve(request, reply, dialect, options))
  }
}

async function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  dialect: WriteDialect,
  options: WriteRoutesOptions,
): Promise<FastifyReply> {
  try {
    const format = negotiateWrite(dialect, writeHeaders(request))
    // From here on every answer says what was written, as remote write 2.0 asks.
    reply.headers(writtenHeaders())
    const write = incomingWrite(request, options)
    return answer(reply, await options.ingest.write(write, format, dialect))
  } catch (error) {
    return refuse(request, reply, error)
  }
}

function answer(reply: FastifyReply, { status, result }: WriteAnswer): FastifyReply {
  reply.code(status).headers(writtenHeaders(result))
  if (status < 300) return reply.send()
  if (status === 429) reply.header('retry-after', String(retryAfterSeconds))
  return reply.type('text/plain; charset=utf-8').send(rejectionText(result))
}

function refuse(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const { status, body } = errorReply(error)
  if (!(error instanceof UserError)) request.log.error({ err: error }, 'a write failed')
  if (status === 429 || status === 503) reply.header('retry-after', String(retryAfterSeconds))
  return reply.code(status).type('text/plain; charset=utf-8').send(`${body.error}\n`)
}

function writtenHeaders(result?: WriteAnswer['result']): Record<string, string> {
  return {
    'x-prometheus-remote-write-samples-written': String(result?.samplesWritten ?? 0),
    'x-prometheus-remote-write-histograms-written': String(result?.histogramsWritten ?? 0),
    'x-prometheus-remote-write-exemplars-written': String(result?.exemplarsWritten ?? 0),
  }
}
