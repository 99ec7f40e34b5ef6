// The gRPC server: services are added, then it listens, with TLS where there is material for it.
// The library is loaded for the first connection: most gateways are never asked by gRPC, and it takes 12 MB. For that
// reason connections are accepted here and handed to it; TLS ends here as well, so that a new certificate is taken up
// as by the HTTP listener.
// Keepalive as Thanos' peers expect it. Source: facts/thanos.md §1.1.

import { createServer, type Server as NetServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import type {
  ConnectionInjector,
  MethodDefinition,
  Server,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { UserError } from '../model/index.ts'
import { gateInterceptor, type RpcGate } from './rpc-gate.ts'

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

/** What a server is started with. */
export interface RpcServerOptions {
  readonly gate: RpcGate
  /** Certificate and key in PEM; absent: plain. Client certificates are asked for; the gate judges them. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

/** A running server. */
export interface RpcServer {
  /** Takes new certificates; absent for a plain one. */
  readonly tlsServer: TlsServer | undefined
  /** Ends calls under way within a second. */
  close(): Promise<void>
}

// Requests are lists of matchers. Answers may be large: peers take what we send.
const requestSizeBytesMax = 1 << 22
const answerSizeBytesMax = 2 ** 31 - 1
const streamsPerConnectionMax = 100
const handshakeMsMax = 10_000
const closeMsMax = 1000

/** Listens on `address` (HOST:PORT). Throws UserError bad_config where it cannot. */
export async function startRpcServer(
  address: string,
  services: readonly RpcService[],
  { gate, tls }: RpcServerOptions,
): Promise<RpcServer> {
  let serving: Promise<Serving> | undefined
  const sockets = new Set<Socket>()
  const serveConnection = (socket: Socket): void => {
    serving ??= serve(services, gate)
    serving.then(
      ({ injector }) => injector.injectConnection(socket),
      () => socket.destroy(),
    )
  }
  const tlsServer = tls === undefined ? undefined : tlsServerOf(tls)
  const listener: NetServer = tlsServer ?? createServer()
  listener.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // A client that goes away while the library is loaded is nobody's fault.
    socket.on('error', () => socket.destroy())
    if (tlsServer === undefined) serveConnection(socket)
  })
  tlsServer?.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => socket.destroy())
    // The library hands on the certificates of authorized connections only. Whether one holds is for the gate to say,
    // as over HTTP: it is checked there, and its refusal says why.
    socket.authorized = true
    serveConnection(socket)
  })
  await listening(listener, address)
  return {
    tlsServer,
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

function tlsServerOf(material: { readonly cert: string; readonly key: string }): TlsServer {
  const clients = { requestCert: true, rejectUnauthorized: false }
  const server = createTlsServer({
    ...material,
    ...clients,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2'],
    handshakeTimeout: handshakeMsMax,
  })
  // A handshake that fails is the client's to report.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

interface Serving {
  readonly server: Server
  readonly injector: ConnectionInjector
}

async function serve(services: readonly RpcService[], gate: RpcGate): Promise<Serving> {
  const grpc = await import('@grpc/grpc-js')
  const server = new grpc.Server({
    'grpc.max_receive_message_length': requestSizeBytesMax,
    'grpc.max_send_message_length': answerSizeBytesMax,
    'grpc.max_concurrent_streams': streamsPerConnectionMax,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    interceptors: [gateInterceptor(grpc, gate)],
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
