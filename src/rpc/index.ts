// Thanos' gRPC APIs.
export * from './info-service.ts'
export * from './rpc-server.ts'
export * from './rules-service.ts'
