// Listing routes: /series, /labels, /label/NAME/values. Default bounds: all time. Source: Prometheus web/api/v1/api.go.

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { UserError } from '../../model/index.ts'
import { described, repeated } from '../described.ts'
import {
  invalid,
  limit,
  maxTimeMs,
  minTimeMs,
  type Parameters,
  texts,
  time,
  unescapeLabelName,
} from '../parameters.ts'
import { parametersOf, type ReadDoor, sendCall } from './reader.ts'

/** The listing routes below the plugin's prefix. */
export const listingRoutes: FastifyPluginAsync<{ door: ReadDoor }> = async (app, { door }) => {
  const series = async (request: FastifyRequest, reply: FastifyReply) => {
    const listing = listingOf(parametersOf(request))
    if (listing.selectors.length === 0) {
      throw new UserError('bad_data', { what: 'no match[] parameter provided' })
    }
    return sendCall(door, request, reply, { kind: 'series', ...listing })
  }
  const names = async (request: FastifyRequest, reply: FastifyReply) =>
    sendCall(door, request, reply, { kind: 'labelNames', ...listingOf(parametersOf(request)) })
  const method = ['GET', 'POST']
  app.route({ method, url: '/series', schema: seriesSchema, handler: series })
  app.route({ method, url: '/labels', schema: labelsSchema, handler: names })
  const schema = valuesSchema
  app.get<{ Params: { name: string } }>(
    '/label/:name/values',
    { schema },
    async (request, reply) => {
      const name = unescapeLabelName(request.params.name)
      if (name === '' || !name.isWellFormed()) {
        throw new UserError('bad_data', { what: `invalid label name: "${name}"` })
      }
      const listing = listingOf(parametersOf(request))
      return sendCall(door, request, reply, { kind: 'labelValues', name, ...listing })
    },
  )
}

const listingParameters = {
  'match[]': repeated('Selectors; series of any of them'),
  start: 'First time; absent: the beginning',
  end: 'Last time; absent: the end',
  limit: 'Most entries; 0 = all',
}

const seriesSchema = described({
  tag: 'query',
  summary: 'Label sets of series',
  query: listingParameters,
})

const labelsSchema = described({
  tag: 'query',
  summary: 'Names of labels',
  query: listingParameters,
})

const valuesSchema = described({
  tag: 'query',
  summary: 'Values of a label',
  params: { name: 'Name of the label; U__ escapes what is no legacy name' },
  query: listingParameters,
})

function listingOf(parameters: Parameters) {
  const fromMs = time(parameters, 'start', minTimeMs)
  const toMs = time(parameters, 'end', maxTimeMs)
  if (toMs < fromMs) throw invalid('end', 'end timestamp must not be before start time')
  return {
    selectors: texts(parameters, 'match[]'),
    minTimeMs: fromMs,
    maxTimeMs: toMs,
    limit: limit(parameters),
  }
}
