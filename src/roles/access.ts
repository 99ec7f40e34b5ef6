// Who calls, from the configuration: access file, OpenID Connect, client certificates, the hub's RBAC. Nothing
// configured: nobody in particular, with all rights.

import { readFileSync } from 'node:fs'
import {
  type AccessFile,
  type Authority,
  addRights,
  anonymousCaller,
  bearerToken,
  bindingsOf,
  type CallerSource,
  type ClientCertificate,
  callerBehind,
  certificateReaders,
  oidcVerifier,
  parseAccessFile,
  type Subject,
  staticTokenVerifier,
  TokenCallers,
  type TokenVerifier,
} from '../access/index.ts'
import { clientCertificateOf, type FindCaller } from '../api/index.ts'
import { type Caller, UserError } from '../model/index.ts'
import type { RpcCredentials } from '../rpc/index.ts'
import { isAuthenticated } from './config-check.ts'
import type { Config } from './config-schema.ts'
import type { Identity } from './identity.ts'
import { msOf } from './options.ts'

const decisionsMax = 10_000

/** Access of the process. */
export interface Access {
  readonly findCaller: FindCaller
  /** Who makes a gRPC call. Throws UserError unauthorized or forbidden. */
  callerOf(credentials: RpcCredentials): Caller | Promise<Caller>
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
  const sourcesOf = (of: Config): readonly CallerSource[] | undefined =>
    isAuthenticated(of)
      ? [...readerSources(of, more), ...(identity === undefined ? [] : [identity.callers])]
      : undefined
  let sources = sourcesOf(config)
  const anyone = anonymousCaller()
  const callerBy = (
    authorization: string | undefined,
    certificateOf: () => ClientCertificate | undefined,
  ): Caller | Promise<Caller> => {
    if (sources === undefined) return anyone
    const token = bearerToken(authorization)
    if (token !== undefined) return callerBehind(sources, { token })
    const certificate = certificateOf()
    return callerBehind(sources, certificate === undefined ? {} : { certificate })
  }
  const certificateOf = identity?.certificateOf ?? clientCertificateOf
  return {
    findCaller: (request) => callerBy(request.headers.authorization, () => certificateOf(request)),
    callerOf: ({ authorization, certificate: raw }) =>
      callerBy(authorization, () => (raw === undefined ? undefined : { raw })),
    prepare(next) {
      const prepared = sourcesOf(next)
      return () => {
        sources = prepared
      }
    },
  }
}

function readerSources({ access, tenants }: Config, more: Authorities): readonly CallerSource[] {
  const file = readAccessFile(access.file)
  const rightsOf = (subject: Subject) => addRights(bindingsOf(file, subject))
  const verifiers: TokenVerifier[] = [staticTokenVerifier(() => file.tokens)]
  const { oidc } = access
  if (oidc.issuer !== '') {
    const clockToleranceSeconds = msOf(oidc.clockTolerance) / 1000
    verifiers.push(oidcVerifier({ ...oidc, clockToleranceSeconds }))
  }
  const byFile: Authority = async (subject) => rightsOf(subject)
  const authorities = [byFile, ...more.authorities]
  const tokens = new TokenCallers([...verifiers, ...more.verifiers], authorities, {
    cacheMs: msOf(access.cacheTime),
    entriesMax: decisionsMax,
    defaultTenant: tenants.default,
  })
  const { caFile, ...reading } = access.clientCertificates
  if (caFile === '') return [tokens.source]
  const pem = readText('access.clientCertificates.caFile', caFile)
  const readers = certificateReaders({ ...reading, authorities: pem }, rightsOf)
  return [tokens.source, readers]
}

function readAccessFile(path: string): AccessFile {
  if (path === '') return { tokens: [], bindings: [] }
  return parseAccessFile(path, readText('access.file', path))
}

function readText(field: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UserError('bad_config', {
      what: `${field} cannot be read: ${(error as Error).message}`,
      where: path,
      fix: 'name a file that this process may read',
    })
  }
}
