// The gRPC server: services are added, then it listens; a handler that throws ends its call with the status of its error.
// The library is loaded for the first connection: most gateways are never asked by gRPC, and it takes 12 MB.
// Sizes and keepalive as Thanos' peers expect them. Source: facts/thanos.md §1.1.

import { createServer, type Server as NetServer, type Socket } from 'node:net'
import type {
  ConnectionInjector,
  Metadata,
  MethodDefinition,
  Server,
  ServiceDefinition,
  UntypedServiceImplementation,
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
  let serving: Promise<Serving> | undefined
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // A client that goes away while the library is loaded is nobody's fault.
    socket.on('error', () => socket.destroy())
    serving ??= serve(services)
    serving.then(
      ({ injector }) => injector.injectConnection(socket),
      () => socket.destroy(),
    )
  })
  await listening(listener, address)
  return {
    async close() {
      const closed = new Promise<void>((resolve) => {
        listener.close(() => resolve())
      })
      const served = await serving?.catch(() => undefined)
      if (served !== undefined) await shutDown(served.server)
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

interface Serving {
  readonly server: Server
  readonly injector: ConnectionInjector
}

async function serve(services: readonly RpcService[]): Promise<Serving> {
  const grpc = await import('@grpc/grpc-js')
  const server = new grpc.Server({
    'grpc.max_receive_message_length': messageSizeBytesMax,
    'grpc.max_send_message_length': messageSizeBytesMax,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
  })
  for (const { definition, handlers } of services) server.addService(definition, handlers)
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  return { server, injector }
}

function listening(listener: NetServer, address: string): Promise<void> {
  const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(address) ?? []
  return new Promise((resolve, reject) => {
    listener.once('error', (error) => {
      reject(
        new UserError('bad_config', {
          what: `cannot serve gRPC on ${address}: ${error.message}`,
          fix: 'set grpc.listen to a free address, or leave it empty to serve no gRPC',
        }),
      )
    })
    listener.listen({ port: Number(port), ...(host === '' ? {} : { host }) }, resolve)
  })
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), closeMsMax)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
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

// Of google.golang.org/grpc/codes.
const codes = {
  canceled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

const statuses: Partial<Record<ErrorCode, number>> = {
  bad_data: codes.invalidArgument,
  bad_tenant: codes.invalidArgument,
  unauthorized: codes.unauthenticated,
  forbidden: codes.permissionDenied,
  limit_exceeded: codes.resourceExhausted,
  not_ready: codes.unavailable,
  unavailable: codes.unavailable,
  timeout: codes.deadlineExceeded,
  canceled: codes.canceled,
  not_found: codes.notFound,
}

/** What an error becomes on the wire; what is no UserError is logged and stays out of the text. */
export function statusOf(error: unknown, log: Logger): { code: number; details: string } {
  if (error instanceof UserError)
    return { code: statuses[error.code] ?? codes.internal, details: error.message }
  log.error({ err: error }, 'a gRPC call failed')
  return { code: codes.internal, details: 'internal error, see the log' }
}
