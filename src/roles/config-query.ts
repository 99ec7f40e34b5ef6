// Sections `tenants` and `query` of the configuration, and the limits that readers and tenants have in common.

import Type from 'typebox'
import { closed, count, duration, limits, relabelRule, size, text } from './config-sections.ts'

/** Limits of each `of`: reader, tenant. */
export function readLimits(of: 'reader' | 'tenant') {
  return {
    queriesInFlight: count(
      0,
      `Most queries of one ${of} at a time, waiting ones included; 0 = unlimited.`,
    ),
    queriesPerMinute: count(
      0,
      `Most queries of one ${of} in a minute; a minute's worth may come at once; 0 = unlimited.`,
    ),
    samplesPerQuery: count(
      0,
      `Most samples that one query of a ${of} may hold at a time; 0 = as query.maxSamples.`,
    ),
    queryRange: duration(
      '0s',
      `Longest range of a query of a ${of}, and how far beyond it selectors may look; lists begin no earlier; 0s = unlimited.`,
    ),
  }
}

/** Such limits of one by name; what is absent is as for all. */
export function readLimitsOverride(of: 'reader' | 'tenant') {
  return Type.Partial(Type.Object(readLimits(of), { additionalProperties: false }))
}

const tenantOverride = Type.Object(
  {
    limits: Type.Optional(Type.Partial(Type.Object(limits, { additionalProperties: false }))),
    writeRelabel: Type.Optional(Type.Array(relabelRule)),
    queryLimits: Type.Optional(readLimitsOverride('tenant')),
  },
  { additionalProperties: false },
)

/** Section of the configuration. */
export const tenants = Type.Object(
  {
    header: text('THANOS-TENANT', 'Request header that names the tenant.'),
    default: text('default-tenant', 'Tenant of requests that name none.'),
    label: text('tenant_id', 'External label that carries the tenant on shipped blocks.'),
    aliases: Type.Record(Type.String(), Type.String(), {
      default: { default: 'default-tenant' },
      description: 'Other names of tenants, as they appear in paths and headers.',
    }),
    overrides: Type.Record(Type.String(), tenantOverride, {
      default: {},
      description: 'Limits and relabelling of single tenants.',
    }),
  },
  closed,
)

/** Section of the configuration. */
export const query = Type.Object(
  {
    workers: count(0, 'Query threads; 0 = one per core, at most four.'),
    timeout: duration('2m', 'Longest evaluation of one query.'),
    maxConcurrent: count(20, 'Queries evaluated at a time; more wait.', 1),
    maxMemory: size('512MB', 'Memory that one query may hold at a time.'),
    maxMemoryTotal: size(
      '',
      'Memory that all queries may hold together, shared out to the query threads; empty = a quarter of memory.limit.',
    ),
    stepCacheSize: size(
      '64MB',
      'Answers of range queries kept by step, so that a refreshed panel computes new steps only; 0 = none.',
    ),
    maxSamples: count(50_000_000, 'Samples that one query may hold in memory at a time.', 1),
    limits: Type.Object(readLimits('tenant'), closed),
    lookbackDelta: duration('5m', 'How far back an instant selector looks for its sample.'),
    replicaLabel: Type.Array(Type.String(), {
      default: [],
      description: 'Labels that tell replicas apart; series equal but for them are deduplicated.',
    }),
  },
  closed,
)
