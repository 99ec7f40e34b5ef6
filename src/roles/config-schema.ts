// The configuration: one schema, every field documented, every field also a flag.
// A field `ingest.outOfOrderWindow` is the flag `--ingest.out-of-order-window`. Durations ("6h") and sizes ("512MB")
// are strings with a `kind`, turned into numbers where they are used. `docs/configuration.md` is printed from here.

import Type, { type Static, type TSchema } from 'typebox'

const closed = { additionalProperties: false, default: {} } as const

function duration(byDefault: string, description: string) {
  return Type.String({ default: byDefault, description, kind: 'duration' })
}

function size(byDefault: string, description: string) {
  return Type.String({ default: byDefault, description, kind: 'size' })
}

function text(byDefault: string, description: string, kind?: string) {
  return Type.String({ default: byDefault, description, ...(kind === undefined ? {} : { kind }) })
}

function count(byDefault: number, description: string, minimum = 0) {
  return Type.Integer({ default: byDefault, minimum, description })
}

function flag(description: string) {
  return Type.Boolean({ default: false, description })
}

const limits = {
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

const relabelRule = Type.Record(Type.String(), Type.Unknown())

const tenantOverride = Type.Object(
  {
    limits: Type.Optional(Type.Partial(Type.Object(limits, { additionalProperties: false }))),
    writeRelabel: Type.Optional(Type.Array(relabelRule)),
  },
  { additionalProperties: false },
)

const storage = Type.Object(
  {
    lanes: count(0, 'Storage threads; 0 = one, more from eight cores on.'),
    startTimestamps: flag('Keep start timestamps; chunks are then written in encodings 4 to 6.'),
    retentionTime: duration('15d', 'Age at which local blocks are deleted.'),
    retentionSize: size('0', 'Size of local blocks above which the oldest go; 0 = unlimited.'),
    shipInterval: duration('30s', 'How often new blocks are looked for and shipped.'),
  },
  closed,
)

const ingest = Type.Object(
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

const tenants = Type.Object(
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

const query = Type.Object(
  {
    workers: count(0, 'Query threads; 0 = one per core, at most four.'),
    timeout: duration('2m', 'Longest evaluation of one query.'),
    maxConcurrent: count(20, 'Queries evaluated at a time; more wait.', 1),
    maxSamples: count(50_000_000, 'Samples that one query may hold in memory at a time.', 1),
    lookbackDelta: duration('5m', 'How far back an instant selector looks for its sample.'),
    replicaLabel: Type.Array(Type.String(), {
      default: [],
      description: 'Labels that tell replicas apart; series equal but for them are deduplicated.',
    }),
  },
  closed,
)

/** The whole configuration file. */
export const configSchema = Type.Object(
  {
    data: text(
      './data',
      'Folder of WAL, local blocks and the default bucket. One process at a time.',
    ),
    insecure: flag('Allow a listener beyond loopback although nobody is authenticated.'),
    log: Type.Object({ level: text('info', 'trace, debug, info, warn or error.') }, closed),
    http: Type.Object({ listen: text('127.0.0.1:10902', 'HTTP listener.', 'address') }, closed),
    memory: Type.Object(
      { limit: size('', 'For heap, head and buffers; empty = 75 % of the cgroup or machine.') },
      closed,
    ),
    externalLabels: Type.Record(Type.String(), Type.String(), {
      default: { crowsnest: 'gateway' },
      description: 'Labels of every block that is shipped; at least one.',
    }),
    objstore: Type.Object(
      {
        configFile: text(
          '',
          'Thanos objstore YAML; empty = a FILESYSTEM bucket in the data folder.',
        ),
      },
      closed,
    ),
    storage,
    ingest,
    limits: Type.Object(limits, { ...closed, description: 'Write limits of every tenant.' }),
    tenants,
    query,
    promql: Type.Object(
      {
        experimental: text(
          '',
          '"all" turns on every experimental function, modifier and selector.',
        ),
      },
      closed,
    ),
    web: Type.Object({ enableAdminApi: flag('Serve /api/v1/admin/tsdb/*.') }, closed),
  },
  { additionalProperties: false },
)

/** The configuration after defaults. */
export type Config = Static<typeof configSchema>

/** One scalar, list or map field of the schema, which is also a flag. */
export interface Leaf {
  readonly path: readonly string[]
  readonly flag: string
  readonly schema: TSchema & {
    kind?: string
    description?: string
    default?: unknown
    type?: string
  }
}

/** Every field in the order of the schema. */
export function leavesOf(schema: TSchema = configSchema, path: readonly string[] = []): Leaf[] {
  const properties = (schema as { properties?: Record<string, TSchema> }).properties ?? {}
  return Object.entries(properties).flatMap(([name, child]) => {
    const at = [...path, name]
    const nested = (child as { properties?: unknown }).properties !== undefined
    return nested
      ? leavesOf(child, at)
      : [{ path: at, flag: at.map(kebab).join('.'), schema: child }]
  })
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
