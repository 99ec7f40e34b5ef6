// Objects of a hub as signing sees them, for tests.

import { signerName, subjectNames } from '../../../src/identity/index.ts'
import type { ApiObject } from '../../../src/kube/index.ts'
import { requestOf } from '../../identity/signing-requests.ts'

/** A ManagedCluster that the hub accepted. */
export function managedCluster(
  name: string,
  parts: {
    readonly accepted?: boolean
    readonly id?: string
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
  } = {},
): ApiObject {
  const { accepted = true, id, creationTimestamp = '2026-01-01T00:00:00Z', ...metadata } = parts
  return {
    apiVersion: 'cluster.open-cluster-management.io/v1',
    kind: 'ManagedCluster',
    metadata: { name, creationTimestamp, ...metadata },
    spec: { hubAcceptsClient: accepted },
    status: { clusterClaims: id === undefined ? [] : [{ name: 'id.k8s.io', value: id }] },
  }
}

/** Our addon on a cluster. */
export function addonOn(cluster: string): ApiObject {
  return {
    apiVersion: 'addon.open-cluster-management.io/v1alpha1',
    kind: 'ManagedClusterAddOn',
    metadata: { name: 'crowsnest', namespace: cluster },
    spec: {},
  }
}

/** The signing request of a cluster's agent, or one that differs from it. */
export async function signingRequest(
  name: string,
  cluster: string,
  stamp: string,
  parts: {
    readonly username?: string
    readonly signer?: string
    readonly request?: string
    readonly createdMs?: number
    readonly conditions?: readonly unknown[]
  } = {},
): Promise<ApiObject> {
  const request = parts.request ?? (await requestOf(subjectNames({ cluster, stamp })))
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name, creationTimestamp: new Date(parts.createdMs ?? Date.now()).toISOString() },
    spec: {
      signerName: parts.signer ?? signerName,
      username: parts.username ?? `system:open-cluster-management:${cluster}:agent-1`,
      groups: [`system:open-cluster-management:${cluster}`, 'system:authenticated'],
      usages: ['digital signature', 'key encipherment', 'client auth'],
      request: Buffer.from(request).toString('base64'),
    },
    status: parts.conditions === undefined ? {} : { conditions: parts.conditions },
  }
}
