// Whether a certificate signing request on a hub is granted: a pure check of everything that it says.
// Labels and the object's name are set by the requester and prove nothing; `spec.username` is set by the API server.
// Source: facts/fleet.md §7 ("what a safe approver checks").

import { addonName, isClusterName, isSameName, subjectNames } from './cluster-subject.ts'
import * as x509 from './x509.ts'

/** The signer of the addon's certificates. */
export const signerName = 'crowsnest.io/cluster'

/** What of a CertificateSigningRequest is looked at. */
export interface SigningRequest {
  readonly signerName: string
  readonly username: string
  readonly groups: readonly string[]
  readonly usages: readonly string[]
  /** PEM of the PKCS #10 request. */
  readonly request: string
}

/** Granted to a cluster and a key, or refused with the reason. */
export type RequestVerdict =
  | {
      readonly granted: true
      readonly cluster: string
      readonly request: x509.Pkcs10CertificateRequest
    }
  | {
      readonly granted: false
      readonly reason: string
      /** Whether the same request may be granted later, when the hub says something else of the cluster. */
      readonly mayPass: boolean
    }

const usagesAllowed = new Set(['digital signature', 'key encipherment', 'client auth'])
const dnsName = `${addonName}.addon.open-cluster-management.io`
const rsaBitsMin = 2048
const requestSizeMax = 16 * 1024

/** The cluster whose agent a user is; undefined for anybody else. */
export function requesterOf(username: string): string | undefined {
  const match = /^system:open-cluster-management:([^:]+):([^:]+)$/.exec(username)
  const cluster = match?.[1]
  return cluster !== undefined && isClusterName(cluster) ? cluster : undefined
}

/** Checks a request. `stamp` is that of the CA that would sign; `refusalOf` says why a cluster may have none, '' when it may. */
export async function checkRequest(
  asked: SigningRequest,
  stamp: string,
  refusalOf: (cluster: string) => string,
): Promise<RequestVerdict> {
  const refused = (reason: string, mayPass = false): RequestVerdict => ({
    granted: false,
    reason,
    mayPass,
  })
  if (asked.signerName !== signerName) return refused(`the signer is ${asked.signerName}, not ours`)
  const cluster = requesterOf(asked.username)
  if (cluster === undefined) return refused(`${asked.username} is not the agent of a cluster`)
  const group = `system:open-cluster-management:${cluster}`
  if (!asked.groups.includes(group))
    return refused(`${asked.username} is not in the group ${group}`)
  const usage = asked.usages.find((name) => !usagesAllowed.has(name))
  if (usage !== undefined) return refused(`the usage "${usage}" is not granted`)
  if (!asked.usages.includes('client auth')) return refused('the usage "client auth" is missing')
  const request = parse(asked.request)
  if (request === undefined) return refused('the request is no PKCS #10 in PEM')
  const wanted = subjectNames({ cluster, stamp })
  if (!isSameName(request.subjectName.toJSON(), wanted))
    return refused(`the subject is ${request.subject}, not that of ${cluster} and CA ${stamp}`)
  const extra = extensionFault(request)
  if (extra !== undefined) return refused(extra)
  const key = keyFault(request.publicKey.algorithm)
  if (key !== undefined) return refused(key)
  if (!(await request.verify().catch(() => false)))
    return refused('the request is not signed with the key that it asks for')
  const refusal = refusalOf(cluster)
  if (refusal !== '') return refused(refusal, true)
  return { granted: true, cluster, request }
}

interface KeyAlgorithm {
  readonly name: string
  readonly namedCurve?: string
  readonly modulusLength?: number
}

function parse(pem: string): x509.Pkcs10CertificateRequest | undefined {
  if (pem.length > requestSizeMax) return undefined
  try {
    return new x509.Pkcs10CertificateRequest(pem)
  } catch {
    return undefined
  }
}

function extensionFault(request: x509.Pkcs10CertificateRequest): string | undefined {
  for (const extension of request.extensions) {
    if (!(extension instanceof x509.SubjectAlternativeNameExtension))
      return `the request asks for the extension ${extension.type}`
    const { items } = extension.names
    const other = items.find(({ type, value }) => type !== 'dns' || value !== dnsName)
    if (other !== undefined) return `the request asks for the name ${other.type} ${other.value}`
  }
  return undefined
}

function keyFault(algorithm: { readonly name: string }): string | undefined {
  const { name, namedCurve = '', modulusLength = 0 } = algorithm as KeyAlgorithm
  if (name === 'ECDSA') {
    return ['P-256', 'P-384', 'P-521'].includes(namedCurve)
      ? undefined
      : `keys on the curve ${namedCurve} are not taken`
  }
  if (name.startsWith('RSA')) {
    return modulusLength >= rsaBitsMin ? undefined : `the RSA key has only ${modulusLength} bits`
  }
  return `keys of the kind ${name} are not taken`
}
