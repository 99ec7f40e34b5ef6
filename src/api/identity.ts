// Certificates over HTTP: a cluster that holds one gets the next, for a key that never leaves it.

import type { FastifyPluginAsync } from 'fastify'
import { UserError } from '../model/index.ts'

/** Where certificates come from. */
export interface IdentityDoor {
  /** The certificate in PEM, and the CAs to trust after it. Throws UserError bad_data, not_found. */
  renew(cluster: string, requestPem: string): Promise<string>
}

const requestSizeMax = 16 * 1024

/** `POST /api/v1/identity/certificate`: a PKCS #10 request in PEM, answered with PEM. */
export const identityRoutes: FastifyPluginAsync<{ door: IdentityDoor }> = async (app, { door }) => {
  app.addContentTypeParser(
    ['application/pkcs10', 'application/x-pem-file', 'text/plain'],
    { parseAs: 'string', bodyLimit: requestSizeMax },
    (_request, body, done) => done(null, body),
  )
  app.post(
    '/identity/certificate',
    { schema: { summary: 'The next certificate of the cluster that asks.' } },
    async (request, reply) => {
      const { cluster } = request.caller.identity.labels
      if (cluster === undefined) {
        throw new UserError('forbidden', {
          what: `${request.caller.name} is no cluster`,
          fix: 'ask with the certificate of a cluster',
        })
      }
      if (typeof request.body !== 'string') {
        throw new UserError('bad_data', {
          what: 'there is no body',
          fix: 'send a PKCS #10 request in PEM as text/plain',
        })
      }
      const certificates = await door.renew(cluster, request.body)
      return reply.type('application/x-pem-file').send(certificates)
    },
  )
}
