// The tenant of a write: by identity, path, header, default, in this order; sources that disagree are refused.
// Source: Thanos receive's tenant rules, with the identity first and every disagreement a 403.

import type { Caller, TenantNaming } from '../model/index.ts'
import { covers, resolveTenant, UserError } from '../model/index.ts'

/** Where a write names its tenant beside the caller's identity; absent = not named there. */
export interface TenantSources {
  readonly path?: string
  /** Every value of the tenant headers; empty ones count as absent. */
  readonly headers: readonly string[]
}

/** The tenant to write to. Throws UserError bad_tenant, or forbidden on disagreement or a missing right. */
export function writeTenant(naming: TenantNaming, caller: Caller, sources: TenantSources): string {
  const candidates: (readonly [string, string])[] = []
  if (caller.identity.tenant !== undefined) {
    candidates.push([`the identity of ${caller.name}`, caller.identity.tenant])
  }
  if (sources.path !== undefined) candidates.push(['the path', sources.path])
  for (const value of sources.headers) if (value !== '') candidates.push(['a header', value])

  const resolved = candidates.map(
    ([source, name]) => [source, resolveTenant(naming, name)] as const,
  )
  const first = resolved[0]
  const tenant = first === undefined ? naming.defaultTenant : first[1]
  for (const [source, other] of resolved) {
    if (other === tenant) continue
    throw new UserError('forbidden', {
      what: `${first![0]} says tenant ${tenant}, ${source} says ${other}`,
      fix: 'name one tenant, or write with the identity of the other',
    })
  }
  if (covers(caller.mayWrite, tenant)) return tenant
  throw new UserError('forbidden', {
    what: `${caller.name} may not write to tenant ${tenant}`,
    fix: 'ask for the right to write to it, or name another tenant',
  })
}
