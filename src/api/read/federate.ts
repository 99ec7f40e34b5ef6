// Federation: GET /federate?match[]=…, the newest sample of every matching series in the text exposition format.

import type { FastifyPluginAsync } from 'fastify'
import { UserError } from '../../model/index.ts'
import { described, plainSchema, repeated } from '../described.ts'
import { texts } from '../parameters.ts'
import { parametersOf, type ReadDoor, sendCall } from './reader.ts'

const schema = described({
  tag: 'query',
  summary: 'The newest sample of every matching series',
  query: { 'match[]': repeated('Selectors; at least one') },
  produces: ['text/plain'],
  responses: { 200: plainSchema('Text exposition format') },
})

/** `/federate` at the root and below tenants' prefixes. */
export const federateRoutes: FastifyPluginAsync<{ door: ReadDoor }> = async (app, { door }) => {
  app.get('/federate', { schema }, async (request, reply) => {
    const selectors = texts(parametersOf(request), 'match[]')
    if (selectors.length === 0)
      throw new UserError('bad_data', { what: 'no match[] parameter provided' })
    const { externalLabels } = door
    const call = { kind: 'federate', selectors, timeMs: Date.now(), externalLabels } as const
    return sendCall(door, request, reply, call)
  })
}
