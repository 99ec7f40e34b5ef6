// Issuing: a certificate of the active CA for an enrolled cluster, and the note of it that rotation and revocation need.

import { UserError } from '../model/index.ts'
import { newKeyPair, pemOf } from './authority.ts'
import type { IdentityStore } from './identity-store.ts'
import * as x509 from './x509.ts'

/** What a sender needs for mutual TLS, in PEM. */
export interface ClientIdentity {
  readonly certificate: string
  readonly key: string
  /** CAs of the server's certificate. */
  readonly authorities: string
}

/** A new key and its certificate for an enrolled cluster. Throws UserError not_found. */
export async function issueIdentity(
  store: IdentityStore,
  cluster: string,
  validity: { readonly nowMs: number; readonly lifetimeMs: number },
): Promise<ClientIdentity> {
  const { publicKey, privatePem } = await newKeyPair()
  const certificate = await issueFor(store, cluster, publicKey, validity)
  return { certificate, key: privatePem, authorities: store.bundle() }
}

/** A certificate for a key that the cluster holds. Throws UserError not_found. */
export async function issueFor(
  store: IdentityStore,
  cluster: string,
  publicKey: x509.PublicKeyType,
  validity: { readonly nowMs: number; readonly lifetimeMs: number },
): Promise<string> {
  const { active } = store
  const certificate = await active.issueForCluster(cluster, publicKey, validity)
  await store.noteIssued(cluster, {
    stamp: active.stamp,
    serial: certificate.serialNumber.toLowerCase(),
    notAfterMs: certificate.notAfter.getTime(),
  })
  return pemOf(certificate)
}

/** The public key of a PKCS #10 request in PEM that is signed with it. Throws UserError bad_data. */
export async function keyOfRequest(pem: string): Promise<x509.PublicKey> {
  const fault = (what: string): UserError =>
    new UserError('bad_data', { what, fix: 'send a PKCS #10 request in PEM' })
  let request: x509.Pkcs10CertificateRequest
  try {
    request = new x509.Pkcs10CertificateRequest(pem)
  } catch {
    throw fault('the body is no certificate signing request')
  }
  if (!(await request.verify().catch(() => false)))
    throw fault('the request is not signed with the key that it asks for')
  return request.publicKey
}
