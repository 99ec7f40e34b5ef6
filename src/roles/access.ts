// Who calls, from the configuration: access file, OpenID Connect, the hub's RBAC. Nothing configured: nobody in
// particular, with all rights.

import { readFileSync } from 'node:fs'
import {
  type AccessFile,
  type Authority,
  addRights,
  anonymousCaller,
  bearerToken,
  bindingsOf,
  callerBehind,
  oidcVerifier,
  parseAccessFile,
  staticTokenVerifier,
  TokenCallers,
  type TokenVerifier,
} from '../access/index.ts'
import type { FindCaller } from '../api/index.ts'
import { type Caller, UserError } from '../model/index.ts'
import { isAuthenticated } from './config-check.ts'
import type { Config } from './config-schema.ts'
import type { Identity } from './identity.ts'
import { msOf } from './options.ts'

const decisionsMax = 10_000

/** Access of the process. */
export interface Access {
  readonly findCaller: FindCaller
  /** Who calls with this authorization header. Throws UserError unauthorized or forbidden. */
  callerOf(authorization: string | undefined): Caller | Promise<Caller>
  /** Reads what a configuration says of access; it holds once the returned function is called. Throws UserError bad_config. */
  prepare(config: Config): () => void
}

/** What else than the configuration decides, where it is there. */
export interface Authorities {
  readonly verifiers: readonly TokenVerifier[]
  readonly authorities: readonly Authority[]
}

/** Throws UserError bad_config for what access is to be. */
export function createAccess(
  config: Config,
  more: Authorities,
  identity?: Pick<Identity, 'callers' | 'certificateOf'>,
): Access {
  let tokens = isAuthenticated(config) ? tokenCallers(config, more) : undefined
  const anyone = anonymousCaller()
  const callerOf = (authorization: string | undefined): Caller | Promise<Caller> => {
    if (tokens === undefined) return anyone
    const token = bearerToken(authorization)
    return callerBehind([tokens.source], token === undefined ? {} : { token })
  }
  return {
    callerOf,
    findCaller(request) {
      if (tokens === undefined) return anyone
      const token = bearerToken(request.headers.authorization)
      const certificate = token === undefined ? identity?.certificateOf(request) : undefined
      const sources = [tokens.source, ...(identity === undefined ? [] : [identity.callers])]
      return callerBehind(sources, {
        ...(token === undefined ? {} : { token }),
        ...(certificate === undefined ? {} : { certificate }),
      })
    },
    prepare(next) {
      const prepared = isAuthenticated(next) ? tokenCallers(next, more) : undefined
      return () => {
        tokens = prepared
      }
    },
  }
}

function tokenCallers({ access, tenants }: Config, more: Authorities): TokenCallers {
  const file = readAccessFile(access.file)
  const verifiers: TokenVerifier[] = [staticTokenVerifier(() => file.tokens)]
  const { oidc } = access
  if (oidc.issuer !== '') {
    const clockToleranceSeconds = msOf(oidc.clockTolerance) / 1000
    verifiers.push(oidcVerifier({ ...oidc, clockToleranceSeconds }))
  }
  const byFile: Authority = async (subject) => addRights(bindingsOf(file, subject))
  return new TokenCallers([...verifiers, ...more.verifiers], [byFile, ...more.authorities], {
    cacheMs: msOf(access.cacheTime),
    entriesMax: decisionsMax,
    defaultTenant: tenants.default,
  })
}

function readAccessFile(path: string): AccessFile {
  if (path === '') return { tokens: [], bindings: [] }
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new UserError('bad_config', {
      what: `access.file cannot be read: ${(error as Error).message}`,
      where: path,
      fix: 'name a file that this process may read',
    })
  }
  return parseAccessFile(path, text)
}
