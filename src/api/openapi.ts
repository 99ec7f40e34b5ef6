// The API's own document, OpenAPI 3.1, at /api/v1/openapi.json: generated from the routes' schemas when first asked.

import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { described, type JsonSchema } from './described.ts'

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
export async function documentRoutes(app: FastifyInstance, version: string): Promise<void> {
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
  let document: string | undefined
  const schema = described({
    tag: 'about',
    summary: 'This document',
    responses: { 200: { description: 'An OpenAPI 3.1 document', type: 'object' } },
  })
  app.get('/api/v1/openapi.json', { schema }, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(document)
  })
}

// Routes know nothing of the prefix that some are served below as well.
function withTenant(schema: FastifySchema | undefined, url: string): FastifySchema {
  if (!url.includes('/:tenant/')) return schema ?? {}
  const own = (schema?.params as { properties?: JsonSchema } | undefined)?.properties
  const tenant = { type: 'string', description: 'Tenant' }
  return { ...schema, params: { type: 'object', properties: { tenant, ...own } } }
}
