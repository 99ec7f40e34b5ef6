// What a ruler says of itself to those that share groups with it.

import type { FastifyPluginAsync } from 'fastify'
import { type RulerAnswer, rulerPath } from '../rules/index.ts'
import { described } from './described.ts'

const schema = described({
  tag: 'operations',
  summary: 'Which ruler this is, for rulers that share groups with it',
  responses: { 200: { description: 'Who it is and whether it evaluates', type: 'object' } },
})

/** `/-/ruler`: which process this is and whether it evaluates. Open to everyone, as health is. */
export const rulerRoutes: FastifyPluginAsync<{ answer: () => RulerAnswer }> = async (
  app,
  { answer },
) => {
  app.get(rulerPath, { config: { isOpen: true }, schema }, async () => answer())
}
