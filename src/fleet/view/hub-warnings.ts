// What an answer lacks because a hub has not been read, or cannot be: said beside the answer, never left to be guessed.
// Invariants: a hub that has not been read whole shows nothing, so nothing of it is said not to exist.

import { type Scope, UserError } from '../../model/index.ts'
import type { FleetView } from './fleet-view.ts'

/** A line for each of the hubs (undefined = all) that is not known as it is now. */
export function hubWarnings(
  { sources, unread }: Pick<FleetView, 'sources' | 'unread'>,
  hubs: readonly string[] | undefined,
  scope: Scope,
): readonly string[] {
  return sources.flatMap(({ name, state, message }) => {
    if (hubs?.includes(name) === false) return []
    // Addresses and files stand in messages, which are for those who see the sources.
    const why = state === 'failing' && scope === 'all' ? `: ${message}` : ''
    if (unread.has(name)) return `hub ${name} has not been read yet, nothing of it is shown${why}`
    return state === 'failing' ? `hub ${name} cannot be read, what is shown may be old${why}` : []
  })
}

/** That a thing is not there; UserError unavailable where it may be on a hub that has not been read yet. */
export function absent(
  { sources, unread }: Pick<FleetView, 'sources' | 'unread'>,
  hubs: readonly string[] | undefined,
  parts: { readonly what: string; readonly where?: string; readonly fix: string },
): UserError {
  const missing = sources.filter(({ name }) => unread.has(name) && hubs?.includes(name) !== false)
  if (missing.length === 0) return new UserError('not_found', parts)
  return new UserError('unavailable', {
    what: `${parts.what} yet: ${missing.map(({ name }) => `hub ${name}`).join(', ')} has not been read`,
    fix: 'ask again; see /api/v1/fleet/sources',
  })
}
