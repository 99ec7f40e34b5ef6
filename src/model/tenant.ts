// Tenant names: the unit of isolation. A name is one path element, so that it can stand in a URL and a folder.

import { UserError } from './errors.ts'

/** The tenant of requests that name none. */
export const defaultTenant = 'default-tenant'

/** Longest tenant name in bytes of UTF-8. */
export const tenantSizeBytesMax = 150

/** Returns the name when it is a usable tenant; throws UserError bad_tenant otherwise. */
export function checkTenant(name: string): string {
  const reason = tenantFault(name)
  if (reason === undefined) return name
  throw new UserError('bad_tenant', {
    what: `tenant ${JSON.stringify(name.slice(0, tenantSizeBytesMax))} is not a usable name: ${reason}`,
    fix: 'use letters, digits, dots, dashes and underscores, at most 150 bytes',
  })
}

/** How names of tenants in requests become tenants. */
export interface TenantNaming {
  /** The tenant of requests that name none. */
  readonly defaultTenant: string
  /** Other names of tenants: alias to tenant. An alias is never a tenant of its own. */
  readonly aliases: Readonly<Record<string, string>>
  /** The request header that names a tenant, beside THANOS-TENANT, which always does. */
  readonly header: string
}

/** Thanos' header and default tenant; `default`, which ACM's collectors send, means the default tenant. */
export const tenantNamingDefaults: TenantNaming = {
  defaultTenant,
  aliases: { default: defaultTenant },
  header: 'THANOS-TENANT',
}

/** The tenant that a name in a request means: aliases resolved once, then checked. Throws UserError bad_tenant. */
export function resolveTenant(naming: TenantNaming, name: string): string {
  return checkTenant(Object.hasOwn(naming.aliases, name) ? naming.aliases[name]! : name)
}

function tenantFault(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return 'it is a path element with a meaning of its own'
  if (/[/\\\0|*]/.test(name)) return 'it contains one of / \\ | * or NUL'
  if (!name.isWellFormed()) return 'it is not valid UTF-8'
  if (Buffer.byteLength(name) > tenantSizeBytesMax) return 'it is too long'
  return undefined
}
