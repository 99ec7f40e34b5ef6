import type { FastifyRequest } from 'fastify'
import { expect, it } from 'vitest'
import { tenantSourcesOf } from '../../src/api/index.ts'

const request = (params: object | undefined, rawHeaders: readonly string[]) =>
  ({ params, raw: { rawHeaders } }) as unknown as FastifyRequest

it('a request names tenants in its path and in every value of the tenant headers', () => {
  const headers = ['Host', 'x', 'THANOS-TENANT', 'a,b', 'thanos-tenant', 'c', 'X-Scope', '']
  expect(tenantSourcesOf(request({ tenant: 'p' }, headers), ['thanos-tenant', 'x-scope'])).toEqual({
    path: 'p',
    headers: ['a,b', 'c'],
  })
  expect(tenantSourcesOf(request(undefined, headers), ['host'])).toEqual({ headers: ['x'] })
})
