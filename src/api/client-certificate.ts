// The client certificate of a connection. The handshake proves that the client holds its key; whether the certificate
// holds is for `identity` to say, so that one that does not gets an answer that says why.

import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import type { ClientCertificate } from '../access/index.ts'

const known = new WeakMap<object, ClientCertificate | 'none'>()

/** The certificate that the client of a request sent; undefined for plain HTTP and where it sent none. */
export function clientCertificateOf(request: FastifyRequest): ClientCertificate | undefined {
  const socket = request.raw.socket as TLSSocket
  const before = known.get(socket)
  if (before !== undefined) return before === 'none' ? undefined : before
  const raw = socket.encrypted ? socket.getPeerCertificate()?.raw : undefined
  known.set(socket, raw === undefined ? 'none' : { raw })
  return raw === undefined ? undefined : { raw }
}
