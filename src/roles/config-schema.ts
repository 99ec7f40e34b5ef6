// The configuration: one schema, every field documented, every field also a flag.
// A field `ingest.outOfOrderWindow` is the flag `--ingest.out-of-order-window`. Durations ("6h") and sizes ("512MB")
// are strings with a `kind`, turned into numbers where they are used. `docs/configuration.md` is printed from here.

import Type, { type Static, type TSchema } from 'typebox'
import { access } from './config-access.ts'
import { fleet } from './config-fleet.ts'
import { identity, tls } from './config-identity.ts'
import { query, tenants } from './config-query.ts'
import { rules } from './config-rules.ts'
import { closed, duration, flag, ingest, limits, size, storage, text } from './config-sections.ts'

/** The whole configuration file. */
export const configSchema = Type.Object(
  {
    data: text(
      './data',
      'Folder of WAL, local blocks and the default bucket. One process at a time.',
    ),
    insecure: flag('Allow a listener beyond loopback although nobody is authenticated.'),
    log: Type.Object({ level: text('info', 'trace, debug, info, warn or error.') }, closed),
    http: Type.Object(
      { listen: text('127.0.0.1:10902', 'HTTP listener.', 'address'), tls },
      closed,
    ),
    grpc: Type.Object(
      {
        listen: text(
          '127.0.0.1:10901',
          'gRPC listener for Thanos queriers; empty = none.',
          'address',
        ),
        oldAlertStates: flag('Number alert states as Thanos before v0.41 does.'),
      },
      closed,
    ),
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
        deleteDelay: duration(
          '30m',
          'How long a block stays in the bucket after it was rewritten without deleted samples.',
        ),
      },
      closed,
    ),
    storage,
    ingest,
    limits: Type.Object(limits, { ...closed, description: 'Write limits of every tenant.' }),
    tenants,
    query,
    rules,
    fleet,
    promql: Type.Object(
      {
        experimental: text(
          '',
          '"all" turns on every experimental function, modifier and selector, and figures of each step with stats=all.',
        ),
      },
      closed,
    ),
    access,
    identity,
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
