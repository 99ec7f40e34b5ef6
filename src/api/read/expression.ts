// Expression routes: /format_query and /parse_query. They read no data, so they are answered on the front.

import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { formatQuery, parseQuery } from '../../query/index.ts'
import { described } from '../described.ts'
import { success } from '../envelope.ts'
import { text } from '../parameters.ts'
import { parametersOf } from './reader.ts'

/** `/format_query` and `/parse_query` below the plugin's prefix. */
export const expressionRoutes: FastifyPluginAsync = async (app) => {
  const format = async (request: FastifyRequest) =>
    success(formatQuery(text(parametersOf(request), 'query')))
  const parse = async (request: FastifyRequest) =>
    success(parseQuery(text(parametersOf(request), 'query')))
  const method = ['GET', 'POST']
  const schemaOf = (summary: string) =>
    described({ tag: 'query', summary, query: { query: 'Expression' } })
  const formatSchema = schemaOf('Prints an expression in the usual form')
  app.route({ method, url: '/format_query', schema: formatSchema, handler: format })
  const parseSchema = schemaOf('Reads an expression as a tree')
  app.route({ method, url: '/parse_query', schema: parseSchema, handler: parse })
}
