// Certificate signing requests as agents make them, for tests.

import * as x509 from '../../src/identity/x509.ts'

/** A PKCS #10 request in PEM, signed with a new key of its own or by another. */
export async function requestOf(
  name: x509.JsonName,
  more: {
    readonly extensions?: x509.Extension[]
    readonly algorithm?: EcKeyGenParams | RsaHashedKeyGenParams
  } = {},
): Promise<string> {
  const algorithm = more.algorithm ?? { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as {
    readonly publicKey: CryptoKey
    readonly privateKey: CryptoKey
  }
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: { name: algorithm.name, hash: 'SHA-256' },
    extensions: more.extensions ?? [],
  })
  return request.toString('pem')
}

interface EcKeyGenParams {
  readonly name: 'ECDSA'
  readonly namedCurve: string
}

interface RsaHashedKeyGenParams {
  readonly name: 'RSASSA-PKCS1-v1_5'
  readonly modulusLength: number
  readonly publicExponent: Uint8Array<ArrayBuffer>
  readonly hash: string
}
