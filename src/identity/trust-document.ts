// What a hub publishes for gateways: trusted CAs and how clusters stand, as texts of a ConfigMap (or files of it).
// Every byte is in docs/formats/trust.md. Times: Unix seconds in the text, milliseconds here.
// Invariants: a document is whole: who is not in it is not enrolled; it holds no keys.

import { UserError } from '../model/index.ts'
import { stampOf } from './authority.ts'
import type { ClusterStanding, TrustedAuthority } from './trust.ts'
import * as x509 from './x509.ts'

/** Names of the texts. */
export const trustNames = {
  bundle: 'ca.crt',
  issuing: 'issuing',
  clusters: 'clusters.json',
  asOf: 'as-of',
} as const

/** A cluster's line: name, clusterID, valid from in Unix seconds, tenant, why it is revoked. The end is left out where it is ''. */
type ClusterLine = readonly [string, string, number, string?, string?]

const version = 1

/** The text `clusters.json`. */
export function clustersText(clusters: readonly ClusterStanding[]): string {
  const lines = clusters.map((one): string => {
    const { cluster, clusterId, validFromMs, tenant, reason } = one
    const full = [cluster, clusterId, Math.floor(validFromMs / 1000), tenant, reason]
    while (full.at(-1) === '') full.pop()
    return JSON.stringify(full)
  })
  return `{"version":${version},"clusters":[\n${lines.join(',\n')}\n]}\n`
}

/** The clusters of the text. Throws UserError bad_data. */
export function readClusters(text: string): ReadonlyMap<string, ClusterStanding> {
  const clusters = new Map<string, ClusterStanding>()
  for (const line of linesOf(text)) {
    const [cluster, clusterId, validFromSeconds, tenant = '', reason = ''] = line
    clusters.set(cluster, {
      cluster,
      clusterId,
      tenant,
      state: reason === '' ? 'enrolled' : 'revoked',
      reason,
      validFromMs: validFromSeconds * 1000,
      revokedSerials: [],
    })
  }
  return clusters
}

/** The CAs of a bundle in PEM. Throws UserError bad_data where it holds none. */
export function readBundle(pem: string): readonly TrustedAuthority[] {
  try {
    const blocks = x509.PemConverter.decode(pem).map((der) => new x509.X509Certificate(der))
    if (blocks.length > 0)
      return blocks.map((certificate) => ({ stamp: stampOf(certificate), certificate }))
  } catch {
    // Said below.
  }
  throw fault(trustNames.bundle, 'holds no certificates in PEM')
}

function linesOf(text: string): readonly ClusterLine[] {
  let document: { readonly version?: unknown; readonly clusters?: unknown }
  try {
    document = JSON.parse(text) as typeof document
  } catch (error) {
    throw fault(trustNames.clusters, (error as Error).message)
  }
  if (document.version !== version)
    throw fault(trustNames.clusters, `has the version ${document.version}, not ${version}`)
  const { clusters } = document
  if (!Array.isArray(clusters) || !clusters.every(isLine))
    throw fault(trustNames.clusters, 'is not a list of clusters')
  return clusters
}

function isLine(line: unknown): line is ClusterLine {
  if (!Array.isArray(line)) return false
  const [cluster, clusterId, validFrom, tenant = '', reason = ''] = line as readonly unknown[]
  const texts = [cluster, clusterId, tenant, reason]
  return texts.every((text) => typeof text === 'string') && typeof validFrom === 'number'
}

function fault(name: string, what: string): UserError {
  return new UserError('bad_data', {
    what: `${name} of the trust document ${what}`,
    fix: 'let crowsnest hub write it anew',
  })
}
