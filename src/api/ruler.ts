// What a ruler says of itself to those that share groups with it.

import type { FastifyPluginAsync } from 'fastify'
import { type RulerAnswer, rulerPath } from '../rules/index.ts'

/** `/-/ruler`: which process this is and whether it evaluates. Open to everyone, as health is. */
export const rulerRoutes: FastifyPluginAsync<{ answer: () => RulerAnswer }> = async (
  app,
  { answer },
) => {
  app.get(rulerPath, { config: { isOpen: true } }, async () => answer())
}
