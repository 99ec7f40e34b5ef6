// A server with the fleet's routes over the fixture's fleet, and events that a test adds.
import type { FastifyInstance } from 'fastify'
import {
  createServer,
  fleetExplainRoutes,
  fleetListRoutes,
  fleetStreamRoutes,
  streamDefaults,
} from '../../../src/api/index.ts'
import {
  FleetAnswers,
  type FleetEvent,
  type FleetPort,
  isEventSeen,
} from '../../../src/fleet/index.ts'
import type { Caller, Scope } from '../../../src/model/index.ts'
import { createLogger, Metrics } from '../../../src/telemetry/index.ts'
import { viewOf } from '../../fleet/view/view-of.ts'

/** A fleet that a test can let something happen to. */
export interface TestFleet {
  readonly port: FleetPort
  happen(...events: readonly FleetEvent[]): void
  /** Forgets events up to an id. */
  forget(id: number): void
}

/** A fleet with some events. */
export function testFleet(kept: readonly FleetEvent[] = []): TestFleet {
  let events = [...kept]
  const answers = new FleetAnswers()
  const waiting = new Set<() => void>()
  const port: FleetPort = {
    ask: async (call) => answers.answer(viewOf(undefined, events), call),
    async *follow({ afterId, scope }, signal) {
      let sent = afterId
      while (!signal.aborted) {
        const batch = events.filter(({ id }) => id > sent)
        if (batch.length > 0) {
          sent = batch.at(-1)!.id
          yield batch.filter((event) => isEventSeen(scope, event))
          continue
        }
        await new Promise<void>((resolve) => {
          waiting.add(resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
  }
  return {
    port,
    happen(...added) {
      events = [...events, ...added]
      for (const wake of waiting) wake()
      waiting.clear()
    },
    forget(id) {
      events = events.filter((event) => event.id > id)
    },
  }
}

/** An event of the fixture's first cluster. */
export function eventOf(id: number, change: Partial<FleetEvent> = {}): FleetEvent {
  return {
    id,
    atMs: id,
    kind: 'cluster',
    hub: 'local',
    type: 'ManagedCluster',
    namespace: '',
    name: 'prod-eu-1',
    cluster: 'prod-eu-1',
    from: 'available',
    to: 'unreachable',
    reason: '',
    message: '',
    ...change,
  }
}

/** A server that is not listening. */
export async function fleetServer(
  fleet: FleetPort | undefined,
  options: {
    readonly scope?: Scope
    /** Who calls, where it may be somebody else later. */
    readonly findCaller?: (caller: Caller) => Caller
  } & Partial<typeof streamDefaults> = {},
): Promise<FastifyInstance> {
  const { scope = 'all', findCaller = (same) => same, ...bounds } = options
  const stream = { ...streamDefaults, streamsMax: 2, ...bounds }
  const caller: Caller = {
    name: 'somebody',
    identity: { key: '', labels: {} },
    isAdmin: true,
    mayWrite: 'all',
    mayRead: 'all',
    scope,
  }
  const app = await createServer({
    log: createLogger('silent'),
    metrics: new Metrics(),
    findCaller: () => findCaller(caller),
    allowedHosts: [],
    formSizeBytesMax: 1 << 20,
  })
  const routes = { prefix: '/api/v1', door: { fleet, stream } }
  await app.register(fleetListRoutes, routes)
  await app.register(fleetExplainRoutes, routes)
  await app.register(fleetStreamRoutes, routes)
  return app
}
