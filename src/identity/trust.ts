// What checking certificates needs to know: which CAs are trusted, and how clusters stand. Who knows it is a source: the gateway's own
// store, or what a hub published.

import type * as x509 from './x509.ts'

/** A CA whose certificates are believed. */
export interface TrustedAuthority {
  /** See `Authority.stamp`. */
  readonly stamp: string
  readonly certificate: x509.X509Certificate
}

/** How a cluster stands. */
export interface ClusterStanding {
  readonly cluster: string
  /** The label `clusterID` of its samples. */
  readonly clusterId: string
  /** The tenant it writes to; '' = the default one. */
  readonly tenant: string
  readonly state: 'enrolled' | 'revoked'
  /** Why it was revoked. */
  readonly reason: string
  /** Certificates issued before this are refused; Unix milliseconds, whole seconds. */
  readonly validFromMs: number
  /** Serials of single certificates that are refused. */
  readonly revokedSerials: readonly string[]
}

/** CAs, and the clusters that they issue to. */
export interface TrustSource {
  readonly authorities: readonly TrustedAuthority[]
  /** How a cluster stands; undefined where it is not known. */
  record(cluster: string): ClusterStanding | undefined
  /** Why the source cannot say now; '' when it can. Nobody is let in meanwhile, nor told that it was revoked. */
  problem(nowMs: number): string
  /** What to do for a cluster that is refused. */
  remedy(cluster: string): string
}
