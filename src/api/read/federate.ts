// Federation: GET /federate?match[]=…, the newest sample of every matching series in the text exposition format.

import type { FastifyPluginAsync } from 'fastify'
import { UserError } from '../../model/index.ts'
import { texts } from '../parameters.ts'
import { parametersOf, type ReadDoor, sendCall } from './reader.ts'

/** `/federate` at the root and below tenants' prefixes. */
export const federateRoutes: FastifyPluginAsync<{ door: ReadDoor }> = async (app, { door }) => {
  app.get('/federate', async (request, reply) => {
    const selectors = texts(parametersOf(request), 'match[]')
    if (selectors.length === 0)
      throw new UserError('bad_data', { what: 'no match[] parameter provided' })
    const { externalLabels } = door
    const call = { kind: 'federate', selectors, timeMs: Date.now(), externalLabels } as const
    return sendCall(door, request, reply, call)
  })
}
