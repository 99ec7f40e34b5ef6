// Compression of answers on their way out: of those that the query threads have not compressed already. What is long is
// compressed by Node's own threads.

import { pipeline, type Readable } from 'node:stream'
import { promisify } from 'node:util'
import {
  constants,
  createGzip,
  createZstdCompress,
  gzip,
  type ZlibOptions,
  type ZstdOptions,
  zstdCompress,
} from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptedCoding, type ContentCoding, compressedSizeBytesMin } from '../query/index.ts'

// Events of a stream must not wait for each other.
const compressible = /^text\/(?!event-stream)|[+/](?:json|text|xml)(?:;|$)|\/octet-stream(?:;|$)/

// The fastest levels: JSON of numbers gets a tenth smaller with the default ones, at two and a half times the cost.
const gzipOptions: ZlibOptions = { level: 1 }
const zstdOptions: ZstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

const wholes = {
  gzip: (bytes: Buffer) => promisify(gzip)(bytes, gzipOptions),
  zstd: (bytes: Buffer) => promisify(zstdCompress)(bytes, zstdOptions),
}
const streams = {
  gzip: () => createGzip(gzipOptions),
  zstd: () => createZstdCompress(zstdOptions),
}

/** Compresses what the routes of the application answer, where the reader takes it and it is worth it. */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    if (payload === undefined || payload === null) return done(null, payload)
    const coding = codingFor(request, reply)
    if (coding === undefined) return done(null, payload)
    if (isStream(payload)) {
      mark(reply, coding)
      return done(null, compressedStream(payload, coding))
    }
    const bytes = Buffer.from(payload as string | Buffer)
    if (bytes.length < compressedSizeBytesMin) return done(null, payload)
    mark(reply, coding)
    wholes[coding](bytes).then(
      (packed) => done(null, packed),
      (error: Error) => done(error),
    )
  })
}

function codingFor(request: FastifyRequest, reply: FastifyReply): ContentCoding | undefined {
  if (reply.hasHeader('content-encoding')) return undefined
  if (!compressible.test(String(reply.getHeader('content-type') ?? ''))) return undefined
  return acceptedCoding(request.headers['accept-encoding'])
}

function mark(reply: FastifyReply, coding: ContentCoding): void {
  reply.removeHeader('content-length')
  // The route may have said what else its answer depends on.
  const vary = reply.getHeader('vary')
  const all = vary === undefined ? 'accept-encoding' : `${vary}, accept-encoding`
  reply.headers({ 'content-encoding': coding, vary: all })
}

// A reader who goes away destroys the compressed stream, and with it the source.
function compressedStream(source: Readable, coding: ContentCoding): Readable {
  return pipeline(source, streams[coding](), () => {})
}

function isStream(payload: unknown): payload is Readable {
  return typeof (payload as { pipe?: unknown }).pipe === 'function'
}
