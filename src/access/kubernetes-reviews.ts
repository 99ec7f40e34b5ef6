// Reviews of a hub's Kubernetes API: whose a token is, what it may do, what somebody else may do. Nothing is kept there.
// Source: Kubernetes authentication.k8s.io/v1, authorization.k8s.io/v1.

import {
  bearerEndpoint,
  KubeApiError,
  KubeClient,
  type KubeEndpoint,
  type KubeResource,
} from '../kube/index.ts'
import { UserError } from '../model/index.ts'
import type { KubernetesReviews, ResourceRule } from './kubernetes.ts'
import type { Subject } from './rights.ts'

const reviewTimeoutMs = 5000
const answerSizeBytesMax = 8 << 20
const clusterPageSize = 500
const clustersMax = 10_000

interface Review {
  readonly group: string
  readonly kind: string
}

const tokenReviews: Review = { group: 'authentication.k8s.io', kind: 'TokenReview' }
const accessReviews: Review = { group: 'authorization.k8s.io', kind: 'SubjectAccessReview' }
const rulesReviews: Review = { group: 'authorization.k8s.io', kind: 'SelfSubjectRulesReview' }
const managedClusters: KubeResource = {
  group: 'cluster.open-cluster-management.io',
  version: 'v1',
  plural: 'managedclusters',
  kind: 'ManagedCluster',
  namespaced: false,
}

/** Reviews through an endpoint, which must be allowed to make them; '' as audience = that of the API server. */
export function kubernetesReviews(endpoint: KubeEndpoint, audience: string): KubernetesReviews {
  const bounds = { timeoutMs: reviewTimeoutMs, answerSizeBytesMax }
  const client = new KubeClient(endpoint, bounds)
  return {
    async authenticate(token) {
      const spec = { token, ...(audience === '' ? {} : { audiences: [audience] }) }
      const status = await review<TokenStatus>(client, tokenReviews, spec)
      if (status.authenticated !== true) return undefined
      const { username = '', groups = [] } = status.user ?? {}
      return { name: username, groups, provedBy: 'kubernetes' }
    },
    async rules(token) {
      const own = new KubeClient(bearerEndpoint(endpoint, token), bounds)
      const ask = () => review<RulesStatus>(own, rulesReviews, { namespace: 'default' })
      // A token that was made for the gateway's audience alone is nobody's to the API server itself.
      const status = await ask().catch(unlessUnauthorized)
      if (status === undefined) return undefined
      return { rules: status.resourceRules ?? [], incomplete: status.incomplete ?? false }
    },
    async isAllowed({ name: user, groups }: Subject, { verb, group, resource, name }) {
      const resourceAttributes = { verb, group, resource, ...(name === '' ? {} : { name }) }
      const spec = { user, groups, resourceAttributes }
      const status = await review<{ allowed?: boolean }>(client, accessReviews, spec)
      return status.allowed === true
    },
  }
}

/** Names of the managed clusters of a hub, listed anew once they are older than `maxAgeMs`. */
export function managedClusterNames(
  endpoint: KubeEndpoint,
  maxAgeMs: number,
): () => Promise<readonly string[]> {
  const client = new KubeClient(endpoint, { timeoutMs: reviewTimeoutMs, answerSizeBytesMax })
  let listed: { readonly atMs: number; readonly names: Promise<readonly string[]> } | undefined
  return () => {
    if (listed === undefined || Date.now() - listed.atMs > maxAgeMs) {
      const names = listClusters(client)
      listed = { atMs: Date.now(), names }
      names.catch(() => {
        listed = undefined
      })
    }
    return listed.names
  }
}

async function listClusters(client: KubeClient): Promise<readonly string[]> {
  const names: string[] = []
  let next: string | undefined
  do {
    const token: { next?: string } = next === undefined ? {} : { next }
    const page = await answered(() =>
      client.page(managedClusters, { metadataOnly: true }, { limit: clusterPageSize, ...token }),
    )
    for (const { metadata } of page.items) names.push(metadata.name)
    next = page.next
  } while (next !== undefined && names.length < clustersMax)
  return names
}

interface TokenStatus {
  readonly authenticated?: boolean
  readonly user?: { readonly username?: string; readonly groups?: readonly string[] }
}

interface RulesStatus {
  readonly resourceRules?: readonly ResourceRule[]
  readonly incomplete?: boolean
}

async function review<Status>(
  client: KubeClient,
  { group, kind }: Review,
  spec: Readonly<Record<string, unknown>>,
): Promise<Status> {
  const path = `/apis/${group}/v1/${kind.toLowerCase()}s`
  const body = { apiVersion: `${group}/v1`, kind, metadata: {}, spec }
  const answer = await answered(() => client.call({ method: 'POST', path, body }))
  return ((answer as { readonly status?: unknown }).status ?? {}) as Status
}

function unlessUnauthorized(error: unknown): undefined {
  const { cause } = error as { readonly cause?: unknown }
  if (cause instanceof KubeApiError && cause.status === 401) return undefined
  throw error
}

async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    const isOurs = cause instanceof KubeApiError && cause.isForbidden
    throw new UserError('unavailable', {
      what: isOurs
        ? 'the hub does not let this gateway review tokens and access'
        : 'the Kubernetes API of the hub does not answer',
      fix: isOurs
        ? 'bind the ClusterRole system:auth-delegator to its service account'
        : 'try again; see the log of the gateway',
      cause,
    })
  }
}
