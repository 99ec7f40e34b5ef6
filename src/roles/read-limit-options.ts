// Limits of readers and tenants, from the configuration.

import { parseDurationMs, UserError } from '../model/index.ts'
import type { LimitsByName, ReadLimits, ReadLimitsOptions } from '../query/index.ts'
import type { Config } from './config-schema.ts'

type Given = Config['query']['limits']

/** Limits of readers and tenants. Throws UserError bad_config for durations of single ones that are none. */
export function readLimitOptions({ access, query, tenants }: Config): ReadLimitsOptions {
  const ofTenants = Object.entries(tenants.overrides).map(
    ([tenant, { queryLimits = {} }]) => [tenant, queryLimits] as const,
  )
  return {
    readers: byName(access.limits, Object.entries(access.readers), 'access.readers'),
    tenants: byName(query.limits, ofTenants, 'tenants.overrides'),
  }
}

function byName(
  all: Given,
  some: readonly (readonly [name: string, limits: Partial<Given>])[],
  where: string,
): LimitsByName {
  const named = some.map(([name, limits]) => [name, limitsOf(limits, `${where}.${name}`)] as const)
  return { default: limitsOf(all, where) as ReadLimits, named: Object.fromEntries(named) }
}

function limitsOf({ queryRange, ...limits }: Partial<Given>, where: string): Partial<ReadLimits> {
  if (queryRange === undefined) return limits
  const queryRangeMs = parseDurationMs(queryRange)
  if (queryRangeMs !== undefined) return { ...limits, queryRangeMs }
  throw new UserError('bad_config', {
    what: `queryRange "${queryRange}" is not a duration; write 30d or 12h`,
    where,
  })
}
