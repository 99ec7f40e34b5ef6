// Whether a client certificate is that of an enrolled cluster. Signatures, dates, subject and standing are all checked
// here, so that it holds as well where a proxy ended the TLS connection. The signature of one certificate is checked once.

import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { UserError } from '../model/index.ts'
import { stampOf } from './authority.ts'
import { readSubject } from './cluster-subject.ts'
import type { ClusterRecord, IdentityStore } from './identity-store.ts'
import * as x509 from './x509.ts'

const knownMax = 10_000
const clockSkewMs = 5 * 60_000

interface Known {
  readonly cluster: string
  /** The CA that signed it. */
  readonly stamp: string
  readonly serial: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Checks certificates against a store. */
export class CertificateCheck {
  readonly #store: IdentityStore
  readonly #known = new LRUCache<string, Known>({ max: knownMax })

  constructor(store: IdentityStore) {
    this.#store = store
  }

  /**
   * The cluster behind a certificate (DER). Throws UserError unauthorized for certificates that do not hold, forbidden
   * for those of clusters that may not write any more.
   */
  async clusterOf(der: Uint8Array, nowMs: number): Promise<ClusterRecord> {
    const key = createHash('sha256').update(der).digest('base64')
    let known = this.#known.get(key)
    if (known === undefined) {
      known = await this.#read(der)
      this.#known.set(key, known)
    }
    if (!this.#store.authorities.some(({ stamp }) => stamp === known.stamp))
      throw refused('is of a CA that is no longer trusted', 'enrol the cluster again')
    if (nowMs < known.notBeforeMs)
      throw refused(`holds from ${timeText(known.notBeforeMs)} on`, "check the sender's clock")
    if (nowMs >= known.notAfterMs)
      throw refused(`expired at ${timeText(known.notAfterMs)}`, 'enrol the cluster again')
    return this.#standing(known)
  }

  #standing(known: Known): ClusterRecord {
    const { cluster } = known
    const record = this.#store.record(cluster)
    if (record === undefined) throw barred(cluster, 'is not enrolled here')
    if (record.state === 'revoked') throw barred(cluster, `was revoked: ${record.reason}`)
    // Made before the cluster was enrolled (again), or taken back alone.
    const issuedMs = known.notBeforeMs + clockSkewMs
    if (issuedMs < record.validFromMs || record.revokedSerials.includes(known.serial))
      throw refused('was revoked', `enrol ${cluster} again`)
    return record
  }

  async #read(der: Uint8Array): Promise<Known> {
    let certificate: x509.X509Certificate
    try {
      certificate = new x509.X509Certificate(new Uint8Array(der))
    } catch {
      throw refused('cannot be read', 'send an X.509 certificate')
    }
    const signer = await this.#signerOf(certificate)
    if (signer === undefined)
      throw refused('is of a CA that is not known here', 'enrol the cluster')
    const subject = readSubject(certificate.subjectName.toJSON())
    if (subject === undefined || subject.stamp !== signer)
      throw refused(`is not a cluster's: ${certificate.subject}`, 'enrol the cluster')
    const usage = certificate.getExtension(x509.ExtendedKeyUsageExtension)
    if (!usage?.usages.includes(x509.ExtendedKeyUsage.clientAuth))
      throw refused('is not for clients', 'enrol the cluster')
    return {
      cluster: subject.cluster,
      stamp: signer,
      serial: certificate.serialNumber.toLowerCase(),
      notBeforeMs: certificate.notBefore.getTime(),
      notAfterMs: certificate.notAfter.getTime(),
    }
  }

  async #signerOf(certificate: x509.X509Certificate): Promise<string | undefined> {
    for (const { certificate: authority } of this.#store.authorities) {
      const publicKey = await authority.publicKey.export()
      const isSigner = await certificate
        .verify({ publicKey, signatureOnly: true })
        .catch(() => false)
      if (isSigner) return stampOf(authority)
    }
    return undefined
  }
}

function refused(what: string, fix: string): UserError {
  return new UserError('unauthorized', { what: `the client certificate ${what}`, fix })
}

function barred(cluster: string, what: string): UserError {
  return new UserError('forbidden', {
    what: `the cluster ${cluster} ${what}`,
    fix: `enrol it with: crowsnest tools enroll ${cluster}`,
  })
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
