// HTTP peers: servers of one kind that are reached in the same way, as Prometheus and Thanos write them in their
// configuration: Alertmanagers, query endpoints, remote write endpoints, other rulers.
// Units: milliseconds. Source: facts/prometheus.md §9.3, thanos.md §10.

import { parseDurationMs, UserError } from '../model/index.ts'

/** How a server is reached. */
export interface PeerConnection {
  readonly scheme: 'http' | 'https'
  readonly timeoutMs: number
  readonly auth: PeerAuth
  readonly tls: PeerTls
}

/** A set of servers that are reached in the same way. */
export interface PeerConfig extends PeerConnection {
  /** '' or with a slash before and none behind. */
  readonly pathPrefix: string
  /** host:port, `dns+host:port` (each address) or `dnssrv+name` (each record). */
  readonly targets: readonly string[]
  /** Globs of files that list targets, as file_sd_configs has them. */
  readonly files: readonly string[]
}

/** Credentials; files are read again at every request. */
export interface PeerAuth {
  readonly username?: string
  readonly password?: string
  readonly passwordFile?: string
  readonly scheme?: string
  readonly credentials?: string
  readonly credentialsFile?: string
}

/** How a server's certificate is checked, and what we show it; files are read again at every request. */
export interface PeerTls {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly serverName?: string
  readonly insecureSkipVerify: boolean
}

/** An entry of a list in a configuration. */
export type PeerFields = Readonly<Record<string, unknown>>

const credentialFields = [
  'basic_auth',
  'authorization',
  'bearer_token',
  'bearer_token_file',
  'tls_config',
]

const setFields = ['path_prefix', 'static_configs', 'dns_sd_configs', 'file_sd_configs']

/** Checks an entry that may hold the fields `more` beside those of every peer. Throws UserError bad_config at `where`. */
export function parsePeer(entry: PeerFields, where: string, more: readonly string[]): PeerConfig {
  const connection = parseConnection(entry, where, [...setFields, ...more])
  const fault = (what: string): UserError => new UserError('bad_config', { what, where })
  const targets = [...staticTargets(entry), ...dnsTargets(entry)]
  const files = list(entry.file_sd_configs).flatMap((one) => list(one.files).map(String))
  if (targets.length + files.length === 0) throw fault('no targets are configured')
  const path = String(entry.path_prefix ?? '').replaceAll(/^\/+|\/+$/g, '')
  return { ...connection, pathPrefix: path === '' ? '' : `/${path}`, targets, files }
}

/** Checks how a server is reached. `more` are fields that the entry may hold beside. Throws UserError bad_config. */
export function parseConnection(
  entry: PeerFields,
  where: string,
  more: readonly string[],
): PeerConnection {
  const fault = (what: string): UserError => new UserError('bad_config', { what, where })
  const nested = (entry.http_config ?? {}) as PeerFields
  const known = [...credentialFields, 'http_config', 'scheme', 'timeout', ...more]
  const unknown = [
    ...Object.keys(entry).filter((name) => !known.includes(name)),
    ...Object.keys(nested).filter((name) => !credentialFields.includes(name)),
  ]
  if (unknown.length > 0) throw fault(`unknown field ${unknown.join(', ')}`)
  const scheme = entry.scheme ?? 'http'
  if (scheme !== 'http' && scheme !== 'https') throw fault(`scheme is ${String(scheme)}`)
  const timeoutMs = parseDurationMs(String(entry.timeout ?? '10s'))
  if (timeoutMs === undefined || timeoutMs === 0) throw fault('timeout is not a duration')
  const credentials = { ...nested, ...entry }
  return {
    scheme,
    timeoutMs,
    auth: authOf(credentials),
    tls: tlsOf((credentials.tls_config ?? {}) as PeerFields),
  }
}

function list(value: unknown): PeerFields[] {
  return Array.isArray(value) ? (value as PeerFields[]) : []
}

// Prometheus lists groups with targets, Thanos the targets themselves.
function staticTargets(entry: PeerFields): string[] {
  return list(entry.static_configs).flatMap((one) =>
    typeof one === 'string' ? [one as string] : list(one.targets).map(String),
  )
}

function dnsTargets(entry: PeerFields): string[] {
  return list(entry.dns_sd_configs).flatMap(({ names, type, port }) =>
    list(names).map((name) =>
      (type ?? 'SRV') === 'SRV' ? `dnssrv+${String(name)}` : `dns+${String(name)}:${String(port)}`,
    ),
  )
}

function authOf(http: PeerFields): PeerAuth {
  const basic = http.basic_auth as PeerFields | undefined
  if (basic !== undefined) {
    return {
      username: String(basic.username ?? ''),
      ...text('password', basic.password),
      ...text('passwordFile', basic.password_file),
    }
  }
  const authorization = (http.authorization ?? {}) as PeerFields
  return {
    scheme: String(authorization.type ?? 'Bearer'),
    ...text('credentials', authorization.credentials ?? http.bearer_token),
    ...text('credentialsFile', authorization.credentials_file ?? http.bearer_token_file),
  }
}

function tlsOf(tls: PeerFields): PeerTls {
  return {
    insecureSkipVerify: tls.insecure_skip_verify === true,
    ...text('caFile', tls.ca_file),
    ...text('certFile', tls.cert_file),
    ...text('keyFile', tls.key_file),
    ...text('serverName', tls.server_name),
  }
}

function text<K extends string>(name: K, value: unknown): { [P in K]?: string } {
  return value === undefined ? {} : ({ [name]: String(value) } as { [P in K]?: string })
}
