// Who calls: found once per request, before its body is read, and the same for every route.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../model/index.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; absent on routes that are open to everyone. */
    caller: Caller
    /** Who calls by the rights of now, for what stays open; throws as `FindCaller` does. */
    identify(): Promise<Caller>
  }
  interface FastifyContextConfig {
    /** Served to everyone: health and readiness, which have nothing to hide and whose probes prove no identity. */
    isOpen?: boolean
  }
}

/** Finds who calls; throws UserError unauthorized or forbidden. */
export type FindCaller = (request: FastifyRequest) => Caller | Promise<Caller>

/** Gives every request of the application its caller, but for routes whose config says `isOpen`. */
export function identifyCallers(app: FastifyInstance, findCaller: FindCaller): void {
  // Set before any handler runs: a request without its caller is a fault of ours that must not pass as somebody.
  app.decorateRequest('caller', undefined as unknown as Caller)
  app.decorateRequest('identify', async function (this: FastifyRequest) {
    return findCaller(this)
  })
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.isOpen === true) return
    request.caller = await findCaller(request)
  })
}
