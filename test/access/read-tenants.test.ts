import { describe, expect, it } from 'vitest'
import { anonymousCaller, readTenants } from '../../src/access/index.ts'
import { type TenantRights, tenantNamingDefaults, UserError } from '../../src/model/index.ts'

function tenants(
  sources: { path?: string; headers?: readonly string[] },
  mayRead: TenantRights = 'all',
): readonly string[] | string {
  const caller = anonymousCaller({ mayWrite: 'all', mayRead })
  try {
    return readTenants(tenantNamingDefaults, caller, { headers: [], ...sources }, () => ['b', 'a'])
  } catch (error) {
    return error instanceof UserError ? error.code : String(error)
  }
}

describe('the tenants of a query', () => {
  it('are the default one where none is named', () => {
    expect(tenants({})).toEqual(['default-tenant'])
    expect(tenants({}, ['a'])).toBe('forbidden')
  })

  it('are one, several or all', () => {
    expect(tenants({ path: 'a' })).toEqual(['a'])
    expect(tenants({ headers: ['b|a|b|default'] })).toEqual(['a', 'b', 'default-tenant'])
    expect(tenants({ headers: ['*'] })).toEqual(['a', 'b'])
  })

  it('must all be the caller’s to read, and all means all of those', () => {
    expect(tenants({ headers: ['a|b'] }, ['a'])).toBe('forbidden')
    expect(tenants({ headers: ['a|b'] }, ['a', 'b', 'c'])).toEqual(['a', 'b'])
    expect(tenants({ headers: ['*'] }, ['c', 'a'])).toEqual(['a', 'c'])
  })

  it('are refused where path and header disagree or a name is unusable', () => {
    expect(tenants({ path: 'a', headers: ['b'] })).toBe('forbidden')
    expect(tenants({ path: 'a|b', headers: ['b|a'] })).toEqual(['a', 'b'])
    expect(tenants({ headers: ['a|'] })).toBe('bad_tenant')
    expect(tenants({ headers: ['a|..'] })).toBe('bad_tenant')
    expect(tenants({ headers: ['a|*'] })).toBe('bad_tenant')
  })
})
