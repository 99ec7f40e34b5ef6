// Expression routes: /format_query and /parse_query. They read no data, so they are answered on the front.

import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { formatQuery, parseQuery } from '../../query/index.ts'
import { success } from '../envelope.ts'
import { text } from '../parameters.ts'
import { parametersOf } from './reader.ts'

/** `/format_query` and `/parse_query` below the plugin's prefix. */
export const expressionRoutes: FastifyPluginAsync = async (app) => {
  const format = async (request: FastifyRequest) =>
    success(formatQuery(text(parametersOf(request), 'query')))
  const parse = async (request: FastifyRequest) =>
    success(parseQuery(text(parametersOf(request), 'query')))
  app.route({ method: ['GET', 'POST'], url: '/format_query', handler: format })
  app.route({ method: ['GET', 'POST'], url: '/parse_query', handler: parse })
}
