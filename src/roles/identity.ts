// Identities of clusters in this process: the store below the data folder, the caller behind a certificate, and the
// listener's TLS material. The room is loaded only where it is asked for.

import { isIP } from 'node:net'
import { join } from 'node:path'
import type { FastifyRequest } from 'fastify'
import { type CallerSource, type ClientCertificate, clusterCaller } from '../access/index.ts'
import { clientCertificateOf } from '../api/index.ts'
import type { IdentityStore } from '../identity/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { isLoopback, parseAddress } from './config-check.ts'
import type { Config } from './config-schema.ts'
import { msOf } from './options.ts'
import type { TlsMaterial } from './tls.ts'

const refreshMs = 2000
const serverLifetimeMs = 90 * 86_400_000

/** Identities of the process. */
export interface Identity {
  readonly callers: CallerSource
  /** The client certificate of a request: of its connection, or of the proxy's header where that is believed. */
  certificateOf(request: FastifyRequest): ClientCertificate | undefined
  /** A certificate for the holder of a request's key; see the API. */
  renew(cluster: string, requestPem: string): Promise<string>
  /** The certificates that enrolled clusters were given last. */
  issued(): readonly { readonly cluster: string; readonly notAfterMs: number }[]
  /** The listener's certificate where none is configured. */
  serverMaterial(): Promise<TlsMaterial>
  close(): void
}

/** Where the store is. */
export function identityFolder(data: string): string {
  return join(data, 'identity')
}

/** Opens the store, and looks for changes of it from now on. Throws UserError bad_config. */
export async function openIdentity(config: Config, log: Logger): Promise<Identity> {
  const room = await import('../identity/index.ts')
  const store: IdentityStore = await room.IdentityStore.open(
    identityFolder(config.data),
    Date.now(),
  )
  const check = new room.CertificateCheck([store])
  const { proxyHeader, proxyAddresses, serverNames, lifetime } = config.identity
  const proxies = new Set(proxyAddresses)
  let server: { stamp: string; renewMs: number; material: TlsMaterial } | undefined
  const timer = setInterval(
    () => void store.refresh().catch((error) => log.error({ err: error }, 'identities unread')),
    refreshMs,
  )
  timer.unref()
  return {
    async callers({ certificate }) {
      if (certificate === undefined) return undefined
      const record = await check.clusterOf(certificate.raw, Date.now())
      return clusterCaller(record, config.tenants.default)
    },
    certificateOf(request) {
      const header = proxyHeader === '' ? undefined : request.headers[proxyHeader.toLowerCase()]
      // A listener on [::] sees 10.0.0.1 as ::ffff:10.0.0.1.
      const from = (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
      const isProxied = typeof header === 'string' && proxies.has(from)
      if (isProxied) return { raw: room.certificateInHeader(header) }
      return clientCertificateOf(request)
    },
    async renew(cluster, requestPem) {
      const key = await room.keyOfRequest(requestPem)
      const validity = { nowMs: Date.now(), lifetimeMs: msOf(lifetime) }
      return (await room.issueFor(store, cluster, key, validity)) + store.bundle()
    },
    issued: () =>
      store
        .records()
        .filter(({ state }) => state !== 'revoked')
        .flatMap(({ cluster, issued }) =>
          issued === undefined ? [] : [{ cluster, notAfterMs: issued.notAfterMs }],
        ),
    async serverMaterial() {
      // Of the CA that is trusted longest: during a rotation senders know it, and those that have renewed know both.
      const authority = store.authorities.at(-1)!
      const nowMs = Date.now()
      const isFresh = server?.stamp === authority.stamp && nowMs < server.renewMs
      if (server !== undefined && isFresh) return server.material
      const { publicKey, privatePem } = await room.newKeyPair()
      const hosts = hostsOf(config, serverNames)
      const validity = { nowMs, lifetimeMs: serverLifetimeMs }
      const certificate = await authority.issueForServer(hosts, publicKey, validity)
      const cert = room.pemOf(certificate) + room.pemOf(authority.certificate)
      const material = { cert, key: privatePem }
      server = { stamp: authority.stamp, renewMs: nowMs + serverLifetimeMs / 2, material }
      return material
    },
    close: () => clearInterval(timer),
  }
}

function hostsOf(config: Config, names: readonly string[]) {
  const { host } = parseAddress(config.http.listen)
  const all = new Set([...names, 'localhost', '127.0.0.1', ...(isLoopback(host) ? [host] : [])])
  return [...all].map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const)
}
