// Who is calling, and what they may write and see.
export * from './anonymous.ts'
export * from './read-tenants.ts'
