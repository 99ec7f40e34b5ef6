// Where an API server is and how we prove who we are: from a kubeconfig file or from inside a cluster.
// Here: the only use of the Kubernetes client library, imported when the first endpoint is made (47 MB).
// Invariants: credentials are asked for anew for every request, since tokens, certificates and kubeconfig files are
// rotated; connections are kept and bounded in number.
// Source: kubeconfig (client-go tools/clientcmd), service account projection.

import { stat } from 'node:fs/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { UserError } from '../model/index.ts'

/** An API server. `requestOptions` gives what a request needs beside path and method: agent, TLS, headers. */
export interface KubeEndpoint {
  readonly url: URL
  requestOptions(): Promise<RequestOptions>
}

/** How a hub is reached: a kubeconfig (its current context unless another is named), or our own service account. */
export type KubeAccess =
  | { readonly kubeconfig: string; readonly context?: string }
  | { readonly inCluster: true }

/** Idle connections that are kept for the next request. */
const idleConnectionsMax = 4

/** Reads the access. Throws a UserError where the file, the context or the credentials cannot be read. */
export async function openEndpoint(access: KubeAccess): Promise<KubeEndpoint> {
  const library = await import('@kubernetes/client-node')
  let opened = await openOnce(library, access).catch((cause: unknown) => {
    throw unreachable(access, cause)
  })
  return {
    get url() {
      return opened.url
    },
    async requestOptions() {
      // Kubeconfig files are replaced as what is in them expires; one that is half written is read later.
      if ((await versionOf(access)) !== opened.version)
        opened = await openOnce(library, access).catch(() => opened)
      const { config, agent } = opened
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      // The library's agent opens a connection for every request; it is needed for proxies only.
      return config.getCurrentCluster()?.proxyUrl === undefined ? { ...options, agent } : options
    },
  }
}

interface Opened {
  readonly config: KubeConfig
  readonly url: URL
  readonly agent: HttpAgent
  readonly version: string
}

async function openOnce(
  library: typeof import('@kubernetes/client-node'),
  access: KubeAccess,
): Promise<Opened> {
  const version = await versionOf(access)
  const config = new library.KubeConfig()
  if ('inCluster' in access) {
    if (process.env.KUBERNETES_SERVICE_HOST === undefined)
      throw new Error('this process does not run in a pod: KUBERNETES_SERVICE_HOST is not set')
    config.loadFromCluster()
  } else {
    config.loadFromFile(access.kubeconfig)
    if (access.context !== undefined) config.setCurrentContext(access.context)
  }
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error('it has no current context, or a context without a cluster')
  const url = new URL(cluster.server)
  return { config, url, agent: agentFor(url), version }
}

// '' while the file is away, as it may be for a moment when it is replaced.
async function versionOf(access: KubeAccess): Promise<string> {
  if ('inCluster' in access) return ''
  const about = await stat(access.kubeconfig).catch(() => undefined)
  return about === undefined ? '' : `${about.mtimeMs} ${about.size} ${about.ino}`
}

function unreachable(access: KubeAccess, cause: unknown): UserError {
  const isInside = 'inCluster' in access
  return new UserError('bad_config', {
    what: `the Kubernetes API cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`,
    where: isInside ? 'inCluster' : `kubeconfig ${access.kubeconfig}`,
    fix: isInside
      ? 'run in a pod with a service account, or name a kubeconfig file'
      : 'name a readable kubeconfig file with a context that has a cluster and a user',
    cause,
  })
}

/** An API server without authentication, such as one behind `kubectl proxy`. */
export function plainEndpoint(url: URL): KubeEndpoint {
  const agent = agentFor(url)
  return { url, requestOptions: () => Promise.resolve({ agent }) }
}

/** The same server, asked with somebody's token in place of our own credentials. */
export function bearerEndpoint(endpoint: KubeEndpoint, token: string): KubeEndpoint {
  return {
    url: endpoint.url,
    async requestOptions() {
      const { cert: _cert, key: _key, auth: _auth, ...options } = await endpoint.requestOptions()
      return { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } }
    },
  }
}

function agentFor(url: URL): HttpAgent {
  const options = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: idleConnectionsMax }
  return url.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent(options)
}
