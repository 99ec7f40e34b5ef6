// Deleting series over HTTP: what is refused before anything is deleted.

import fastify from 'fastify'
import { expect, it } from 'vitest'
import { identifyCallers } from '../../src/api/caller.ts'
import { adminRoutes, type ReadDoor } from '../../src/api/index.ts'
import type { Caller, Matcher } from '../../src/model/index.ts'

it('series cannot be deleted by virtual labels, whose negation would mean all of them', async () => {
  const deleted: (readonly Matcher[])[] = []
  const app = fastify()
  identifyCallers(app, () => ({ name: 'admin', isAdmin: true }) as unknown as Caller)
  app.setErrorHandler((error: Error, _, reply) => reply.code(400).send(error.message))
  await app.register(adminRoutes, {
    door: { tenantsOf: () => ['t'] } as unknown as ReadDoor,
    admin: {
      enabled: true,
      deleteSeries: async (_tenants, selectors) => void deleted.push(...selectors),
      cleanTombstones: async () => undefined,
      snapshot: async () => '',
    },
  })
  const ask = (selector: string) =>
    app.inject({
      method: 'POST',
      url: `/admin/tsdb/delete_series?match[]=${encodeURIComponent(selector)}`,
    })
  const refused = await ask('up{__placement__!="n/p"}')
  expect(refused.body).toContain('__placement__')
  expect(refused.statusCode).not.toBe(204)
  expect((await ask('up{__clusterset__="s"}')).statusCode).not.toBe(204)
  expect((await ask('up{cluster="a"}')).statusCode).toBe(204)
  expect(deleted).toEqual([
    [
      { type: '=', name: 'cluster', value: 'a' },
      { type: '=', name: '__name__', value: 'up' },
    ],
  ])
})
