// What storage lanes keep beside samples: metadata of metric families and exemplars. Asked on the lanes themselves.

import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Caller, Matcher } from '../../model/index.ts'
import { selectorsIn } from '../../query/index.ts'
import { described } from '../described.ts'
import { success } from '../envelope.ts'
import { limit, maxTimeMs, minTimeMs, text, time } from '../parameters.ts'
import { parametersOf, type ReadDoor } from './reader.ts'

/** Metadata of one metric family. */
export interface FamilyMetadata {
  readonly type: string
  readonly help: string
  readonly unit: string
}

/** Exemplars of one series. */
export interface SeriesExemplars {
  readonly seriesLabels: Readonly<Record<string, string>>
  readonly exemplars: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly value: string
    /** Seconds. */
    readonly timestamp: number
  }[]
}

/** Who reads, and what they see. */
export type Reader = Pick<Caller, 'name' | 'scope'>

/** Where these routes get their data: what the reader sees of it. */
export interface StoredDoor {
  metadata(
    tenants: readonly string[],
    metric: string,
    reader: Reader,
  ): Promise<ReadonlyMap<string, readonly FamilyMetadata[]>>
  exemplars(
    tenants: readonly string[],
    selectors: readonly (readonly Matcher[])[],
    range: { readonly minTimeMs: number; readonly maxTimeMs: number },
    reader: Reader,
  ): Promise<readonly SeriesExemplars[]>
}

const metadataSchema = described({
  tag: 'query',
  summary: 'Type, help and unit of metric families',
  query: {
    metric: 'One family only',
    limit: 'Most families; 0 = all',
    limit_per_metric: 'Most entries of one family; 0 = all',
  },
})

const exemplarsSchema = described({
  tag: 'query',
  summary: 'Exemplars of the series that an expression names',
  query: {
    query: 'Expression',
    start: 'First time; absent: the beginning',
    end: 'Last time; absent: the end',
  },
})

/** `/metadata` and `/query_exemplars` below the plugin's prefix. */
export const storedRoutes: FastifyPluginAsync<{ door: ReadDoor; stored: StoredDoor }> = async (
  app,
  { door, stored },
) => {
  app.get('/metadata', { schema: metadataSchema }, async (request) => {
    const parameters = parametersOf(request)
    const familiesMax = limit(parameters)
    const perFamilyMax = limit(parameters, 'limit_per_metric')
    const tenants = door.tenantsOf(request)
    const families = await stored.metadata(tenants, text(parameters, 'metric'), request.caller)
    const out: Record<string, readonly FamilyMetadata[]> = {}
    let count = 0
    for (const [name, entries] of families) {
      if (familiesMax > 0 && count++ >= familiesMax) break
      out[name] = perFamilyMax > 0 ? entries.slice(0, perFamilyMax) : entries
    }
    return success(out)
  })
  const exemplars = async (request: FastifyRequest) => {
    const parameters = parametersOf(request)
    const range = {
      minTimeMs: time(parameters, 'start', minTimeMs),
      maxTimeMs: time(parameters, 'end', maxTimeMs),
    }
    const selectors = selectorsIn(text(parameters, 'query'))
    const tenants = door.tenantsOf(request)
    return success(await stored.exemplars(tenants, selectors, range, request.caller))
  }
  app.route({
    method: ['GET', 'POST'],
    url: '/query_exemplars',
    schema: exemplarsSchema,
    handler: exemplars,
  })
}
