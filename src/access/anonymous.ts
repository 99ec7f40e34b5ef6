// The caller of embedded mode (`auth: none`): nobody in particular, with the rights that the configuration gives.

import type { Caller, TenantRights } from '../model/index.ts'

/** What callers without a proven identity may do. */
export interface AnonymousOptions {
  readonly mayWrite: TenantRights
  readonly mayRead: TenantRights
}

/** Everything: right for a loopback listener, which is all that runs without authentication. */
export const anonymousDefaults: AnonymousOptions = { mayWrite: 'all', mayRead: 'all' }

/** The caller behind a request that proves no identity. */
export function anonymousCaller(options: AnonymousOptions = anonymousDefaults): Caller {
  return {
    name: 'anonymous',
    identity: { key: '', labels: {} },
    isAdmin: true,
    mayWrite: options.mayWrite,
    mayRead: options.mayRead,
    scope: 'all',
  }
}
