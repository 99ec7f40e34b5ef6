// Why a placement is as it is: GET for one that exists, POST for one to be tried.

import type { FastifyPluginAsync } from 'fastify'
import { parse } from 'yaml'
import { UserError } from '../../model/index.ts'
import { described, type RouteDescription, successSchema } from '../described.ts'
import { type Parameters, text } from '../parameters.ts'
import { type FleetDoor, sendAnswer } from './door.ts'
import { refuseUnknown } from './parameters.ts'

/** Largest manifest in bytes. */
const manifestSizeBytesMax = 256 * 1024

const about = {
  tag: 'fleet',
  params: { namespace: 'Namespace of the placement', name: 'Name of the placement' },
  query: { hub: 'Name of the hub; absent: the first that fits' },
  responses: {
    200: successSchema({ type: 'object' }, 'For each cluster what removed it, or its scores'),
  },
} satisfies Partial<RouteDescription>

/** `/fleet/placements/NS/NAME/explain` below the plugin's prefix. */
export const fleetExplainRoutes: FastifyPluginAsync<{ door: FleetDoor }> = async (
  app,
  { door },
) => {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(
    ['application/json', 'application/yaml', 'application/x-yaml', 'text/yaml'],
    { parseAs: 'string', bodyLimit: manifestSizeBytesMax },
    (_request, body, done) => done(null, body),
  )
  const url = '/fleet/placements/:namespace/:name/explain'
  const get = described({ ...about, summary: 'Explains a placement' })
  app.get<{ Params: Target }>(url, { schema: get }, async (request, reply) => {
    const call = callOf(request.query as Parameters, request.params)
    return sendAnswer(door, { ...call, scope: request.caller.scope }, request, reply)
  })
  const post = described({
    ...about,
    summary: 'Explains a Placement that does not exist yet',
    consumes: ['application/json', 'application/yaml'],
    body: { type: 'object', description: 'A Placement of cluster.open-cluster-management.io' },
  })
  app.post<{ Params: Target }>(url, { schema: post }, async (request, reply) => {
    const manifest = parseManifest(request.body)
    const call = { ...callOf(request.query as Parameters, request.params), manifest }
    return sendAnswer(door, { ...call, scope: request.caller.scope }, request, reply)
  })
}

interface Target {
  readonly namespace: string
  readonly name: string
}

function callOf(parameters: Parameters, { namespace, name }: Target) {
  refuseUnknown(parameters, ['hub'])
  const hub = text(parameters, 'hub')
  return { kind: 'explain', namespace, name, ...(hub === '' ? {} : { hub }) } as const
}

// JSON is YAML too, so one parser reads both.
function parseManifest(body: unknown): unknown {
  if (typeof body !== 'string' || body.trim() === '')
    throw new UserError('bad_data', {
      what: 'the request has no body',
      fix: 'send a Placement as JSON or YAML',
    })
  try {
    return parse(body, { maxAliasCount: 100 })
  } catch (cause) {
    const what = `the body is neither JSON nor YAML: ${(cause as Error).message.split('\n')[0]}`
    throw new UserError('bad_data', { what, cause })
  }
}
