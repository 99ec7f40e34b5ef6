// What rules evaluate through and write to: this process' query threads and write path, or remote endpoints.

import { type QueryPool, readVector } from '../query/index.ts'
import {
  createPeerTransport,
  encodeWrites,
  parseQueryEndpoints,
  parseWriteEndpoints,
  RemoteQuery,
  RemoteWriter,
  type RulePorts,
} from '../rules/index.ts'
import type { Appendable } from '../storage/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import { msOf } from './options.ts'

/** This process' own storage; absent where it has none. */
export interface LocalStorage {
  readonly pool: QueryPool
  readonly target: Appendable
}

/** Queries and writes of rules, as configured. */
export interface RuleTraffic extends Pick<RulePorts, 'query' | 'append'> {
  close(): void
}

/** Remote where endpoints are configured, else local. Throws UserError bad_config. */
export function ruleTraffic(
  config: Config,
  local: LocalStorage | undefined,
  log: Logger,
): RuleTraffic {
  const { rules, tenants, externalLabels } = config
  const transport = createPeerTransport()
  const tenantHeader = tenants.header
  const endpoints = parseQueryEndpoints(rules.queryEndpoints)
  const writeEndpoints = parseWriteEndpoints(rules.remoteWrite)
  const remote =
    endpoints.length === 0
      ? undefined
      : new RemoteQuery({
          options: { endpoints, tenantHeader, seriesMax: rules.seriesPerRule },
          transport,
          log,
        })
  const writer = new RemoteWriter(
    {
      endpoints: writeEndpoints,
      tenantHeader,
      externalLabels,
      timeoutMs: msOf(rules.evaluationTimeout),
    },
    transport,
  )
  return {
    query: (tenant, ask, partialResponse) =>
      remote === undefined
        ? queryLocal(local!, tenant, ask, rules.seriesPerRule)
        : remote.query(tenant, ask, partialResponse),
    append: (tenant, writes) =>
      writeEndpoints.length === 0
        ? appendLocal(local!, tenant, writes)
        : writer.append(tenant, writes),
    close: () => remote?.close(),
  }
}

async function queryLocal(
  { pool }: LocalStorage,
  tenant: string,
  { query, timeMs, lookbackMs, deadlineMs }: Parameters<RulePorts['query']>[1],
  samplesMax: number,
): ReturnType<RulePorts['query']> {
  const call = {
    reader: 'rules',
    query,
    timeMs,
    lookbackMs,
    samplesMax,
    deadlineMs,
    tenants: [tenant],
  }
  const { signal } = new AbortController()
  return readVector(await pool.ask({ kind: 'vector', scope: 'all', ...call }, signal))
}

async function appendLocal(
  { target }: LocalStorage,
  tenant: string,
  writes: Parameters<RulePorts['append']>[1],
): Promise<void> {
  const { rejectedCount, rejections } = await target.append({
    tenant,
    sender: { key: '', labels: {} },
    format: 'remote-write-1',
    compression: 'none',
    body: encodeWrites(writes),
  })
  if (rejectedCount > 0) throw new Error(rejections[0]?.message ?? 'samples were refused')
}
