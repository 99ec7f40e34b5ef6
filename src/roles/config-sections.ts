// Sections of the configuration: the fields of storage, ingest, tenants and query, each with default and description.

import Type from 'typebox'

/** Section of the configuration. */
export const closed = { additionalProperties: false, default: {} } as const

/** A field of the configuration. */
export function duration(byDefault: string, description: string) {
  return Type.String({ default: byDefault, description, kind: 'duration' })
}

/** A field of the configuration. */
export function size(byDefault: string, description: string) {
  return Type.String({ default: byDefault, description, kind: 'size' })
}

/** A field of the configuration. */
export function text(byDefault: string, description: string, kind?: string) {
  return Type.String({ default: byDefault, description, ...(kind === undefined ? {} : { kind }) })
}

/** A field of the configuration. */
export function count(byDefault: number, description: string, minimum = 0) {
  return Type.Integer({ default: byDefault, minimum, description })
}

/** A field of the configuration. */
export function flag(description: string) {
  return Type.Boolean({ default: false, description })
}

/** Section of the configuration. */
export const limits = {
  bodySize: size(
    '32MB',
    'Largest write body as it arrives; decompressed it may be eight times that.',
  ),
  seriesPerRequest: count(0, 'Most series in one write request; 0 = unlimited.'),
  samplesPerRequest: count(0, 'Most samples in one write request; 0 = unlimited.'),
  activeSeries: count(0, 'Most series that a tenant may have in the head; 0 = unlimited.'),
  labelsPerSeries: count(64, 'Most labels on one series; 0 = unlimited.'),
  labelNameSize: count(1024, 'Longest label name in bytes; 0 = unlimited.'),
  labelValueSize: count(8192, 'Longest label value in bytes; 0 = unlimited.'),
  requestsInFlight: count(64, 'Most write requests of one tenant at a time; 0 = unlimited.'),
}

/** A rule of relabel_config; checked where it is compiled. */
export const relabelRule = Type.Record(Type.String(), Type.Unknown())

const tenantOverride = Type.Object(
  {
    limits: Type.Optional(Type.Partial(Type.Object(limits, { additionalProperties: false }))),
    writeRelabel: Type.Optional(Type.Array(relabelRule)),
  },
  { additionalProperties: false },
)

/** Section of the configuration. */
export const storage = Type.Object(
  {
    lanes: count(0, 'Storage threads; 0 = one, more from eight cores on.'),
    startTimestamps: flag(
      'Keep start timestamps and use them in queries; chunks that have any are in encodings 4 to 6.',
    ),
    lateDataWait: duration(
      '10m',
      'A window that is over becomes a block once nothing was written to it for so long.',
    ),
    retentionTime: duration('15d', 'Age at which local blocks are deleted.'),
    retentionSize: size('0', 'Size of local blocks above which the oldest go; 0 = unlimited.'),
    shipInterval: duration('30s', 'How often new blocks are looked for and shipped.'),
  },
  closed,
)

/** Section of the configuration. */
export const ingest = Type.Object(
  {
    outOfOrderWindow: duration(
      '6h',
      'How far behind its own newest sample a series may be written.',
    ),
    requestsInFlight: count(256, 'Most write requests at a time over all tenants.', 1),
    exemplarsPerTenant: count(10_000, 'Exemplars kept per tenant; the oldest go first.'),
    otlpTranslation: text(
      'UnderscoreEscapingWithSuffixes',
      'How OTLP names become Prometheus names.',
    ),
    otlpPromoteResourceAttributes: Type.Array(Type.String(), {
      default: [],
      description: 'Resource attributes that become labels of every series.',
    }),
    writeRelabel: Type.Array(relabelRule, {
      default: [],
      description: 'relabel_config rules applied to every written series.',
    }),
  },
  closed,
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
    lookbackDelta: duration('5m', 'How far back an instant selector looks for its sample.'),
    replicaLabel: Type.Array(Type.String(), {
      default: [],
      description: 'Labels that tell replicas apart; series equal but for them are deduplicated.',
    }),
  },
  closed,
)
