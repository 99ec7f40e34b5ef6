// A hub's word on certificates: the trust document as it was read last, for as long as it is young enough.
// Invariants: a document that does not parse changes nothing, and grows old; one that is too old lets nobody in: a hub that is silent may
// have removed clusters that we do not know of. Times in Unix milliseconds.

import type { ClusterStanding, TrustedAuthority, TrustSource } from './trust.ts'
import { readBundle, readClusters, trustNames } from './trust-document.ts'

/** The texts of a document, by name. */
export type TrustTexts = Readonly<Record<string, string>>

/** What a hub published last. */
export class HubTrust implements TrustSource {
  readonly #ageMsMax: number
  #texts: TrustTexts = {}
  #authorities: readonly TrustedAuthority[] = []
  #clusters: ReadonlyMap<string, ClusterStanding> = new Map()
  #asOfMs = Number.NEGATIVE_INFINITY

  /** A document older than this lets nobody in. */
  constructor(ageMsMax: number) {
    this.#ageMsMax = ageMsMax
  }

  /** Takes a document that was read now. Throws UserError bad_data where it does not hold, and then the one before stays. */
  update(texts: TrustTexts, nowMs: number): void {
    const text = (name: string): string => texts[name] ?? ''
    const isSame = (name: string): boolean => text(name) === this.#texts[name]
    // Most updates only say that nothing changed.
    const authorities = isSame(trustNames.bundle)
      ? this.#authorities
      : readBundle(text(trustNames.bundle))
    const clusters = isSame(trustNames.clusters)
      ? this.#clusters
      : readClusters(text(trustNames.clusters))
    const asOfMs = Date.parse(text(trustNames.asOf))
    // A clock that is ahead must not let an old document look young.
    if (!(isSame(trustNames.asOf) || Number.isNaN(asOfMs))) this.#asOfMs = Math.min(asOfMs, nowMs)
    this.#authorities = authorities
    this.#clusters = clusters
    this.#texts = texts
  }

  get authorities(): readonly TrustedAuthority[] {
    return this.#authorities
  }

  /** When the hub last said that the document holds; -Infinity before it was read. */
  get asOfMs(): number {
    return this.#asOfMs
  }

  record(cluster: string): ClusterStanding | undefined {
    return this.#clusters.get(cluster)
  }

  problem(nowMs: number): string {
    if (this.#authorities.length === 0) return 'the hub has not said yet which clusters may write'
    const ageMs = nowMs - this.#asOfMs
    if (ageMs <= this.#ageMsMax) return ''
    const since = Number.isFinite(ageMs) ? `since ${new Date(this.#asOfMs).toISOString()}` : 'yet'
    return `the hub has not said ${since} which clusters may write`
  }

  remedy(cluster: string): string {
    return `accept ${cluster} on the hub, and let a placement of the addon select it`
  }
}
