// What routes demand of their caller. The messages name the right that is missing, and nothing that it would show.

import { type Caller, UserError } from '../model/index.ts'

/** Throws UserError forbidden where the caller sees nothing at all. */
export function requireReader(caller: Caller): void {
  const { scope, mayRead } = caller
  const seesNothing = scope !== 'all' && scope.clusters.size === 0
  if (!seesNothing && (mayRead === 'all' || mayRead.length > 0)) return
  throw new UserError('forbidden', {
    what: `${caller.name} has no right to read`,
    fix: 'ask for the right to read a tenant and at least one cluster or namespace',
  })
}

/**
 * Throws UserError forbidden where the caller sees less than everything. For figures that cannot be told apart by
 * cluster; `what` says what they are asked for.
 */
export function requireWholeFleet(caller: Caller, what: string): void {
  if (caller.isAdmin || (caller.scope === 'all' && caller.mayRead === 'all')) return
  throw new UserError('forbidden', {
    what: `${caller.name} may not ${what}`,
    fix: 'ask for the right to read all tenants and clusters',
  })
}

/** Throws UserError forbidden where the caller is no admin. `what` says what only admins do. */
export function requireAdmin(caller: Caller, what: string): void {
  if (caller.isAdmin) return
  throw new UserError('forbidden', {
    what: `${caller.name} may not ${what}`,
    fix: 'ask for the right of an admin',
  })
}
