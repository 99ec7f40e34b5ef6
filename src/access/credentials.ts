// Credentials of a request, and what is made of them. Each kind of credential has a source; the first that knows a
// credential decides, so that one which does not hold is refused and never falls through to another kind.

import { type Caller, UserError } from '../model/index.ts'

/** A client certificate that the TLS handshake verified. */
export interface ClientCertificate {
  /** DER. */
  readonly raw: Uint8Array
}

/** What a request proves itself with. */
export interface Credentials {
  /** Of `Authorization: Bearer`. */
  readonly token?: string
  readonly certificate?: ClientCertificate
}

/**
 * The caller behind credentials; undefined where they are of another kind. Throws UserError unauthorized for those of
 * its kind that do not hold.
 */
export type CallerSource = (credentials: Credentials) => Promise<Caller | undefined>

/** The bearer token of an Authorization header. Throws UserError unauthorized for other schemes. */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const match = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(header)
  if (match !== null) return match[1]
  throw new UserError('unauthorized', {
    what: 'the Authorization header is not understood',
    fix: 'send "Authorization: Bearer TOKEN"',
  })
}

/** Asks each source in turn. Throws UserError unauthorized where none knows the credentials. */
export async function callerBehind(
  sources: readonly CallerSource[],
  credentials: Credentials,
): Promise<Caller> {
  for (const source of sources) {
    const caller = await source(credentials)
    if (caller !== undefined) return caller
  }
  const has = credentials.token !== undefined || credentials.certificate !== undefined
  throw new UserError('unauthorized', {
    what: has ? 'the credentials are not known here' : 'no credentials were sent',
    fix: 'send a client certificate, or "Authorization: Bearer TOKEN" with a token that is accepted here',
  })
}
