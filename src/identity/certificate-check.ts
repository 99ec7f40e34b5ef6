// Whether a client certificate is that of an enrolled cluster. Signatures, dates, subject and standing are all checked
// here, so that it holds as well where a proxy ended the TLS connection. The signature of one certificate is checked once.

import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { UserError } from '../model/index.ts'
import { readSubject } from './cluster-subject.ts'
import type { ClusterStanding, TrustSource } from './trust.ts'
import * as x509 from './x509.ts'

const knownMax = 10_000
const clockSkewMs = 5 * 60_000

interface Known {
  /** Who trusts the CA that signed it, and says how its clusters stand. */
  readonly source: TrustSource
  readonly cluster: string
  /** The CA that signed it. */
  readonly stamp: string
  readonly serial: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Checks certificates against what sources say: each says how the clusters of its own CAs stand. */
export class CertificateCheck {
  readonly #sources: readonly TrustSource[]
  readonly #known = new LRUCache<string, Known>({ max: knownMax })
  /** The CA of the certificate that a cluster showed last. */
  readonly #shown = new LRUCache<string, string>({ max: knownMax })

  constructor(sources: readonly TrustSource[]) {
    this.#sources = sources
  }

  /**
   * The cluster behind a certificate (DER). Throws UserError unauthorized for certificates that do not hold, forbidden
   * for those of clusters that may not write any more, unavailable while who would know does not.
   */
  async clusterOf(der: Uint8Array, nowMs: number): Promise<ClusterStanding> {
    const key = createHash('sha256').update(der).digest('base64')
    let known = this.#known.get(key)
    if (known === undefined) {
      known = await this.#read(der, nowMs)
      this.#known.set(key, known)
    }
    const { source, stamp } = known
    if (nowMs < known.notBeforeMs)
      throw refused(`holds from ${timeText(known.notBeforeMs)} on`, "check the sender's clock")
    if (nowMs >= known.notAfterMs)
      throw refused(`expired at ${timeText(known.notAfterMs)}`, 'enrol the cluster again')
    const problem = source.problem(nowMs)
    if (problem !== '') throw unavailable(problem)
    if (!source.authorities.some((authority) => authority.stamp === stamp))
      throw refused('is of a CA that is no longer trusted', 'enrol the cluster again')
    const standing = standingOf(known)
    this.#shown.set(standing.cluster, stamp)
    return standing
  }

  /** How many clusters showed a certificate of each CA last, by stamp. */
  shown(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const stamp of this.#shown.values()) counts.set(stamp, (counts.get(stamp) ?? 0) + 1)
    return counts
  }

  async #read(der: Uint8Array, nowMs: number): Promise<Known> {
    let certificate: x509.X509Certificate
    try {
      certificate = new x509.X509Certificate(new Uint8Array(der))
    } catch {
      throw refused('cannot be read', 'send an X.509 certificate')
    }
    const signer = await this.#signerOf(certificate)
    if (signer === undefined) {
      const problem = this.#sources.map((source) => source.problem(nowMs)).find((one) => one !== '')
      // It may be of a CA that we have not been told of yet: refusing it would make the sender throw samples away.
      if (problem !== undefined) throw unavailable(problem)
      throw refused('is of a CA that is not known here', 'enrol the cluster')
    }
    const subject = readSubject(certificate.subjectName.toJSON())
    if (subject === undefined || subject.stamp !== signer.stamp)
      throw refused(`is not a cluster's: ${certificate.subject}`, 'enrol the cluster')
    const usage = certificate.getExtension(x509.ExtendedKeyUsageExtension)
    if (!usage?.usages.includes(x509.ExtendedKeyUsage.clientAuth))
      throw refused('is not for clients', 'enrol the cluster')
    return {
      ...signer,
      cluster: subject.cluster,
      serial: certificate.serialNumber.toLowerCase(),
      notBeforeMs: certificate.notBefore.getTime(),
      notAfterMs: certificate.notAfter.getTime(),
    }
  }

  async #signerOf(
    certificate: x509.X509Certificate,
  ): Promise<Pick<Known, 'source' | 'stamp'> | undefined> {
    for (const source of this.#sources) {
      for (const authority of source.authorities) {
        const publicKey = await authority.certificate.publicKey.export()
        const isSigner = await certificate
          .verify({ publicKey, signatureOnly: true })
          .catch(() => false)
        if (isSigner) return { source, stamp: authority.stamp }
      }
    }
    return undefined
  }
}

function standingOf({ source, cluster, notBeforeMs, serial }: Known): ClusterStanding {
  const standing = source.record(cluster)
  if (standing === undefined) throw barred(source, cluster, 'is not enrolled here')
  const { state, reason, validFromMs, revokedSerials } = standing
  if (state === 'revoked') throw barred(source, cluster, `was revoked: ${reason}`)
  // Made before the cluster was enrolled (again), or taken back alone.
  const issuedMs = notBeforeMs + clockSkewMs
  if (issuedMs < validFromMs || revokedSerials.includes(serial))
    throw refused('was revoked', `enrol ${cluster} again`)
  return standing
}

function unavailable(problem: string): UserError {
  return new UserError('unavailable', {
    what: problem,
    fix: 'see that crowsnest hub runs and that this process reads what it publishes',
  })
}

function refused(what: string, fix: string): UserError {
  return new UserError('unauthorized', { what: `the client certificate ${what}`, fix })
}

function barred(source: TrustSource, cluster: string, what: string): UserError {
  return new UserError('forbidden', {
    what: `the cluster ${cluster} ${what}`,
    fix: source.remedy(cluster),
  })
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
