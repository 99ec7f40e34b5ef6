// Thanos' gRPC APIs.
export * from './info-service.ts'
export type { RpcCredentials, RpcGate } from './rpc-gate.ts'
export { type RpcServer, startRpcServer } from './rpc-server.ts'
export * from './rules-service.ts'
