// Doors: what the HTTP routes ask of the threads, made from their connections.

import type { FastifyRequest } from 'fastify'
import { readTenants, requireReader } from '../access/index.ts'
import { type AdminDoor, type ReadDoor, tenantSourcesOf } from '../api/index.ts'
import type { IngestOptions } from '../ingest/index.ts'
import type { TenantNaming } from '../model/index.ts'
import type { QueryPool } from '../query/index.ts'
import type { Threads } from './threads.ts'

/** The read door. `known` lists the tenants that have data. */
export function readDoor(parts: {
  readonly pool: QueryPool
  readonly ingest: () => IngestOptions
  readonly known: () => Iterable<string>
  readonly timeoutMs: number
  readonly externalLabels: Readonly<Record<string, string>>
}): ReadDoor {
  const { pool, timeoutMs, externalLabels } = parts
  return {
    ask: (call, signal) => pool.ask(call, signal),
    tenantsOf: tenantsReader(() => parts.ingest().naming, parts.known),
    timeoutMs,
    externalLabels,
  }
}

/** Finds the tenants that a request reads. `known` lists the tenants that have data. */
export function tenantsReader(
  naming: () => TenantNaming,
  known: () => Iterable<string>,
): ReadDoor['tenantsOf'] {
  return (request: FastifyRequest) => {
    requireReader(request.caller)
    const headers = [naming().header.toLowerCase(), 'thanos-tenant']
    return readTenants(naming(), request.caller, tenantSourcesOf(request, headers), known)
  }
}

/** Deletion, clean-up and snapshots, carried out by the block thread. */
export function adminDoor(threads: Threads, enabled: boolean, snapshots: string): AdminDoor {
  const { blocks } = threads
  return {
    enabled,
    async deleteSeries(tenants, selectors, range) {
      for (const tenant of tenants) {
        for (const matchers of selectors)
          await blocks.call('deleteSeries', { tenant, matchers, range })
      }
    },
    async cleanTombstones(tenants) {
      for (const tenant of tenants) await blocks.call('cleanTombstones', tenant)
    },
    async snapshot(skipHead) {
      const time = new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15)
      const name = `${time}Z-${crypto.randomUUID().slice(0, 16).replaceAll('-', '')}`
      await blocks.call('snapshot', { directory: `${snapshots}/${name}`, skipHead })
      return name
    },
  }
}
