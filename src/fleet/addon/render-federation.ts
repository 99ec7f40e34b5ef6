// The addon on Karmada and on KubeFed: the manifests once, where they go, and what differs by cluster.
// Source: facts/fleet.md §11, §12.

import { agentConfig } from './agent-config.ts'
import { type AddonIntent, addonName } from './intent.ts'
import { agentName, certificateSecret, type Manifest, spokeManifests } from './spoke-manifests.ts'

/** Certificate and key of one cluster's agent, PEM; issued by the gateway, since there are no signing requests. */
export interface AgentCredentials {
  readonly certificate: string
  readonly key: string
}

/** One cluster with what it proves itself by. */
export interface FederatedCluster {
  readonly intent: AddonIntent
  readonly credentials: AgentCredentials
}

interface Change {
  readonly kind: string
  readonly name: string
  readonly path: string
  readonly value: string
}

/** Objects of the Karmada API: manifests, one propagation policy, an override policy with a rule per cluster. */
export function karmadaObjects(
  clusters: readonly FederatedCluster[],
  authorityPem: string,
): readonly Manifest[] {
  const names = clusters.map(({ intent }) => intent.cluster)
  const base = baseManifests(clusters, authorityPem)
  const selectors = base.map(({ apiVersion, kind, metadata: { name, namespace } }) => ({
    apiVersion,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  }))
  const selected = selectors.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret')
  const overrideRules = clusters.flatMap((cluster) => karmadaRules(cluster))
  return [
    ...base,
    {
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterPropagationPolicy',
      metadata: { name: addonName },
      spec: {
        resourceSelectors: selectors,
        placement: {
          clusterAffinity: { clusterNames: names },
          replicaScheduling: { replicaSchedulingType: 'Duplicated' },
        },
      },
    },
    {
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterOverridePolicy',
      metadata: { name: addonName },
      spec: { resourceSelectors: selected, overrideRules },
    },
  ]
}

function karmadaRules({ intent, credentials }: FederatedCluster) {
  return [
    {
      targetCluster: { clusterNames: [intent.cluster] },
      overriders: {
        plaintext: changesOf(intent, credentials).map(({ path, value }) => ({
          path,
          operator: 'replace',
          value,
        })),
      },
    },
  ]
}

/** Federated objects of KubeFed, which nobody keeps any more: they are rendered, and no controller of ours writes them. */
export function kubefedObjects(
  clusters: readonly FederatedCluster[],
  authorityPem: string,
): readonly Manifest[] {
  const placement = { clusters: clusters.map(({ intent }) => ({ name: intent.cluster })) }
  return baseManifests(clusters, authorityPem).map((manifest) => {
    const { apiVersion: _, kind, metadata, ...content } = manifest
    const { name, namespace, labels } = metadata
    const overrides = clusters.flatMap(({ intent, credentials }) => {
      const own = changesOf(intent, credentials).filter(
        (change) => change.kind === kind && change.name === name,
      )
      const changes = own.map(({ path, value }) => ({ path, op: 'replace', value }))
      return own.length === 0 ? [] : [{ clusterName: intent.cluster, clusterOverrides: changes }]
    })
    return {
      apiVersion: 'types.kubefed.io/v1beta1',
      kind: `Federated${kind}`,
      metadata: {
        name,
        namespace: namespace ?? (kind === 'Namespace' ? name : 'kube-federation-system'),
      },
      spec: {
        template: { ...(labels === undefined ? {} : { metadata: { labels } }), ...content },
        placement,
        ...(overrides.length === 0 ? {} : { overrides }),
      },
    }
  })
}

// The first cluster's manifests, and a secret that each cluster's rule fills.
function baseManifests(
  clusters: readonly FederatedCluster[],
  authorityPem: string,
): readonly Manifest[] {
  const first = clusters[0]
  if (first === undefined) return []
  const manifests = spokeManifests(first.intent, authorityPem)
  const secret: Manifest = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: certificateSecret, namespace: first.intent.namespace },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': '', 'tls.key': '' },
  }
  return [...manifests, secret]
}

function changesOf(intent: AddonIntent, { certificate, key }: AgentCredentials): readonly Change[] {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const config = `${JSON.stringify(agentConfig(intent), undefined, 2)}\n`
  const secret = { kind: 'Secret', name: certificateSecret }
  return [
    { kind: 'ConfigMap', name: agentName, path: '/data/prometheus.yml', value: config },
    { ...secret, path: '/data/tls.crt', value: base64(certificate) },
    { ...secret, path: '/data/tls.key', value: base64(key) },
  ]
}
