// Remote read: POST /api/v1/read with a snappy-compressed ReadRequest. Negotiation of the answer's form happens where
// it is made (query/remote-read.ts), since it depends on the request's list of accepted forms.

import type { FastifyPluginAsync } from 'fastify'
import snappy from 'snappyjs'
import { UserError } from '../../model/index.ts'
import { described, plainSchema } from '../described.ts'
import { type ReadDoor, sendCall } from './reader.ts'

/** Largest ReadRequest in bytes, compressed and plain: it holds matchers only. */
const requestSizeBytesMax = 1 << 20

const schema = described({
  tag: 'query',
  summary: 'Remote read: samples, or streamed chunks',
  consumes: ['application/x-protobuf'],
  body: { type: 'string', description: 'A ReadRequest, compressed with snappy' },
  produces: ['application/x-protobuf', 'application/x-streamed-protobuf'],
  responses: { 200: plainSchema('A ReadResponse, or frames of ChunkedReadResponse') },
})

/** `/read` below the plugin's prefix. */
export const remoteReadRoutes: FastifyPluginAsync<{ door: ReadDoor }> = async (app, { door }) => {
  app.addContentTypeParser(
    'application/x-protobuf',
    { parseAs: 'buffer', bodyLimit: requestSizeBytesMax },
    (_request, body, done) => done(null, body),
  )
  app.post('/read', { schema }, async (request, reply) => {
    const { externalLabels } = door
    const body = decompress(request.body as Buffer | undefined)
    return sendCall(door, request, reply, { kind: 'remoteRead', request: body, externalLabels })
  })
}

function decompress(body: Buffer | undefined): Uint8Array {
  if (body === undefined) throw new UserError('bad_data', { what: 'the request has no body' })
  try {
    return snappy.uncompress(new Uint8Array(body), requestSizeBytesMax)
  } catch (cause) {
    throw new UserError('bad_data', {
      what: 'the body is not a snappy block of at most 1 MiB',
      cause,
    })
  }
}
