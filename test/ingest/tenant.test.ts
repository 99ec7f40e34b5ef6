import { describe, expect, it } from 'vitest'
import { type TenantSources, writeTenant } from '../../src/ingest/index.ts'
import type { Caller } from '../../src/model/index.ts'
import { tenantNamingDefaults, UserError } from '../../src/model/index.ts'

const anyone: Caller = {
  name: 'anonymous',
  identity: { key: '', labels: {} },
  mayRead: 'all',
  mayWrite: 'all',
  scope: 'all',
  isAdmin: false,
}
const west: Caller = {
  ...anyone,
  name: 'west',
  identity: { key: 'cert:west', tenant: 'team-a', labels: { cluster: 'west' } },
}

function tenantOf(sources: Partial<TenantSources>, caller = anyone): string {
  try {
    return writeTenant(tenantNamingDefaults, caller, { headers: [], ...sources })
  } catch (error) {
    return error instanceof UserError ? error.code : String(error)
  }
}

describe('the tenant of a write', () => {
  it('comes from the identity, else the path, else the header, else the default', () => {
    expect(tenantOf({}, west)).toBe('team-a')
    expect(tenantOf({ path: 'b' })).toBe('b')
    expect(tenantOf({ headers: ['c'] })).toBe('c')
    expect(tenantOf({ headers: [''] })).toBe('default-tenant')
    expect(tenantOf({})).toBe('default-tenant')
  })

  it('is refused where two sources disagree, and found where they agree', () => {
    expect(tenantOf({ path: 'b', headers: ['c'] })).toBe('forbidden')
    expect(tenantOf({ headers: ['b', 'c'] })).toBe('forbidden')
    expect(tenantOf({ path: 'b' }, west)).toBe('forbidden')
    expect(tenantOf({ path: 'team-a', headers: ['team-a', 'team-a'] }, west)).toBe('team-a')
  })

  it('resolves aliases before it compares', () => {
    expect(tenantOf({ path: 'default', headers: ['default-tenant'] })).toBe('default-tenant')
  })

  it('refuses names that are no folder and no path element', () => {
    for (const name of ['.', '..', '/', 'a/b', 'a|b', '*', 'x'.repeat(151)]) {
      expect(tenantOf({ headers: [name] }), name).toBe('bad_tenant')
    }
    expect(tenantOf({ headers: ['__proto__'] })).toBe('__proto__')
    expect(tenantOf({ path: '' })).toBe('bad_tenant')
  })

  it('must be one that the caller may write to', () => {
    const limited = { ...anyone, mayWrite: ['a'] }
    expect(tenantOf({ path: 'a' }, limited)).toBe('a')
    expect(tenantOf({ path: 'b' }, limited)).toBe('forbidden')
    expect(tenantOf({}, limited)).toBe('forbidden')
  })
})
