// Certificates made for tests: a CA of its own, and what it issues.

import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 86_400_000
const hosts = [
  { type: 'ip', value: '127.0.0.1' },
  { type: 'dns', value: 'localhost' },
] as const

/** Certificate and key in PEM. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

/** What is asked of a CA. */
export interface Asked {
  readonly usage?: 'client' | 'server'
  readonly isAuthority?: boolean
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
}

/** A CA of its own. */
export interface TestAuthority {
  readonly cert: string
  /** A certificate for a subject such as `O=sre, CN=alice`; servers are this host. */
  issue(subject: string, asked?: Asked): Promise<Pair>
}

/** A CA of this name. */
export async function testAuthority(name: string): Promise<TestAuthority> {
  const keys = await newKeys()
  const own = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + 10 * dayMs),
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  })
  return {
    cert: own.toString('pem'),
    async issue(subject, asked = {}) {
      const { usage = 'client', isAuthority = false } = asked
      const pair = await newKeys()
      const { clientAuth, serverAuth } = ExtendedKeyUsage
      const certificate = await X509CertificateGenerator.create({
        subject,
        issuer: own.subject,
        publicKey: pair.publicKey,
        signingKey: keys.privateKey,
        notBefore: new Date(asked.notBeforeMs ?? Date.now() - dayMs / 2),
        notAfter: new Date(asked.notAfterMs ?? Date.now() + dayMs),
        extensions: [
          new BasicConstraintsExtension(isAuthority, undefined, true),
          new ExtendedKeyUsageExtension([usage === 'client' ? clientAuth : serverAuth]),
          new SubjectAlternativeNameExtension([...hosts]),
        ],
      })
      return pairOf(certificate, pair)
    },
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>
}

async function pairOf(
  certificate: X509Certificate,
  { privateKey }: webcrypto.CryptoKeyPair,
): Promise<Pair> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey)).toString('base64')
  const lines = der.match(/.{1,64}/g)!.join('\n')
  const key = `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`
  return { cert: certificate.toString('pem'), key }
}
