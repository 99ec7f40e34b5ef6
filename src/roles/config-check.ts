// What is wrong with a configuration: shapes, kinds of text, and what fields mean together. All faults at once.

import { isIP } from 'node:net'
import { Value } from 'typebox/value'
import {
  checkTenant,
  isLegacyLabelName,
  parseDurationMs,
  parseSizeBytes,
  UserError,
} from '../model/index.ts'
import { type Config, configSchema, type Leaf, leavesOf } from './config-schema.ts'

/** Every fault of a configuration, one line each; empty when it is fine. */
export function faultsOf(config: Config): string[] {
  const faults = [...shapeFaults(config), ...leavesOf().flatMap((leaf) => kindFaults(config, leaf))]
  return faults.length > 0 ? faults : meaningFaults(config)
}

/** Host and port of 127.0.0.1:10902, [::1]:10902 or :10902 (every interface). Throws UserError bad_config. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new UserError('bad_config', { what: `"${address}" is not an address; write HOST:PORT` })
  }
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}

/** Whether any hub is named, so that a fleet is kept. */
export function namesFleet({ fleet }: Config): boolean {
  return fleet.directory !== '' || fleet.sources.length > 0
}

/** Whether callers have to prove who they are. */
export function isAuthenticated({ access, identity }: Config): boolean {
  return (
    identity.enabled ||
    access.file !== '' ||
    access.oidc.issuer !== '' ||
    access.kubernetes.enabled ||
    access.clientCertificates.caFile !== ''
  )
}

/** Whether only this machine can reach a host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function shapeFaults(config: unknown): string[] {
  const errors = Value.Errors(configSchema, config).filter((error) => error.keyword !== 'boolean')
  return errors.map((error) => {
    const path = error.instancePath.slice(1).replaceAll('/', '.')
    const names = (error.params as { additionalProperties?: string[] }).additionalProperties
    if (names === undefined) return `${path}: ${error.message}`
    return `${names.map((name) => (path === '' ? name : `${path}.${name}`)).join(', ')}: unknown field`
  })
}

const kinds: Readonly<Record<string, (text: string) => void>> = {
  size: parseSizeBytes,
  address: parseAddress,
  duration: (text) => {
    if (parseDurationMs(text) !== undefined) return
    throw new UserError('bad_config', {
      what: `"${text}" is not a duration; write 6h, 30s or 1h30m`,
    })
  },
}

function kindFaults(config: Config, leaf: Leaf): string[] {
  const check = kinds[leaf.schema.kind ?? '']
  const value = leaf.path.reduce<unknown>(
    (at, name) => (at as Record<string, unknown> | undefined)?.[name],
    config,
  )
  if (check === undefined || typeof value !== 'string' || value === '') return []
  return faultsIn(leaf.path.join('.'), () => check(value))
}

function meaningFaults(config: Config): string[] {
  const named = [config.tenants.default, ...Object.keys(config.tenants.overrides)]
  const tenants = [...named, ...Object.values(config.tenants.aliases)]
  const faults = tenants.flatMap((tenant) => faultsIn('tenants', () => checkTenant(tenant)))
  const { tls } = config.http
  if ((tls.certFile === '') !== (tls.keyFile === ''))
    faults.push('http.tls: certFile and keyFile belong together')
  const { proxyHeader, proxyAddresses } = config.identity
  if (proxyHeader !== '' && proxyAddresses.length === 0)
    faults.push(
      'identity.proxyHeader: name the proxies that are believed in identity.proxyAddresses',
    )
  faults.push(...certificateFaults(config))
  const labels = Object.keys(config.externalLabels)
  for (const name of labels.filter((label) => !isLegacyLabelName(label))) {
    faults.push(`externalLabels: "${name}" is not a label name`)
  }
  if (labels.length === 0) faults.push('externalLabels: shipped blocks need at least one')
  const listeners = { 'http.listen': config.http.listen, 'grpc.listen': config.grpc.listen }
  for (const [field, listen] of Object.entries(listeners)) {
    if (listen === '' || isLoopback(parseAddress(listen).host)) continue
    if (config.insecure || isAuthenticated(config)) continue
    faults.push(
      `${field}: other machines reach ${listen} and nobody is authenticated; listen on 127.0.0.1, configure access, or say --insecure`,
    )
  }
  return faults
}

function certificateFaults({ access, http, identity }: Config): string[] {
  const { caFile, groupsAttribute } = access.clientCertificates
  const faults: string[] = []
  if (!['O', 'OU'].includes(groupsAttribute))
    faults.push('access.clientCertificates.groupsAttribute: write O or OU')
  if (caFile !== '' && http.tls.certFile === '' && !identity.enabled)
    faults.push(
      'access.clientCertificates.caFile: clients have certificates with TLS only; set http.tls or identity.enabled',
    )
  return faults
}

function faultsIn(path: string, check: () => unknown): string[] {
  try {
    check()
    return []
  } catch (error) {
    return [`${path}: ${(error as Error).message}`]
  }
}
