// HTTP: a file per route group, each one call into a room between a schema and an envelope.
export type { WriteRoutesOptions } from './write/incoming.ts'
export { otlpRoutes } from './write/otlp-routes.ts'
export { remoteWriteRoutes } from './write/remote-write-routes.ts'
