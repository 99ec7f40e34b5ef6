// Static tokens of the access file: found by their hash, so that comparing takes no longer for a better guess.

import { createHash } from 'node:crypto'
import { UserError } from '../model/index.ts'
import type { StaticToken } from './access-file.ts'
import type { TokenVerifier } from './subject-callers.ts'

/** What our tokens begin with, so that they are told from others, by us and by scanners for leaked secrets. */
export const staticTokenPrefix = 'crowsnest_'

/** Verifies static tokens. Throws UserError unauthorized for unknown and expired ones of ours. */
export function staticTokenVerifier(
  tokens: () => readonly StaticToken[],
  now: () => number = Date.now,
): TokenVerifier {
  return async (token) => {
    if (!token.startsWith(staticTokenPrefix)) return undefined
    const hash = hashToken(token)
    const known = tokens().find(({ sha256 }) => sha256 === hash)
    if (known === undefined) {
      throw new UserError('unauthorized', {
        what: 'the token is not known',
        fix: 'use one whose sha256 stands in the access file',
      })
    }
    if (known.expiresMs <= now()) {
      throw new UserError('unauthorized', {
        what: `the token of ${known.name} expired at ${new Date(known.expiresMs).toISOString()}`,
        fix: 'make a new one with: crowsnest tools access token',
      })
    }
    const { name, groups, cluster } = known
    return { name, groups, provedBy: 'static', ...(cluster === undefined ? {} : { cluster }) }
  }
}

/** SHA-256 in hex, as the access file keeps it. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
