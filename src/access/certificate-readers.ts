// Readers by client certificate: those that CAs of the configuration issued, as Kubernetes and Observatorium take them:
// the common name is the user, organizations (or organizational units) are groups.
// The TLS handshake proved that the client holds the key. Signature, dates and usage are checked here, as the listener
// lets every certificate through so that a refusal can say why.
// Invariants: a certificate is issued by a CA of the list itself; chains are not followed. Dates are looked at each time.
// Source: RFC 5280; facts/fleet.md §13 (certificates of ACM's Grafana).

import { createHash, X509Certificate } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { UserError } from '../model/index.ts'
import type { CallerSource } from './credentials.ts'
import type { Rights, Subject } from './rights.ts'
import { callerOf } from './subject-callers.ts'

/** Whose certificates are accepted, and how their subjects are read. */
export interface CertificateReadersOptions {
  /** One or more certificates of CAs in PEM. */
  readonly authorities: string
  /** The attribute of a subject that holds its groups: O, OU. */
  readonly groupsAttribute: string
  /** Stand before names, so that nobody's name in a certificate is somebody's elsewhere. */
  readonly usernamePrefix: string
  readonly groupsPrefix: string
}

const clientAuth = '1.3.6.1.5.5.7.3.2'
const anyUsage = '2.5.29.37.0'
const knownMax = 10_000

interface Known {
  readonly subject: Subject
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/**
 * Callers by certificates of these CAs; those of other issuers are not its kind. Throws UserError bad_config for
 * authorities that cannot be read.
 */
export function certificateReaders(
  options: CertificateReadersOptions,
  rightsOf: (subject: Subject) => Rights,
  now: () => number = Date.now,
): CallerSource {
  const authorities = readAuthorities(options.authorities)
  const known = new LRUCache<string, Known>({ max: knownMax })
  return async ({ certificate }) => {
    if (certificate === undefined) return undefined
    const key = createHash('sha256').update(certificate.raw).digest('base64')
    let one = known.get(key)
    if (one === undefined) {
      one = read(certificate.raw, authorities, options)
      if (one === undefined) return undefined
      known.set(key, one)
    }
    checkDates(one, now())
    return callerOf(one.subject, rightsOf(one.subject))
  }
}

// The CAs of a PEM text.
function readAuthorities(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    const found = blocks.map((block) => new X509Certificate(block))
    if (found.length > 0 && found.every(({ ca }) => ca)) return found
  } catch {
    // As for what is no CA.
  }
  throw new UserError('bad_config', {
    what: 'access.clientCertificates.caFile does not hold certificates of CAs',
    fix: 'name a file of one or more CA certificates in PEM',
  })
}

function read(
  der: Uint8Array,
  authorities: readonly X509Certificate[],
  options: CertificateReadersOptions,
): Known | undefined {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(der)
  } catch {
    // What cannot be read is for the others to refuse.
    return undefined
  }
  const issuer = authorities.find(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  )
  if (issuer === undefined) return undefined
  const usages = certificate.keyUsage as readonly string[] | undefined
  const isForClients =
    usages === undefined || usages.includes(clientAuth) || usages.includes(anyUsage)
  if (certificate.ca || !isForClients) throw refused('is not one for clients')
  return {
    subject: subjectOf(certificate, options),
    // A certificate does not outlive its issuer.
    notBeforeMs: Math.max(certificate.validFromDate.getTime(), issuer.validFromDate.getTime()),
    notAfterMs: Math.min(certificate.validToDate.getTime(), issuer.validToDate.getTime()),
  }
}

function subjectOf(certificate: X509Certificate, options: CertificateReadersOptions): Subject {
  const attributes = certificate.toLegacyObject().subject as unknown as Readonly<
    Record<string, string | readonly string[] | undefined>
  >
  const name = attributes.CN
  if (typeof name !== 'string' || name === '') throw refused('names nobody: it has no one CN')
  const groups = [attributes[options.groupsAttribute] ?? []].flat()
  return {
    name: options.usernamePrefix + name,
    groups: groups.map((group) => options.groupsPrefix + group),
    provedBy: 'certificate',
  }
}

function checkDates({ notBeforeMs, notAfterMs }: Known, nowMs: number): void {
  const timeText = (timeMs: number): string => new Date(timeMs).toISOString()
  if (nowMs < notBeforeMs) throw refused(`holds from ${timeText(notBeforeMs)} on`)
  if (nowMs >= notAfterMs) throw refused(`expired at ${timeText(notAfterMs)}`)
}

function refused(what: string): UserError {
  return new UserError('unauthorized', {
    what: `the client certificate ${what}`,
    fix: 'get a new one from whoever issued it',
  })
}
