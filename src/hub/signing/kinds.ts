// What signing looks at on a hub, and names of what it keeps there.

import { addonName, signerName } from '../../identity/index.ts'
import { certificateSigningRequests, type KubeResource } from '../../kube/index.ts'
import type { Followed } from '../part.ts'

/** Where CAs and what is published of them are. */
export interface SigningNames {
  readonly namespace: string
  /** Secret of the CAs; nobody but the hub role should be allowed to read it. */
  readonly authoritySecret: string
  /** ConfigMap that gateways trust. */
  readonly trustConfigMap: string
}

/** Defaults of the names. */
export const signingNames: Omit<SigningNames, 'namespace'> = {
  authoritySecret: 'crowsnest-ca',
  trustConfigMap: 'crowsnest-trust',
}

/** On a ManagedCluster: it gets no certificate, and those it has are refused, with this text as the reason. */
export const deniedAnnotation = 'crowsnest.io/denied'

/** On a ManagedCluster: certificates from before this time (RFC 3339) are refused. */
export const validFromAnnotation = 'crowsnest.io/certificates-from'

/** On a ManagedCluster: the tenant that it writes to. */
export const tenantAnnotation = 'crowsnest.io/tenant'

/** On our ManagedClusterAddOn: the certificate that the cluster was given last, `STAMP SERIAL NOT-AFTER`. */
export const certificateAnnotation = 'crowsnest.io/certificate'

/** The kind Secret. */
export const secretResource: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
}

/** The kind ConfigMap. */
export const configMapResource: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
}

/** All ManagedClusters. */
export const managedClusters: Followed = {
  resource: {
    group: 'cluster.open-cluster-management.io',
    version: 'v1',
    plural: 'managedclusters',
    kind: 'ManagedCluster',
    namespaced: false,
  },
}

/** Our ManagedClusterAddOn of every cluster. */
export const ourAddons: Followed = {
  resource: {
    group: 'addon.open-cluster-management.io',
    version: 'v1alpha1',
    plural: 'managedclusteraddons',
    kind: 'ManagedClusterAddOn',
    namespaced: true,
  },
  selection: { fieldSelector: `metadata.name=${addonName}` },
}

/** Signing requests of our signer, and of no other. */
export const ourRequests: Followed = {
  resource: certificateSigningRequests,
  selection: { fieldSelector: `spec.signerName=${signerName}` },
}

/** The one object of a kind in a namespace. */
export function onlyOne(resource: KubeResource, namespace: string, name: string): Followed {
  return { resource, selection: { namespace, fieldSelector: `metadata.name=${name}` } }
}
