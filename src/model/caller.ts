// Callers: who sent a request and which tenants they may write and read, as a plain value.
// Built by `access`; read by every room that acts on someone's behalf.

import type { Scope } from './scope.ts'

/** All tenants, or those listed (by tenant name, aliases resolved). */
export type TenantRights = 'all' | readonly string[]

/** What a proven identity fixes for everything it writes. */
export interface CallerIdentity {
  /** Stable key, equal for equal identities; '' = none. */
  readonly key: string
  /** The tenant it writes to, where its certificate or token fixes one. */
  readonly tenant?: string
  /** Labels that override what is sent. */
  readonly labels: Readonly<Record<string, string>>
}

/** Somebody who calls. */
export interface Caller {
  /** For logs and error messages. */
  readonly name: string
  readonly identity: CallerIdentity
  /** Whether operations are allowed: reload, log level, deletion, snapshots, configuration. */
  readonly isAdmin: boolean
  readonly mayWrite: TenantRights
  readonly mayRead: TenantRights
  /** What it sees of the tenants that it may read. */
  readonly scope: Scope
}

/** Whether the rights cover a tenant. */
export function covers(rights: TenantRights, tenant: string): boolean {
  return rights === 'all' || rights.includes(tenant)
}
