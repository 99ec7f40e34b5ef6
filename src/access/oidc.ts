// OpenID Connect: bearer tokens that an issuer signed, verified against its published keys.
// Algorithms are asymmetric only: `none` and shared secrets are refused before anything is looked up.
// Source: OpenID Connect Discovery 1.0; RFC 7519, 8725 (JWT best current practices), 9068.

import type { JWTVerifyGetKey } from 'jose'
import { UserError } from '../model/index.ts'
import type { Subject } from './rights.ts'
import type { TokenVerifier } from './subject-callers.ts'

/** An issuer and what its tokens must say. */
export interface OidcOptions {
  readonly issuer: string
  /** A token is for us where `aud` holds this. */
  readonly audience: string
  readonly usernameClaim: string
  /** Dotted paths of claims whose texts are groups, e.g. `groups`, `realm_access.roles`. */
  readonly groupsClaims: readonly string[]
  /** Stand before names, so that nobody's name at the issuer is somebody's here. */
  readonly usernamePrefix: string
  readonly groupsPrefix: string
  /** How far clocks may be apart, in seconds. */
  readonly clockToleranceSeconds: number
}

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512']
algorithms.push('EdDSA', 'Ed25519')
const groupsMax = 1000
const discoveryTimeoutMs = 5000

/** Verifies tokens of one issuer. Tokens that are no JWT, or of another issuer, are not its kind. */
export function oidcVerifier(options: OidcOptions): TokenVerifier {
  let keys: Promise<JWTVerifyGetKey> | undefined
  return async (token) => {
    const jose = await import('jose')
    if (!isOf(options.issuer, token, jose.decodeJwt)) return undefined
    keys ??= discoverKeys(options.issuer)
    const key = await keys.catch((error: unknown) => {
      keys = undefined
      throw new UserError('unavailable', {
        what: `the issuer ${options.issuer} does not answer`,
        fix: 'see that it can be reached from here',
        cause: error,
      })
    })
    const { payload } = await jose
      .jwtVerify(token, key, {
        issuer: options.issuer,
        audience: options.audience,
        algorithms,
        clockTolerance: options.clockToleranceSeconds,
        requiredClaims: ['exp'],
      })
      .catch((error: unknown) => {
        throw refusal(error)
      })
    return subjectOf(payload, options)
  }
}

function isOf(issuer: string, token: string, decode: (jwt: string) => { iss?: string }): boolean {
  try {
    return decode(token).iss === issuer
  } catch {
    // No JWT: another verifier's kind, or nobody's.
    return false
  }
}

async function discoverKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const { createRemoteJWKSet } = await import('jose')
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetch(url, { signal: AbortSignal.timeout(discoveryTimeoutMs) })
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  const found = (await response.json()) as { issuer?: string; jwks_uri?: string }
  if (found.issuer !== issuer) throw new Error(`${url} names another issuer, ${found.issuer}`)
  return createRemoteJWKSet(new URL(found.jwks_uri ?? ''), { timeoutDuration: discoveryTimeoutMs })
}

function refusal(error: unknown): UserError {
  const code = (error as { code?: string }).code ?? ''
  if (code === 'ERR_JWKS_TIMEOUT' || code === 'ERR_JOSE_GENERIC') {
    return new UserError('unavailable', { what: "the issuer's keys cannot be read", cause: error })
  }
  return new UserError('unauthorized', {
    what: `the token does not hold: ${(error as Error).message}`,
    fix: 'log in again',
  })
}

function subjectOf(payload: Readonly<Record<string, unknown>>, options: OidcOptions): Subject {
  const name = payload[options.usernameClaim] ?? payload.sub
  if (typeof name !== 'string' || name === '') {
    throw new UserError('unauthorized', {
      what: `the token has no claim ${options.usernameClaim}`,
      fix: 'set access.oidc.usernameClaim to a claim that names the user',
    })
  }
  const groups = options.groupsClaims.flatMap((path) => textsAt(payload, path)).slice(0, groupsMax)
  return {
    name: options.usernamePrefix + name,
    groups: groups.map((group) => options.groupsPrefix + group),
    provedBy: 'oidc',
  }
}

function textsAt(payload: unknown, path: string): readonly string[] {
  let at = payload
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return []
    at = (at as Record<string, unknown>)[name]
  }
  if (typeof at === 'string') return [at]
  return Array.isArray(at) ? at.filter((text) => typeof text === 'string') : []
}
