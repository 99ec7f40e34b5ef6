// What every read route does first: merge the parameters, find the tenants, bound the time.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Answer, acceptedCoding, type QueryCall } from '../../query/index.ts'
import { duration, type Parameters } from '../parameters.ts'
import { abortSignalOf } from '../server.ts'

/** What read routes need from the rest of the house. */
export interface ReadDoor {
  /** Runs a call on a query thread. */
  ask(call: QueryCall, signal: AbortSignal): Promise<Answer>
  /** Tenants that this request's caller reads; throws UserError forbidden or bad_tenant. */
  tenantsOf(request: FastifyRequest): readonly string[]
  /** Longest time for one call. */
  readonly timeoutMs: number
  readonly externalLabels: Readonly<Record<string, string>>
}

/** A call without what `sendCall` fills in. */
export type CallParts = QueryCall extends infer Call
  ? Call extends QueryCall
    ? Omit<Call, 'tenants' | 'scope' | 'reader' | 'deadlineMs' | 'coding'>
    : never
  : never

/** Query string and form body of a request, merged; the body wins where both name a parameter. */
export function parametersOf(request: FastifyRequest): Parameters {
  const query = request.query as Parameters
  const body = request.body as Parameters | undefined
  return body === undefined || body === null ? query : { ...query, ...body }
}

/** Asks and streams the answer. The `timeout` parameter may shorten the time, never lengthen it. */
export async function sendCall(
  door: ReadDoor,
  request: FastifyRequest,
  reply: FastifyReply,
  parts: CallParts,
): Promise<FastifyReply> {
  const wantedMs = duration(parametersOf(request), 'timeout') ?? door.timeoutMs
  const deadlineMs = Date.now() + Math.min(wantedMs, door.timeoutMs)
  const { scope, name: reader } = request.caller
  const coding = acceptedCoding(request.headers['accept-encoding']?.toString())
  const readable = { tenants: door.tenantsOf(request), scope, reader }
  const call = { ...parts, ...readable, deadlineMs, coding } as QueryCall
  const answer = await door.ask(call, abortSignalOf(reply))
  return reply.headers(answer.headers).send(answer.body)
}
