// A certificate authority: makes certificates of clusters and of servers. ECDSA on P-256, SHA-256.
// Certificates are short-lived, start a little in the past (clocks differ), and have random serials of 128 bits.

import { createHash, randomBytes } from 'node:crypto'
import { type ClusterSubject, subjectNames } from './cluster-subject.ts'
import * as x509 from './x509.ts'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const
const clockSkewMs = 5 * 60_000
const stampLength = 16

/** From when to when a certificate holds, Unix milliseconds. */
export interface Validity {
  readonly nowMs: number
  readonly lifetimeMs: number
}

/** A CA with its key. */
export class Authority {
  readonly certificate: x509.X509Certificate
  readonly #key: CryptoKey

  private constructor(certificate: x509.X509Certificate, key: CryptoKey) {
    this.certificate = certificate
    this.#key = key
  }

  /** A new CA with a new key. */
  static async create(name: string, validity: Validity): Promise<Authority> {
    const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: [{ CN: [name] }],
      ...datesOf(validity),
      keys,
      signingAlgorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    return new Authority(certificate, keys.privateKey)
  }

  /** A CA from its PEM texts (the key as PKCS #8). Throws where they are none. */
  static async load(certificatePem: string, keyPem: string): Promise<Authority> {
    const der = x509.PemConverter.decodeFirst(keyPem)
    const key = await crypto.subtle.importKey('pkcs8', der, keyAlgorithm, true, ['sign'])
    return new Authority(new x509.X509Certificate(certificatePem), key)
  }

  /** The key as PKCS #8 PEM. */
  async keyPem(): Promise<string> {
    const der = await crypto.subtle.exportKey('pkcs8', this.#key)
    return x509.PemConverter.encode(der, 'PRIVATE KEY')
  }

  /** Tells CAs apart, in subjects of the certificates that they issue. */
  get stamp(): string {
    return stampOf(this.certificate)
  }

  /** A certificate for the agent of a cluster that holds the key. */
  issueForCluster(
    cluster: string,
    publicKey: x509.PublicKeyType,
    validity: Validity,
  ): Promise<x509.X509Certificate> {
    const subject: ClusterSubject = { cluster, stamp: this.stamp }
    return this.#issue(subjectNames(subject), publicKey, validity, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ])
  }

  /** A certificate for a server that is reached under these host names and addresses. */
  issueForServer(
    hosts: readonly x509.JsonGeneralName[],
    publicKey: x509.PublicKeyType,
    validity: Validity,
  ): Promise<x509.X509Certificate> {
    return this.#issue([{ CN: ['crowsnest'] }], publicKey, validity, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([...hosts]),
    ])
  }

  async #issue(
    subject: x509.JsonName,
    publicKey: x509.PublicKeyType,
    validity: Validity,
    extensions: readonly x509.Extension[],
  ): Promise<x509.X509Certificate> {
    const { notBefore, notAfter } = datesOf(validity)
    const last = this.certificate.notAfter
    return x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject,
      issuer: this.certificate.subjectName,
      notBefore,
      notAfter: notAfter < last ? notAfter : last,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.certificate.publicKey),
        ...extensions,
      ],
    })
  }
}

/** A certificate in PEM, with the newline at its end that lets several stand in one file. */
export function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`
}

/** The stamp of a CA's certificate: the beginning of its SHA-256. */
export function stampOf(certificate: x509.X509Certificate): string {
  const hash = createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex')
  return hash.slice(0, stampLength)
}

/** A new key pair for a certificate: the public key, and the private one as PKCS #8 PEM. */
export async function newKeyPair(): Promise<{
  readonly publicKey: CryptoKey
  readonly privatePem: string
}> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const der = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    publicKey: keys.publicKey,
    privatePem: x509.PemConverter.encode(der, 'PRIVATE KEY'),
  }
}

function datesOf({ nowMs, lifetimeMs }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - clockSkewMs), notAfter: new Date(nowMs + lifetimeMs) }
}

// Positive, as RFC 5280 asks: the first bit is not set.
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString('hex')
}
