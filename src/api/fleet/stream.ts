// The live stream of transitions as server-sent events: resumes after Last-Event-ID, and says 410 where what is missing
// is no longer kept.
// Invariants: a reader that does not read holds one batch and one socket buffer, and is let go after a while; streams
// are bounded in number; a stream ends when the server closes, and when its reader's rights are not those it began with.
// Source: WHATWG HTML, server-sent events.

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { FleetEvent, FleetPort } from '../../fleet/index.ts'
import { UserError } from '../../model/index.ts'
import { described, emptySchema, plainSchema } from '../described.ts'
import { invalid, type Parameters, text } from '../parameters.ts'
import { abortSignalOf } from '../server.ts'
import { type FleetDoor, fleetOf } from './door.ts'
import { filterSchemas, refuseUnknown, split } from './parameters.ts'
import { StreamEnd, watchRights } from './stream-rights.ts'

/** What a browser waits before it comes back. */
const retryMs = 2000

/** A fleet that is still being opened is waited for so long. */
const openMsMax = 10_000
const openPollMs = 100

const filters = ['kind', 'hub', 'cluster', 'namespace'] as const

const schema = described({
  tag: 'fleet',
  summary: 'Transitions as they happen (server-sent events)',
  description:
    'Each event has the id of the transition and the transition as JSON. Resume with Last-Event-ID; after 410, list again. An event with a name of its own (rights_changed, unauthorized, forbidden, gone, unavailable) is the last one and says why.',
  query: {
    ...filterSchemas(filters),
    lastEventId: 'Where to go on, as the header Last-Event-ID; absent: from now on',
  },
  produces: ['text/event-stream'],
  responses: {
    200: plainSchema('The stream; it does not end'),
    410: emptySchema('Events after that id are no longer kept'),
  },
})

/** `/fleet/stream` below the plugin's prefix. */
export const fleetStreamRoutes: FastifyPluginAsync<{ door: FleetDoor }> = async (app, { door }) => {
  const open = new Set<AbortController>()
  app.addHook('preClose', async () => {
    for (const stream of open) stream.abort()
  })
  app.get('/fleet/stream', { schema }, async (request, reply) => {
    const fleet = fleetOf(door, request)
    const parameters = request.query as Parameters
    refuseUnknown(parameters, [...filters, 'lastEventId'])
    const isWanted = eventFilter(parameters)
    if (open.size >= door.stream.streamsMax) {
      throw new UserError('limit_exceeded', {
        what: `${open.size} streams are open, which is the most`,
        fix: 'close others, or ask /api/v1/fleet/events',
      })
    }
    const closing = new AbortController()
    open.add(closing)
    const signal = AbortSignal.any([closing.signal, abortSignalOf(reply)])
    reply.raw.once('close', () => {
      closing.abort()
      open.delete(closing)
    })
    const afterId = await startWhenOpen(fleet, request)
    const batches = fleet.follow({ afterId, scope: request.caller.scope }, signal)
    const { heartbeatMs, stalledMsMax, rightsMs } = door.stream
    watchRights(request, rightsMs, signal, (end) => closing.abort(end))
    const stream = texts(batches, { afterId, isWanted, heartbeatMs }, signal)
    const body = Readable.from(stream, { highWaterMark: 1 })
    letGoWhenStalled(reply.raw, stalledMsMax, signal)
    return reply
      .headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' })
      .type('text/event-stream; charset=utf-8')
      .send(body)
  })
}

// A browser gives a stream up for good that answers anything but 200, so after a restart it waits for the fleet.
async function startWhenOpen(fleet: FleetPort, request: FastifyRequest): Promise<number> {
  for (const deadlineMs = Date.now() + openMsMax; ; await sleep(openPollMs)) {
    try {
      return await startOf(fleet, request)
    } catch (error) {
      const isOpening = error instanceof UserError && error.code === 'unavailable'
      if (!isOpening || Date.now() > deadlineMs) throw error
    }
  }
}

// Where the stream begins. Throws UserError gone for an id whose successors are not kept.
async function startOf(fleet: FleetPort, request: FastifyRequest): Promise<number> {
  const parameters = request.query as Parameters
  const asked = String(request.headers['last-event-id'] ?? text(parameters, 'lastEventId'))
  if (asked !== '' && !/^\d{1,15}$/.test(asked)) throw invalid('lastEventId', `"${asked}" is no id`)
  const { body } = await fleet.ask({
    kind: 'list',
    list: 'events',
    scope: 'all',
    filter: {},
    limit: 1,
    fields: ['id'],
    format: 'json',
  })
  const { oldestId, newestId } = (
    JSON.parse(new TextDecoder().decode(body.slice())) as {
      data: { oldestId: number; newestId: number }
    }
  ).data
  if (asked === '') return newestId
  const afterId = Number(asked)
  if (afterId >= oldestId - 1 && afterId <= newestId) return afterId
  throw new UserError('gone', {
    what: `events after ${afterId} are not kept; kept are ${oldestId} to ${newestId}`,
    fix: 'list again, and follow from there',
  })
}

function eventFilter(parameters: Parameters): (event: FleetEvent) => boolean {
  const wanted = filters.map((name) => [name, split(parameters, name)] as const)
  return (event) =>
    wanted.every(([name, values]) => values.length === 0 || values.includes(event[name]))
}

// Batches as text; comments while nothing happens. An error on the way ends the stream, and the reader resumes.
async function* texts(
  batches: AsyncIterable<readonly FleetEvent[]>,
  options: {
    readonly afterId: number
    readonly isWanted: (event: FleetEvent) => boolean
    readonly heartbeatMs: number
  },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { afterId, isWanted, heartbeatMs } = options
  yield `retry: ${retryMs}\nid: ${afterId}\n\n`
  const iterator = batches[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    while (!signal.aborted) {
      const step = await orHeartbeat(next, heartbeatMs, signal)
      if (step === 'heartbeat') yield ': \n\n'
      else if (step === 'aborted' || step.done === true) break
      else {
        const text = textOf(step.value, isWanted)
        if (text !== '') yield text
        next = iterator.next()
      }
    }
    if (signal.reason instanceof StreamEnd) yield lastOf(signal.reason.event, signal.reason.message)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    yield lastOf(error.code, error.message)
  } finally {
    next.catch(() => undefined)
    void iterator.return?.()
  }
}

function lastOf(event: string, error: string): string {
  return `event: ${event}\ndata: ${JSON.stringify({ error })}\n\n`
}

// The last id of a batch goes out even where none of its events is wanted, so that resuming skips them.
function textOf(batch: readonly FleetEvent[], isWanted: (event: FleetEvent) => boolean): string {
  const parts = batch
    .filter(isWanted)
    .map((event) => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`)
  const last = batch.at(-1)
  if (last !== undefined && !isWanted(last)) parts.push(`id: ${last.id}\n\n`)
  return parts.join('')
}

function orHeartbeat<T>(
  next: Promise<T>,
  heartbeatMs: number,
  signal: AbortSignal,
): Promise<T | 'heartbeat' | 'aborted'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done('heartbeat'), heartbeatMs)
    const onAbort = (): void => done('aborted')
    const done = (value: T | 'heartbeat' | 'aborted'): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve(value)
    }
    if (signal.aborted) done('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    next.then(done, (error: unknown) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      reject(error)
    })
  })
}

// Heartbeats flow into a socket whose peer reads nothing until its buffer is full; then nothing is written any more.
function letGoWhenStalled(raw: ServerResponse, stalledMsMax: number, signal: AbortSignal): void {
  let stalledSinceMs: number | undefined
  const timer = setInterval(() => {
    if (!raw.writableNeedDrain) stalledSinceMs = undefined
    else stalledSinceMs ??= Date.now()
    if (stalledSinceMs !== undefined && Date.now() - stalledSinceMs > stalledMsMax) raw.destroy()
  }, stalledMsMax / 6)
  timer.unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
