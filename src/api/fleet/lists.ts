// Lists of the fleet, single things of each, and the summary.

import type { FastifyPluginAsync } from 'fastify'
import {
  type FleetFilter,
  type FleetList,
  fleetLists,
  listFields,
  listFilters,
  summaryFilters,
} from '../../fleet/index.ts'
import { described, emptySchema, type JsonSchema, successSchema } from '../described.ts'
import type { Parameters } from '../parameters.ts'
import { text } from '../parameters.ts'
import { type FleetDoor, sendAnswer } from './door.ts'
import {
  filterOf,
  filterSchemas,
  formatOf,
  listParameters,
  pageOfRequest,
  split,
} from './parameters.ts'

/** Path of one thing below its list: its parameters, in order. */
const objectPaths: Readonly<Record<FleetList, readonly string[]>> = {
  clusters: ['name'],
  clustersets: ['name'],
  placements: ['namespace', 'name'],
  addons: ['cluster', 'name'],
  rollouts: ['name'],
  policies: ['namespace', 'name'],
  policysets: ['namespace', 'name'],
  applications: ['namespace', 'name'],
  events: ['id'],
  sources: ['name'],
}

/** Filters that single things know: where several have one name, and which of their clusters are shown. */
const objectFilters: Readonly<Record<FleetList, readonly (keyof FleetFilter)[]>> = {
  clusters: ['hub'],
  clustersets: ['hub', 'cluster', 'selector', 'placement'],
  placements: ['hub', 'cluster', 'set', 'selector'],
  addons: ['hub'],
  rollouts: ['hub', 'cluster', 'set', 'selector', 'placement', 'state'],
  policies: ['hub', 'cluster', 'set', 'selector', 'placement', 'state'],
  policysets: ['hub', 'cluster', 'set', 'selector', 'placement'],
  applications: ['hub', 'cluster', 'set', 'selector', 'placement', 'state'],
  events: [],
  sources: [],
}

/** Lists whose single things have one name for several kinds. */
const kinded: readonly FleetList[] = ['placements', 'applications']

type Params = Readonly<Record<string, string>>

/** `/fleet/LIST`, `/fleet/LIST/…` and `/fleet/summary` below the plugin's prefix. */
export const fleetListRoutes: FastifyPluginAsync<{ door: FleetDoor }> = async (app, { door }) => {
  for (const list of fleetLists) {
    app.get(`/fleet/${list}`, { schema: listSchema(list) }, async (request, reply) => {
      const parameters = request.query as Parameters
      const others = ['sort', 'limit', 'cursor', 'fields', 'format']
      const filter = filterOf(parameters, listFilters[list], others)
      const sort = text(parameters, 'sort')
      const fields = split(parameters, 'fields')
      const call = {
        kind: 'list',
        list,
        scope: request.caller.scope,
        filter,
        format: formatOf(request, parameters),
        ...pageOfRequest(parameters),
        ...(sort === '' ? {} : { sort }),
        ...(fields.length === 0 ? {} : { fields }),
      } as const
      return sendAnswer(door, call, request, reply)
    })
    const path = objectPaths[list].map((name) => `:${name}`).join('/')
    const url = `/fleet/${list}/${path}`
    app.get<{ Params: Params }>(url, { schema: objectSchema(list) }, async (request, reply) => {
      const parameters = request.query as Parameters
      const filter = filterOf(parameters, objectFilters[list], ['kind', 'limit', 'cursor'])
      const { namespace, cluster, name, id } = request.params
      const type = text(parameters, 'kind')
      const call = {
        kind: 'object',
        list,
        scope: request.caller.scope,
        filter,
        namespace: namespace ?? cluster ?? '',
        name: name ?? id ?? '',
        ...pageOfRequest(parameters),
        ...(type === '' ? {} : { type }),
      } as const
      return sendAnswer(door, call, request, reply)
    })
  }
  app.get('/fleet/summary', { schema: summarySchema }, async (request, reply) => {
    const filter = filterOf(request.query as Parameters, summaryFilters, [])
    const call = { kind: 'summary', scope: request.caller.scope, filter } as const
    return sendAnswer(door, call, request, reply)
  })
}

function listSchema(list: FleetList) {
  return described({
    tag: 'fleet',
    summary: `Lists ${list}`,
    query: listParameters(list),
    produces: ['application/json', 'text/csv'],
    responses: {
      200: successSchema(
        {
          type: 'object',
          required: ['items'],
          properties: {
            items: { type: 'array', items: itemSchema(list) },
            total: { type: 'integer', description: 'Entries on all pages' },
            next: { type: 'string', description: 'Cursor of the next page' },
          },
        },
        'One page, also as CSV; the Link header names the next',
      ),
      304: notModified,
    },
  })
}

function objectSchema(list: FleetList) {
  const names = objectPaths[list]
  const hasPage = Object.hasOwn(listFields[list], 'clusterCount')
  return described({
    tag: 'fleet',
    summary: `One of ${list}`,
    params: Object.fromEntries(names.map((name) => [name, paramTexts[name]!])),
    query: {
      ...filterSchemas(objectFilters[list]),
      ...(kinded.includes(list) ? { kind: 'Kind of the object' } : {}),
      ...(hasPage
        ? {
            limit: { type: 'integer', minimum: 1, description: 'Clusters of a page' },
            cursor: 'As the answer before gave it',
          }
        : {}),
    },
    responses: { 200: successSchema(itemSchema(list)), 304: notModified },
  })
}

const paramTexts: Params = {
  name: 'Name',
  namespace: 'Namespace on the hub',
  cluster: 'Name of the cluster',
  id: 'Id of the event',
}

const notModified = emptySchema('The answer has the tag that If-None-Match names')

function itemSchema(list: FleetList): JsonSchema {
  return { type: 'object', properties: listFields[list] }
}

const summarySchema = described({
  tag: 'fleet',
  summary: 'Counts of everything by state, flaps, and compliance by standard, category and control',
  query: filterSchemas(summaryFilters),
  responses: { 200: successSchema({ type: 'object' }), 304: notModified },
})
