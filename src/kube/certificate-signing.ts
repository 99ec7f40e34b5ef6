// CertificateSigningRequests: approving, denying, and giving the certificate, each through its subresource.
// Invariants: a request that was decided once is never decided again; every write carries the resource version
// that was judged, so that what is signed is what was looked at.
// Source: certificates.k8s.io/v1; facts/fleet.md §7.

import { type ApiObject, fieldOf, type KubeResource, textOf } from './api-object.ts'
import type { KubeClient } from './kube-client.ts'

/** The resource of CertificateSigningRequests. */
export const certificateSigningRequests: KubeResource = {
  group: 'certificates.k8s.io',
  version: 'v1',
  plural: 'certificatesigningrequests',
  kind: 'CertificateSigningRequest',
  namespaced: false,
}

/** A verdict on a request, with a machine-readable reason and a sentence for people. */
export interface SigningVerdict {
  readonly verdict: 'Approved' | 'Denied'
  readonly reason: string
  readonly message: string
}

/** What was decided about a request so far. Failed is the signer's word. */
export function signingStateOf(
  request: ApiObject,
): 'pending' | 'approved' | 'denied' | 'failed' | 'issued' {
  const conditions = fieldOf(request, 'status', 'conditions')
  const types = (Array.isArray(conditions) ? (conditions as readonly unknown[]) : []).map((one) =>
    textOf(one, 'type'),
  )
  if (types.includes('Denied')) return 'denied'
  if (types.includes('Failed')) return 'failed'
  if (textOf(request, 'status', 'certificate') !== '') return 'issued'
  return types.includes('Approved') ? 'approved' : 'pending'
}

/** Writes a verdict. Throws a conflict where the request changed since it was read. */
export function decideSigning(
  client: KubeClient,
  request: ApiObject,
  { verdict, reason, message }: SigningVerdict,
): Promise<ApiObject> {
  return writeCondition(client, request, { type: verdict, reason, message }, 'approval')
}

/** Says that an approved request gets no certificate, and why: the signer's word. */
export function failSigning(
  client: KubeClient,
  request: ApiObject,
  { reason, message }: Omit<SigningVerdict, 'verdict'>,
): Promise<ApiObject> {
  return writeCondition(client, request, { type: 'Failed', reason, message }, 'status')
}

/** Writes the certificate (PEM, leaf first) of an approved request. */
export function issueCertificate(
  client: KubeClient,
  request: ApiObject,
  certificatePem: string,
): Promise<ApiObject> {
  return client.replace(
    certificateSigningRequests,
    {
      ...request,
      status: {
        ...(fieldOf(request, 'status') as object | undefined),
        certificate: Buffer.from(certificatePem).toString('base64'),
      },
    },
    'status',
  )
}

function writeCondition(
  client: KubeClient,
  request: ApiObject,
  condition: { readonly type: string; readonly reason: string; readonly message: string },
  subresource: 'approval' | 'status',
): Promise<ApiObject> {
  const conditions = fieldOf(request, 'status', 'conditions')
  return client.replace(
    certificateSigningRequests,
    {
      ...request,
      status: {
        ...(fieldOf(request, 'status') as object | undefined),
        conditions: [
          ...(Array.isArray(conditions) ? conditions : []),
          { ...condition, status: 'True' },
        ],
      },
    },
    subresource,
  )
}
