// What a route's schema says for the API's document. Schemas describe here; they validate nothing: parameters are
// parsed by hand, with Prometheus' errors, and write bodies are read by hand.

import type { FastifySchema } from 'fastify'

declare module 'fastify' {
  interface FastifySchema {
    /** Read by the generator of the document. */
    tags?: readonly string[]
    summary?: string
    description?: string
    consumes?: readonly string[]
    produces?: readonly string[]
    /** Left out of the document. */
    hide?: boolean
  }
}

/** A piece of JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What is said of a route. Parameters are name to description, or to a schema. */
export interface RouteDescription {
  readonly tag: 'write' | 'query' | 'rules' | 'status' | 'admin' | 'operations' | 'fleet' | 'about'
  readonly summary: string
  readonly description?: string
  readonly query?: Readonly<Record<string, string | JsonSchema>>
  readonly params?: Readonly<Record<string, string | JsonSchema>>
  readonly body?: JsonSchema
  /** Media types of the body, where it is not JSON. */
  readonly consumes?: readonly string[]
  /** Media types of the answer, where it is not JSON. */
  readonly produces?: readonly string[]
  /** Answers by status; absent: 200 with the envelope. */
  readonly responses?: Readonly<Record<string, JsonSchema>>
}

/** The schema of a route. */
export function described(route: RouteDescription): FastifySchema {
  const { tag, summary, description, query, params, body, consumes, produces } = route
  return {
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(query === undefined ? {} : { querystring: objectSchema(query) }),
    ...(params === undefined ? {} : { params: objectSchema(params) }),
    ...(body === undefined ? {} : { body }),
    ...(consumes === undefined ? {} : { consumes }),
    ...(produces === undefined ? {} : { produces }),
    response: { ...(route.responses ?? { 200: successSchema() }), default: errorAnswer },
  }
}

/** `{"status":"success","data":…}`. */
export function successSchema(
  data: JsonSchema = {},
  description = 'What was asked for',
): JsonSchema {
  return {
    description,
    type: 'object',
    required: ['status', 'data'],
    properties: {
      status: { type: 'string', enum: ['success'] },
      data,
      warnings: { type: 'array', items: { type: 'string' } },
    },
  }
}

/** An answer without a body. */
export function emptySchema(description: string): JsonSchema {
  return { description, type: 'null' }
}

/** An answer that is described by words only. */
export function plainSchema(description: string): JsonSchema {
  return { description, type: 'string' }
}

/** A parameter that may be repeated. */
export function repeated(description: string, values?: readonly string[]): JsonSchema {
  const items = values === undefined ? { type: 'string' } : { type: 'string', enum: values }
  return { type: 'array', items, description }
}

const errorSchema: JsonSchema = {
  description: 'What was wrong, where, and how to put it right',
  type: 'object',
  required: ['status', 'errorType', 'error'],
  properties: {
    status: { type: 'string', enum: ['error'] },
    errorType: { type: 'string', description: 'Word for the kind of error' },
    error: { type: 'string', description: 'What happened, where, and how to put it right' },
  },
}

// Errors are JSON whatever else a route answers with.
const errorAnswer: JsonSchema = {
  description: 'What was wrong, where, and how to put it right',
  content: { 'application/json': { schema: errorSchema } },
}

function objectSchema(fields: Readonly<Record<string, string | JsonSchema>>): JsonSchema {
  const properties = Object.entries(fields).map(([name, field]) => [
    name,
    typeof field === 'string' ? { type: 'string', description: field } : field,
  ])
  return { type: 'object', properties: Object.fromEntries(properties) }
}
