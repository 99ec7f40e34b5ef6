// The gRPC server: services are added, then it listens; a handler that throws ends its call with the status of its error.
// Sizes and keepalive as Thanos' peers expect them. Source: facts/thanos.md §1.1.

import {
  type Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { type ErrorCode, UserError } from '../model/index.ts'
import type { Logger } from '../telemetry/index.ts'

/** What a call says of its caller. */
export interface RpcCaller {
  /** Metadata `authorization`. */
  readonly authorization: string | undefined
  /** Metadata `thanos-tenant`. */
  readonly tenant: string | undefined
}

/** A service that can be added to a server. */
export interface RpcService {
  readonly definition: ServiceDefinition
  readonly handlers: UntypedServiceImplementation
}

/** How bytes and messages of a method become each other. */
export interface MethodCodec<Request, Response> {
  decode(bytes: Uint8Array): Request
  encode(response: Response): { finish(): Uint8Array }
}

/** A running server. */
export interface RpcServer {
  /** Ends calls under way within a second. */
  close(): Promise<void>
}

const messageSizeBytesMax = 2 ** 31 - 1
const closeMsMax = 1000

/** Listens on `address` (HOST:PORT). Throws UserError bad_config where it cannot. */
export async function startRpcServer(
  address: string,
  services: readonly RpcService[],
): Promise<RpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': messageSizeBytesMax,
    'grpc.max_send_message_length': messageSizeBytesMax,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
  })
  for (const { definition, handlers } of services) server.addService(definition, handlers)
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve()
      else
        reject(
          new UserError('bad_config', {
            what: `cannot serve gRPC on ${address}: ${error.message}`,
            fix: 'set grpc.listen to a free address, or leave it empty to serve no gRPC',
          }),
        )
    })
  })
  return {
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), closeMsMax)
        server.tryShutdown(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}

/** The definition of a method that answers once or, with `isStream`, as often as it likes. */
export function methodOf<Request, Response>(
  path: string,
  isStream: boolean,
  { decode, encode }: MethodCodec<Request, Response>,
): MethodDefinition<Request, Response> {
  return {
    path,
    requestStream: false,
    responseStream: isStream,
    requestDeserialize: (bytes) => decode(bytes),
    responseSerialize: (response) => Buffer.from(encode(response).finish()),
    // A server never writes requests, nor reads responses.
    requestSerialize: () => Buffer.alloc(0),
    responseDeserialize: () => undefined as Response,
  }
}

/** Who calls, as the metadata say. */
export function callerIn(metadata: Metadata): RpcCaller {
  const textOf = (name: string): string | undefined => metadata.get(name)[0]?.toString()
  return { authorization: textOf('authorization'), tenant: textOf('thanos-tenant') }
}

const statuses: Partial<Record<ErrorCode, status>> = {
  bad_data: status.INVALID_ARGUMENT,
  bad_tenant: status.INVALID_ARGUMENT,
  unauthorized: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  limit_exceeded: status.RESOURCE_EXHAUSTED,
  not_ready: status.UNAVAILABLE,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
  canceled: status.CANCELLED,
  not_found: status.NOT_FOUND,
}

/** What an error becomes on the wire; what is no UserError is logged and stays out of the text. */
export function statusOf(error: unknown, log: Logger): { code: status; details: string } {
  if (error instanceof UserError)
    return { code: statuses[error.code] ?? status.INTERNAL, details: error.message }
  log.error({ err: error }, 'a gRPC call failed')
  return { code: status.INTERNAL, details: 'internal error, see the log' }
}
