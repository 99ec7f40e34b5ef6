// A write request becomes replicated samples: negotiate, find the tenant, relabel, limit, route.
export * from './admission.ts'
export * from './limits.ts'
export * from './negotiate.ts'
export * from './relabel.ts'
export * from './route.ts'
export * from './tenant.ts'
