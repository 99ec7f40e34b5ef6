// The API's own document, OpenAPI 3.1, at /api/v1/openapi.json: generated from the routes' schemas when first asked.

import fastify, { type FastifyInstance, type FastifySchema, type RouteOptions } from 'fastify'
import { described, type JsonSchema } from './described.ts'
import { withoutSchemas } from './server.ts'

const tags = {
  write: 'Samples in: remote write, OTLP, alerts',
  query: 'Samples out: the HTTP API of Prometheus',
  rules: 'Rules and alerts',
  status: 'What the server says about itself, as Prometheus does',
  fleet: 'Clusters, placements, policies and applications of every hub',
  admin: 'Deletion and snapshots',
  operations: 'Health, reload, own metrics',
  about: 'This document',
}

/** Collects the routes that are registered afterwards, and serves their document. */
export function documentRoutes(app: FastifyInstance, version: string): void {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    routes.push(route)
  })
  let document: Promise<string> | undefined
  const schema = described({
    tag: 'about',
    summary: 'This document',
    responses: { 200: { description: 'An OpenAPI 3.1 document', type: 'object' } },
  })
  app.get('/api/v1/openapi.json', { schema }, async (_request, reply) => {
    document ??= documentOf(routes, version)
    return reply.type('application/json; charset=utf-8').send(await document)
  })
}

// The generator works on routes as they are registered, so they are once more, on an application that serves nobody: who
// never asks does not load it.
async function documentOf(routes: readonly RouteOptions[], version: string): Promise<string> {
  const { default: swagger } = await import('@fastify/swagger')
  const app = fastify({ ...withoutSchemas, exposeHeadRoutes: false }) as unknown as FastifyInstance
  await app.register(swagger, {
    transform: ({ schema, url }) => ({ schema: withTenant(schema, url), url }),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Crowsnest',
        description: 'Multi-cluster observability gateway',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
        version,
      },
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    },
  })
  for (const { method, url, schema } of routes) {
    if (method === 'HEAD') continue
    app.route({ method, url, ...(schema === undefined ? {} : { schema }), handler: () => {} })
  }
  await app.ready()
  return JSON.stringify(app.swagger())
}

// Routes know nothing of the prefix that some are served below as well.
function withTenant(schema: FastifySchema | undefined, url: string): FastifySchema {
  if (!url.includes('/:tenant/')) return schema ?? {}
  const own = (schema?.params as { properties?: JsonSchema } | undefined)?.properties
  const tenant = { type: 'string', description: 'Tenant' }
  return { ...schema, params: { type: 'object', properties: { tenant, ...own } } }
}
