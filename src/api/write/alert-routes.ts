// Alerts that clusters send to us as if we were their Alertmanager, also below ACM's tenant prefix.
// Source: Alertmanager API v2: 200 with an empty body, 400 with a text where an alert was refused.

import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { UserError } from '../../model/index.ts'
import { type PostableAlert, parseForwardedAlerts } from '../../rules/index.ts'
import { described, emptySchema } from '../described.ts'

/** Where alerts go on. */
export interface AlertIntake {
  /** Labels that the sender's identity fixes. Throws UserError where it may not write to the tenant it names. */
  identityOf(request: FastifyRequest): Readonly<Record<string, string>>
  /** Queues alerts for Alertmanager. Throws UserError unavailable where none is configured. */
  forward(alerts: readonly PostableAlert[]): void
}

/** Largest request: Alertmanager's clients send a few hundred alerts at a time. */
const bodySizeBytesMax = 8 << 20

const schema = described({
  tag: 'write',
  summary: 'Alerts of clusters, to be sent on',
  body: {
    type: 'array',
    items: { type: 'object' },
    description: 'Alerts as Alertmanager has them',
  },
  responses: { 200: emptySchema('They are queued') },
})

/** `POST /api/v2/alerts` and the same below `/api/alertmanager/v2/TENANT`. */
export const alertRoutes: FastifyPluginAsync<{ intake: AlertIntake }> = async (app, { intake }) => {
  for (const before of ['', '/api/alertmanager/v2/:tenant']) {
    app.post(
      `${before}/api/v2/alerts`,
      { bodyLimit: bodySizeBytesMax, schema },
      async (request, reply) => {
        const identity = intake.identityOf(request)
        const { alerts, faults } = parseForwardedAlerts(request.body, identity, Date.now())
        if (alerts.length > 0) intake.forward(alerts)
        if (faults.length === 0) return reply.code(200).send()
        const shown = faults.slice(0, 10).join('; ')
        throw new UserError('bad_data', { what: `${faults.length} alerts were refused: ${shown}` })
      },
    )
  }
}
