// Where an API server is and how we prove who we are: from a kubeconfig file or from inside a cluster.
// Here: the only use of the Kubernetes client library, imported when the first endpoint is made (47 MB).
// Invariants: credentials are asked for anew for every request, since tokens and certificates are rotated;
// connections are kept and bounded in number.
// Source: kubeconfig (client-go tools/clientcmd), service account projection.

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, type RequestOptions } from 'node:https'
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
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    if ('inCluster' in access) config.loadFromCluster()
    else {
      config.loadFromFile(access.kubeconfig)
      if (access.context !== undefined) config.setCurrentContext(access.context)
    }
    const cluster = config.getCurrentCluster()
    if (cluster === null)
      throw new Error('it has no current context, or a context without a cluster')
    const url = new URL(cluster.server)
    const agent = agentFor(url)
    return {
      url,
      async requestOptions() {
        const options: RequestOptions = {}
        await config.applyToHTTPSOptions(options)
        // The library's agent opens a connection for every request; it is needed for proxies only.
        return cluster.proxyUrl === undefined ? { ...options, agent } : options
      },
    }
  } catch (cause) {
    throw new UserError('bad_config', {
      what: `the Kubernetes API cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: 'inCluster' in access ? 'inCluster' : `kubeconfig ${access.kubeconfig}`,
      fix: 'name a readable kubeconfig file with a context that has a cluster and a user',
      cause,
    })
  }
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
