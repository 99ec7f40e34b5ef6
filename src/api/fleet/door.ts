// What fleet routes need, and how an answer of the fleet goes out: tag, next page, 304.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { requireReader } from '../../access/index.ts'
import type { FleetAnswer, FleetCall, FleetPort } from '../../fleet/index.ts'
import { UserError } from '../../model/index.ts'

/** Bounds of the live stream. */
export interface StreamOptions {
  /** Streams that may be open at a time. */
  readonly streamsMax: number
  /** A comment is sent so often while nothing happens, so that nobody on the way takes the connection for dead. */
  readonly heartbeatMs: number
  /** A reader that takes nothing for so long is let go; it resumes when it comes back. */
  readonly stalledMsMax: number
  /** The rights of the reader are looked at again so often. */
  readonly rightsMs: number
}

/** Defaults. */
export const streamDefaults: StreamOptions = {
  streamsMax: 200,
  heartbeatMs: 15_000,
  stalledMsMax: 30_000,
  rightsMs: 25_000,
}

/** Where fleet routes act. */
export interface FleetDoor {
  /** Absent where this process keeps no fleet. */
  readonly fleet: FleetPort | undefined
  readonly stream: StreamOptions
}

/** The fleet, for who may read anything. Throws UserError forbidden, not_found where none is kept. */
export function fleetOf({ fleet }: FleetDoor, { caller }: FastifyRequest): FleetPort {
  requireReader(caller)
  if (fleet !== undefined) return fleet
  throw new UserError('not_found', {
    what: 'this process keeps no fleet',
    fix: 'name a source of the fleet in the configuration, such as fleet.directory',
  })
}

/** Asks and answers: 304 where the reader has this answer already. */
export async function sendAnswer(
  door: FleetDoor,
  call: FleetCall,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const answer = await fleetOf(door, request).ask(call)
  const etag = `W/${answer.etag}`
  reply.headers({ etag, 'cache-control': 'private, no-cache', vary: 'accept, authorization' })
  if (answer.next !== undefined) reply.header('link', nextLink(request, answer.next))
  if (isKnown(request.headers['if-none-match'], answer.etag)) return reply.code(304).send()
  return reply.type(answer.contentType).send(bytesOf(answer))
}

function bytesOf({ body }: FleetAnswer): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

// RFC 9110: tags are compared without regard to W/.
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

function nextLink(request: FastifyRequest, cursor: string): string {
  const url = new URL(request.url, 'http://localhost')
  url.searchParams.set('cursor', cursor)
  return `<${url.pathname}${url.search}>; rel="next"`
}
