// Which tenants a query reads: `a`, `a|b` or `*`, from the path or the header, cut to what the caller may see.
// Invariants: the answer is sorted, without repetition, and holds only tenants that the caller may read.

import type { Caller, TenantNaming } from '../model/index.ts'
import { compareUtf8, covers, resolveTenant, UserError } from '../model/index.ts'

/** Where a query names tenants; absent = not named there. */
export interface ReadTenantSources {
  readonly path?: string
  /** Every value of the tenant headers. */
  readonly headers: readonly string[]
}

/**
 * The tenants a query reads. `known` lists the tenants that have data and is asked only for `*`; it may come
 * out empty. Throws UserError forbidden where path and headers disagree or a tenant is not the caller's to
 * read, bad_tenant for unusable names.
 */
export function readTenants(
  naming: TenantNaming,
  caller: Caller,
  sources: ReadTenantSources,
  known: () => Iterable<string>,
): readonly string[] {
  const named = sources.path === undefined ? sources.headers : [sources.path, ...sources.headers]
  const selections = named.map((text) => selectionOf(naming, text))
  const first = selections[0]
  if (first === undefined) return mayReadTenants(caller, [naming.defaultTenant])
  for (const other of selections) {
    if (other.join('|') === first.join('|')) continue
    throw new UserError('forbidden', {
      what: `the request names two different tenants, ${first.join('|')} and ${other.join('|')}`,
      fix: 'name one, in the path or in the header',
    })
  }
  if (first[0] !== '*') return mayReadTenants(caller, first)
  const candidates = caller.mayRead === 'all' ? known() : caller.mayRead
  return sorted(candidates)
}

/** `wanted` when the caller may read all of it; throws UserError forbidden naming the first that is not theirs. */
export function mayReadTenants(caller: Caller, wanted: readonly string[]): readonly string[] {
  for (const tenant of wanted) {
    if (covers(caller.mayRead, tenant)) continue
    throw new UserError('forbidden', {
      what: `${caller.name} may not read tenant ${tenant}`,
      fix: 'ask for the right to read it, or name another tenant',
    })
  }
  return wanted
}

function selectionOf(naming: TenantNaming, text: string): readonly string[] {
  if (text === '*') return ['*']
  return sorted(text.split('|').map((name) => resolveTenant(naming, name)))
}

function sorted(tenants: Iterable<string>): readonly string[] {
  return [...new Set(tenants)].sort(compareUtf8)
}
