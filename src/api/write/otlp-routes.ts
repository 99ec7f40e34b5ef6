// OTLP/HTTP metrics: /api/v1/otlp/v1/metrics as Prometheus names it, /api/v1/otlp as Thanos does.
// Source: OTLP specification: 200 with a partial success where some data points were refused; errors are a
// google.rpc.Status in the encoding of the request; 429 and 503 are the ones that an exporter retries.

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import {
  encodeOtlpError,
  encodeOtlpSuccess,
  negotiateOtlp,
  type OtlpAnswer,
  type OtlpForm,
} from '../../ingest/index.ts'
import { UserError } from '../../model/index.ts'
import { described } from '../described.ts'
import { errorReply } from '../envelope.ts'
import { incomingWrite, type WriteRoutesOptions, writeHeaders } from './incoming.ts'
import { passBodiesThrough, postOnly } from './post-only.ts'
import { retryAfterSeconds } from './retry-after.ts'

type Encoding = OtlpForm['encoding']

const schema = described({
  tag: 'write',
  summary: 'OTLP metrics',
  consumes: ['application/x-protobuf', 'application/json'],
  body: { type: 'object', description: 'An ExportMetricsServiceRequest' },
  responses: { 200: { type: 'object', description: 'An ExportMetricsServiceResponse' } },
})

/** The OTLP routes. */
export const otlpRoutes: FastifyPluginAsync<WriteRoutesOptions> = async (app, options) => {
  passBodiesThrough(app, options.bodyTimeoutMs)
  for (const path of ['/api/v1/otlp/v1/metrics', '/api/v1/otlp']) {
    postOnly(app, path, schema, (request, reply) => serve(request, reply, options))
  }
}

async function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  options: WriteRoutesOptions,
): Promise<FastifyReply> {
  let encoding: Encoding = 'protobuf'
  try {
    const form = negotiateOtlp(writeHeaders(request))
    encoding = form.encoding
    const answer = await options.ingest.writeOtlp(incomingWrite(request, options), form)
    return succeed(reply, answer, encoding)
  } catch (error) {
    if (!(error instanceof UserError)) request.log.error({ err: error }, 'an OTLP write failed')
    const { status, body } = errorReply(error)
    return refuse(reply, status, body.error, encoding)
  }
}

function succeed(reply: FastifyReply, answer: OtlpAnswer, encoding: Encoding): FastifyReply {
  const { untranslated, result } = answer
  const count = untranslated.dataPointCount + result.rejectedCount
  const reasons = [...untranslated.reasons, ...result.rejections.map(({ message }) => message)]
  const message = reasons.slice(0, reasonCountMax).join('\n')
  if (result.limited) return refuse(reply, 429, message, encoding)
  // Nothing at all was good: an exporter that only looks at the status must see it.
  const written = result.samplesWritten + result.histogramsWritten
  if (count > 0 && written === 0) return refuse(reply, 400, message, encoding)
  const body = encodeOtlpSuccess(count === 0 ? undefined : { count, message }, encoding)
  return reply.code(200).type(mediaTypes[encoding]).send(body)
}

const reasonCountMax = 10

function refuse(
  reply: FastifyReply,
  status: number,
  message: string,
  encoding: Encoding,
): FastifyReply {
  if (status === 429 || status === 503) reply.header('retry-after', String(retryAfterSeconds))
  const body = encodeOtlpError(rpcCodes[status] ?? rpcCodes[500]!, message, encoding)
  return reply.code(status).type(mediaTypes[encoding]).send(body)
}

const mediaTypes: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

// INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE.
const rpcCodes: Readonly<Record<number, number>> = {
  400: 3,
  403: 7,
  413: 8,
  415: 3,
  429: 8,
  499: 1,
  500: 13,
  503: 14,
}
