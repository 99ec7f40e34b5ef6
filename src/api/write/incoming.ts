// From an HTTP request to what the ingest room asks for: tenant sources, headers, and a way to read the body.

import type { FastifyRequest } from 'fastify'
import type { IncomingWrite, IngestService, WriteHeaders } from '../../ingest/index.ts'
import { tenantSourcesOf } from '../tenant-sources.ts'
import { readBody } from './body.ts'

/** What the write routes need. */
export interface WriteRoutesOptions {
  readonly ingest: IngestService
  /** How long a body may take to arrive, and once more what is left of it after an early answer. */
  readonly bodyTimeoutMs: number
}

/** The headers that negotiation reads. */
export function writeHeaders(request: FastifyRequest): WriteHeaders {
  return {
    contentType: one(request.headers['content-type']),
    contentEncoding: one(request.headers['content-encoding']),
    version: one(request.headers['x-prometheus-remote-write-version']),
  }
}

/** The request as the ingest room takes it. */
export function incomingWrite(request: FastifyRequest, options: WriteRoutesOptions): IncomingWrite {
  const declared = one(request.headers['content-length'])
  const declaredSizeBytes = declared === undefined ? undefined : Number(declared)
  return {
    caller: request.caller,
    sources: tenantSourcesOf(request, options.ingest.tenantHeaders),
    sizeBytes: declaredSizeBytes,
    readBody: (sizeBytesMax) =>
      readBody(request.raw, { sizeBytesMax, declaredSizeBytes, timeoutMs: options.bodyTimeoutMs }),
  }
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value[0]
}
