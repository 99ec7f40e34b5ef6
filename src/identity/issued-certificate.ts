// What a certificate that was issued says: whose it is, of which CA, until when.

import { readSubject } from './cluster-subject.ts'
import * as x509 from './x509.ts'

/** A cluster's certificate. Times in Unix milliseconds. */
export interface IssuedCertificate {
  readonly cluster: string
  /** Of the CA that issued it; see `Authority.stamp`. */
  readonly stamp: string
  /** Hex, lower case. */
  readonly serial: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Reads the first certificate of a PEM text; undefined where it is not a cluster's. No signature is checked. */
export function readIssued(pem: string): IssuedCertificate | undefined {
  try {
    const certificate = new x509.X509Certificate(x509.PemConverter.decodeFirst(pem))
    const subject = readSubject(certificate.subjectName.toJSON())
    if (subject === undefined) return undefined
    return {
      ...subject,
      serial: certificate.serialNumber.toLowerCase(),
      notBeforeMs: certificate.notBefore.getTime(),
      notAfterMs: certificate.notAfter.getTime(),
    }
  } catch {
    return undefined
  }
}
