// The hub's Kubernetes as an authority over readers, where the configuration asks for it.

import {
  kubernetesAuthority,
  kubernetesReviews,
  kubernetesVerifier,
  managedClusterNames,
} from '../access/index.ts'
import { openEndpoint } from '../kube/index.ts'
import type { Authorities } from './access.ts'
import type { Config } from './config-schema.ts'

const clusterListMaxAgeMs = 30_000
const reviewsAtATime = 8

/** Verifier and authority of the hub; none where it is not asked. Throws UserError bad_config. */
export async function hubAuthorities(config: Config): Promise<Authorities> {
  const { enabled, kubeconfig, audience, clusterVerb, namespaces, tenants } =
    config.access.kubernetes
  if (!enabled) return { verifiers: [], authorities: [] }
  const endpoint = await openEndpoint(kubeconfig === '' ? { inCluster: true } : { kubeconfig })
  const reviews = kubernetesReviews(endpoint, audience)
  const named = tenants.length === 0 ? [config.tenants.default] : tenants
  const authority = kubernetesAuthority(reviews, {
    clusterVerb,
    tenants: named.includes('*') ? 'all' : named,
    namespaces,
    clusters: managedClusterNames(endpoint, clusterListMaxAgeMs),
    concurrency: reviewsAtATime,
  })
  return { verifiers: [kubernetesVerifier(reviews)], authorities: [authority] }
}
