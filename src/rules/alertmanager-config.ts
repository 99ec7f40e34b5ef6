// Alertmanagers as Prometheus' `alertmanagers:` and Thanos' `--alertmanagers.config` write them, checked.
// Units: milliseconds. Source: facts/prometheus.md §9.3, thanos.md §10.

import { parseDurationMs, UserError } from '../model/index.ts'

/** Rewrites labels (name to value) in place; false = dropped. */
export type LabelRewriter = (labels: Map<string, string>) => boolean

/** A set of Alertmanagers that are reached in the same way. */
export interface AlertmanagerConfig {
  readonly scheme: 'http' | 'https'
  readonly pathPrefix: string
  readonly timeoutMs: number
  /** host:port, `dns+host:port` (each address) or `dnssrv+name` (each record). */
  readonly targets: readonly string[]
  /** Globs of files that list targets, as file_sd_configs has them. */
  readonly files: readonly string[]
  readonly auth: AlertmanagerAuth
  readonly tls: AlertmanagerTls
  /** Rewrites each alert that goes to this set. */
  readonly relabel: LabelRewriter
}

/** Credentials; files are read again at every request. */
export interface AlertmanagerAuth {
  readonly username?: string
  readonly password?: string
  readonly passwordFile?: string
  readonly scheme?: string
  readonly credentials?: string
  readonly credentialsFile?: string
}

/** How a server's certificate is checked, and what we show it. */
export interface AlertmanagerTls {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly serverName?: string
  readonly insecureSkipVerify: boolean
}

type Fields = Readonly<Record<string, unknown>>

const known = [
  'scheme',
  'path_prefix',
  'timeout',
  'api_version',
  'basic_auth',
  'authorization',
  'bearer_token',
  'bearer_token_file',
  'tls_config',
  'http_config',
  'static_configs',
  'dns_sd_configs',
  'file_sd_configs',
  'alert_relabel_configs',
]

/**
 * Checks the entries of an `alertmanagers:` list. `compileRelabel` compiles alert_relabel_configs and throws UserError.
 * Throws UserError bad_config naming the entry.
 */
export function parseAlertmanagers(
  entries: readonly Fields[],
  compileRelabel: (rules: unknown, where: string) => LabelRewriter,
): AlertmanagerConfig[] {
  return entries.map((entry, index) => {
    const where = `rules.alertmanagers, entry ${index + 1}`
    const fault = (what: string): UserError => new UserError('bad_config', { what, where })
    for (const name of Object.keys(entry))
      if (!known.includes(name)) throw fault(`unknown field ${name}`)
    const scheme = entry.scheme ?? 'http'
    if (scheme !== 'http' && scheme !== 'https') throw fault(`scheme is ${String(scheme)}`)
    if ((entry.api_version ?? 'v2') !== 'v2') throw fault('api_version must be v2')
    const timeoutMs = parseDurationMs(String(entry.timeout ?? '10s'))
    if (timeoutMs === undefined || timeoutMs === 0) throw fault('timeout is not a duration')
    const targets = [...staticTargets(entry), ...dnsTargets(entry)]
    const files = list(entry.file_sd_configs).flatMap((one) => list(one.files).map(String))
    if (targets.length + files.length === 0) throw fault('no targets are configured')
    const http = { ...(entry.http_config as Fields | undefined), ...entry }
    return {
      scheme,
      pathPrefix: `/${String(entry.path_prefix ?? '').replaceAll(/^\/+|\/+$/g, '')}`.replace(
        /^\/$/,
        '',
      ),
      timeoutMs,
      targets,
      files,
      auth: authOf(http),
      tls: tlsOf((http.tls_config ?? {}) as Fields),
      relabel: compileRelabel(entry.alert_relabel_configs ?? [], `${where}, alert_relabel_configs`),
    }
  })
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : []
}

// Prometheus lists groups with targets, Thanos the targets themselves.
function staticTargets(entry: Fields): string[] {
  return list(entry.static_configs).flatMap((one) =>
    typeof one === 'string' ? [one as string] : list(one.targets).map(String),
  )
}

function dnsTargets(entry: Fields): string[] {
  return list(entry.dns_sd_configs).flatMap(({ names, type, port }) =>
    list(names).map((name) =>
      (type ?? 'SRV') === 'SRV' ? `dnssrv+${String(name)}` : `dns+${String(name)}:${String(port)}`,
    ),
  )
}

function authOf(http: Fields): AlertmanagerAuth {
  const basic = http.basic_auth as Fields | undefined
  if (basic !== undefined) {
    return {
      username: String(basic.username ?? ''),
      ...text('password', basic.password),
      ...text('passwordFile', basic.password_file),
    }
  }
  const authorization = (http.authorization ?? {}) as Fields
  return {
    scheme: String(authorization.type ?? 'Bearer'),
    ...text('credentials', authorization.credentials ?? http.bearer_token),
    ...text('credentialsFile', authorization.credentials_file ?? http.bearer_token_file),
  }
}

function tlsOf(tls: Fields): AlertmanagerTls {
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
