// Admin routes: delete_series, clean_tombstones, snapshot. Served only when web.enableAdminApi is on.
// Source: Prometheus web/api/v1/api.go (deleteSeries, cleanTombstones, snapshot).

import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { requireAdmin } from '../access/index.ts'
import { formatMatcher, isMembershipMatcher, type Matcher, UserError } from '../model/index.ts'
import { parseSelectors } from '../query/index.ts'
import { described, emptySchema, repeated } from './described.ts'
import { success } from './envelope.ts'
import { maxTimeMs, minTimeMs, texts, time } from './parameters.ts'
import { parametersOf, type ReadDoor } from './read/reader.ts'

/** Where admin routes act. */
export interface AdminDoor {
  readonly enabled: boolean
  deleteSeries(
    tenants: readonly string[],
    selectors: readonly (readonly Matcher[])[],
    range: { readonly minTimeMs: number; readonly maxTimeMs: number },
  ): Promise<void>
  cleanTombstones(tenants: readonly string[]): Promise<void>
  /** Returns the snapshot's folder name below the data folder's snapshots/. */
  snapshot(skipHead: boolean): Promise<string>
}

/** `/admin/tsdb/*` below the plugin's prefix. */
export const adminRoutes: FastifyPluginAsync<{ door: ReadDoor; admin: AdminDoor }> = async (
  app,
  { door, admin },
) => {
  app.addHook('onRequest', async (request) => {
    requireAdmin(request.caller, 'use the admin API')
    if (admin.enabled) return
    throw new UserError('forbidden', {
      what: 'admin APIs disabled',
      fix: 'start with --web.enable-admin-api',
    })
  })
  const method = ['POST', 'PUT']
  app.route({
    method,
    url: '/admin/tsdb/delete_series',
    schema: deleteSchema,
    handler: async (request, reply) => {
      const parameters = parametersOf(request)
      const selectors = texts(parameters, 'match[]')
      if (selectors.length === 0)
        throw new UserError('bad_data', { what: 'no match[] parameter provided' })
      const range = {
        minTimeMs: time(parameters, 'start', minTimeMs),
        maxTimeMs: time(parameters, 'end', maxTimeMs),
      }
      const parsed = parseSelectors(selectors)
      refuseVirtualLabels(parsed)
      await admin.deleteSeries(door.tenantsOf(request), parsed, range)
      return reply.code(204).send()
    },
  })
  app.route({
    method,
    url: '/admin/tsdb/clean_tombstones',
    schema: cleanSchema,
    handler: async (request, reply) => {
      await admin.cleanTombstones(door.tenantsOf(request))
      return reply.code(204).send()
    },
  })
  app.route({
    method,
    url: '/admin/tsdb/snapshot',
    schema: snapshotSchema,
    handler: async (request) => {
      const skipHead = flagOf(request, 'skip_head')
      return success({ name: await admin.snapshot(skipHead) })
    },
  })
}

// Where these labels were taken as labels that no series has, a negative condition would delete everything.
function refuseVirtualLabels(selectors: readonly (readonly Matcher[])[]): void {
  const virtual = selectors.flat().find(isMembershipMatcher)
  if (virtual === undefined) return
  throw new UserError('bad_data', {
    what: `series cannot be deleted by ${formatMatcher(virtual)}: membership changes over time`,
    fix: 'name the clusters: cluster=~"…"',
  })
}

const done = { 204: emptySchema('It is done') }

const deleteSchema = described({
  tag: 'admin',
  summary: 'Deletes samples of series',
  query: {
    'match[]': repeated('Selectors; at least one'),
    start: 'First time; absent: the beginning',
    end: 'Last time; absent: the end',
  },
  responses: done,
})

const cleanSchema = described({
  tag: 'admin',
  summary: 'Rewrites blocks without what was deleted',
  responses: done,
})

const snapshotSchema = described({
  tag: 'admin',
  summary: 'Copies all blocks into a snapshot',
  query: { skip_head: 'true: without the head' },
})

function flagOf(request: FastifyRequest, name: string): boolean {
  const value = parametersOf(request)[name]
  if (value === undefined || value === '' || value === 'false') return false
  if (value === 'true' || value === '1') return true
  throw new UserError('bad_data', { what: `invalid parameter "${name}": unable to parse boolean` })
}
