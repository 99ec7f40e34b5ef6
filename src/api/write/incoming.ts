// From an HTTP request to what the ingest room asks for: tenant sources, headers, and a way to read the body.

import type { FastifyRequest } from 'fastify'
import type { IncomingWrite, IngestService, WriteHeaders } from '../../ingest/index.ts'
import type { Caller } from '../../model/index.ts'
import { readBody } from './body.ts'

/** What the write routes need. */
export interface WriteRoutesOptions {
  readonly ingest: IngestService
  /** Who sent this request. */
  readonly callerOf: (request: FastifyRequest) => Caller
  /** How long a body may take from its first byte to its last. */
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
  const path = (request.params as { readonly tenant?: string }).tenant
  const headers = tenantValues(request, options.ingest.tenantHeaders)
  return {
    caller: options.callerOf(request),
    sources: path === undefined ? { headers } : { path, headers },
    sizeBytes: declaredSizeBytes,
    readBody: (sizeBytesMax) =>
      readBody(request.raw, { sizeBytesMax, declaredSizeBytes, timeoutMs: options.bodyTimeoutMs }),
  }
}

// Node joins repeated headers with a comma, which may stand in a tenant's name, so the raw list is read.
function tenantValues(request: FastifyRequest, names: readonly string[]): string[] {
  const { rawHeaders } = request.raw
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (names.includes(rawHeaders[i]!.toLowerCase())) values.push(rawHeaders[i + 1]!)
  }
  return values
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value[0]
}
