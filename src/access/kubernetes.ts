// The hub's Kubernetes decides: who a token belongs to (TokenReview), and which clusters and namespaces they see, from
// RBAC on managedclusters and ACM's verbs `metrics/NAMESPACE`.
// With the reader's own token the API lists its rules (SelfSubjectRulesReview). For readers who proved themselves
// otherwise or with a token for the gateway alone, and where the list is incomplete, each known cluster is asked about
// (SubjectAccessReview), and namespaces only those that the configuration names.
// Source: facts/fleet.md §13; Kubernetes authentication.k8s.io/v1, authorization.k8s.io/v1.

import type { ClusterScope, TenantRights } from '../model/index.ts'
import { addRights, addScopes, noRights, type Rights, type Subject } from './rights.ts'
import type { Authority, TokenVerifier } from './subject-callers.ts'

/** A rule of a SelfSubjectRulesReview; absent `resourceNames`: every object. */
export interface ResourceRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
}

/** What is asked about in a SubjectAccessReview; '' = any name. */
export interface AccessQuestion {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly name: string
}

/** The reviews of a hub's API. All throw UserError unavailable where it does not answer. */
export interface KubernetesReviews {
  /** TokenReview; undefined: the token is not one of this hub. */
  authenticate(token: string): Promise<Subject | undefined>
  /** SelfSubjectRulesReview, asked with the reader's own token; undefined: it is not one for the API itself. */
  rules(
    token: string,
  ): Promise<{ readonly rules: readonly ResourceRule[]; readonly incomplete: boolean } | undefined>
  /** SubjectAccessReview. */
  isAllowed(subject: Subject, question: AccessQuestion): Promise<boolean>
}

/** How the hub's RBAC is read. */
export interface KubernetesRightsOptions {
  /** The verb on managedclusters that shows a cluster whole. */
  readonly clusterVerb: string
  /** RBAC knows no tenants: those whom it shows a cluster read these. */
  readonly tenants: TenantRights
  /** Managed clusters that are known, asked anew each time. */
  readonly clusters: () => Promise<readonly string[]>
  /** Namespaces that are asked about where rules cannot be listed. */
  readonly namespaces: readonly string[]
  /** Reviews at a time. */
  readonly concurrency: number
}

const clusterGroup = 'cluster.open-cluster-management.io'
const clusterResource = 'managedclusters'

/** Verifies tokens of the hub. */
export function kubernetesVerifier(reviews: KubernetesReviews): TokenVerifier {
  return (token) => reviews.authenticate(token)
}

/** Rights by the hub's RBAC. */
export function kubernetesAuthority(
  reviews: KubernetesReviews,
  options: KubernetesRightsOptions,
): Authority {
  return async (subject, token) => {
    // Static names are ours alone, and other CAs know nothing of the hub's users: one that is also a user of the hub
    // must not have that user's rights.
    if (subject.provedBy === 'static' || subject.provedBy === 'certificate') return noRights
    const own = subject.provedBy === 'kubernetes' ? await reviews.rules(token) : undefined
    if (own === undefined) return askEach(reviews, subject, options)
    const { rules, incomplete } = own
    const listed = rightsOfRules(rules, { ...options, known: await clustersNeeded(rules, options) })
    return incomplete ? addRights([listed, await askEach(reviews, subject, options)]) : listed
  }
}

/** What the rules of a subject grant. */
export function rightsOfRules(
  rules: readonly ResourceRule[],
  options: Pick<KubernetesRightsOptions, 'clusterVerb' | 'tenants'> & {
    /** Managed clusters, for rules that name none. */
    readonly known: readonly string[]
  },
): Rights {
  let rights = noRights
  for (const rule of rules) {
    const names = rule.resourceNames ?? []
    if (isEverything(rule) && names.length === 0) return adminRights(options.tenants)
    if (!has(rule.apiGroups, clusterGroup) || !has(rule.resources, clusterResource)) continue
    const namespaces = namespacesOf(rule.verbs, options.clusterVerb)
    if (namespaces === undefined) continue
    if (names.length === 0 && namespaces === 'all')
      rights = withScope(rights, 'all', options.tenants)
    else {
      const clusters = names.length === 0 ? options.known : names
      const scope = { clusters: new Map([...clusters].map((name) => [name, namespaces] as const)) }
      rights = withScope(rights, scope, options.tenants)
    }
  }
  return rights
}

function namespacesOf(verbs: readonly string[], clusterVerb: string): ClusterScope | undefined {
  if (verbs.some((verb) => verb === '*' || verb === clusterVerb || verb === 'metrics/*'))
    return 'all'
  const listed = verbs.flatMap((verb) => /^metrics\/([a-z0-9][a-z0-9-]*)$/.exec(verb)?.[1] ?? [])
  return listed.length === 0 ? undefined : new Set(listed)
}

// Namespaces of all clusters are the only rights that need to know which clusters there are.
async function clustersNeeded(
  rules: readonly ResourceRule[],
  options: KubernetesRightsOptions,
): Promise<readonly string[]> {
  const isForAll = rules.some(
    ({ verbs, resourceNames = [] }) =>
      resourceNames.length === 0 && verbs.some((verb) => verb.startsWith('metrics/')),
  )
  return isForAll ? options.clusters() : []
}

async function askEach(
  reviews: KubernetesReviews,
  subject: Subject,
  options: KubernetesRightsOptions,
): Promise<Rights> {
  const may = (verb: string, name: string): Promise<boolean> =>
    reviews.isAllowed(subject, { verb, group: clusterGroup, resource: clusterResource, name })
  const everything = { verb: '*', group: '*', resource: '*', name: '' }
  if (await reviews.isAllowed(subject, everything)) return adminRights(options.tenants)
  if (await may(options.clusterVerb, '')) return withScope(noRights, 'all', options.tenants)
  const everywhere = await filtered(options.namespaces, (one) => may(`metrics/${one}`, ''))
  const others = options.namespaces.filter((one) => !everywhere.includes(one))
  const waiting = [...(await options.clusters())]
  const clusters = new Map<string, ClusterScope>()
  const ask = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const cluster = name
      if (await may(options.clusterVerb, cluster)) {
        clusters.set(cluster, 'all')
        continue
      }
      const here = await filtered(others, (one) => may(`metrics/${one}`, cluster))
      if (everywhere.length + here.length > 0)
        clusters.set(cluster, new Set([...everywhere, ...here]))
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, ask))
  return clusters.size === 0 ? noRights : withScope(noRights, { clusters }, options.tenants)
}

async function filtered(
  names: readonly string[],
  isWanted: (name: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const wanted: string[] = []
  for (const name of names) if (await isWanted(name)) wanted.push(name)
  return wanted
}

function isEverything({ verbs, apiGroups = [], resources = [] }: ResourceRule): boolean {
  return verbs.includes('*') && apiGroups.includes('*') && resources.includes('*')
}

function has(list: readonly string[] | undefined, wanted: string): boolean {
  return list?.some((entry) => entry === '*' || entry === wanted) ?? false
}

function adminRights(tenants: TenantRights): Rights {
  return { ...withScope(noRights, 'all', tenants), isAdmin: true }
}

function withScope(rights: Rights, scope: Rights['scope'], mayRead: TenantRights): Rights {
  return { ...rights, mayRead, scope: addScopes(rights.scope, scope) }
}
