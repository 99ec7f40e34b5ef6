// The gate in front of every gRPC method: who calls is found from a call's metadata and connection before its message is
// read, so that no method can be added that forgets to ask, and nobody unknown makes the server hold a message.
// Each call is noted where there is an audit log; a failed one ends with the status of its error.

import type { Metadata, ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js'
import { type Caller, type ErrorCode, UserError } from '../model/index.ts'
import type { Logger } from '../telemetry/index.ts'

/** What a call proves itself with. */
export interface RpcCredentials {
  /** Metadata `authorization`. */
  readonly authorization: string | undefined
  /** DER of the client's certificate; the handshake proved that the client holds its key, and nothing else. */
  readonly certificate: Uint8Array | undefined
}

/** Who makes a call, and for which tenant. */
export interface RpcAsker {
  readonly caller: Caller
  /** Metadata `thanos-tenant`. */
  readonly tenant: string | undefined
}

/** What the gate needs. */
export interface RpcGate {
  /** Who calls. Throws UserError unauthorized or forbidden for who may not. */
  callerOf(credentials: RpcCredentials): Promise<Caller>
  readonly log: Logger
  /** Where every call is noted; absent = nowhere. */
  readonly audit: Logger | undefined
}

type Library = typeof import('@grpc/grpc-js')

const askers = new WeakMap<Metadata, RpcAsker>()

/** Who makes a call, by its metadata; for handlers, which run behind the gate. */
export function askerOf(metadata: Metadata): RpcAsker {
  const asker = askers.get(metadata)
  if (asker !== undefined) return asker
  throw new Error('a call came past the gate')
}

/** The gate as the library takes it. */
export function gateInterceptor(grpc: Library, gate: RpcGate): ServerInterceptor {
  return (method, call) => {
    const startMs = performance.now()
    let who = ''
    const noted = (status: { readonly code?: number }): void => {
      const ms = Math.round(performance.now() - startMs)
      const what = { who, method: method.path, from: call.getPeer(), status: status.code, ms }
      gate.audit?.info(what, 'audit')
    }
    const responder = new grpc.ResponderBuilder()
      .withStart((next) => {
        const listener = new grpc.ServerListenerBuilder()
          .withOnReceiveMetadata((metadata, nextMetadata) => {
            askerBehind(call, metadata, gate).then(
              (asker) => {
                who = asker.caller.name
                askers.set(metadata, asker)
                nextMetadata(metadata)
              },
              (error: unknown) => {
                const status = statusOf(error, gate.log)
                noted(status)
                call.sendStatus(status)
              },
            )
          })
          .build()
        next(listener)
      })
      .withSendStatus((status, next) => {
        noted(status)
        next(status)
      })
      .build()
    return new grpc.ServerInterceptingCall(call, responder)
  }
}

async function askerBehind(
  call: ServerInterceptingCallInterface,
  metadata: Metadata,
  gate: RpcGate,
): Promise<RpcAsker> {
  const textOf = (name: string): string | undefined => metadata.get(name)[0]?.toString()
  const certificate = call.getAuthContext().sslPeerCertificate?.raw
  const caller = await gate.callerOf({ authorization: textOf('authorization'), certificate })
  return { caller, tenant: textOf('thanos-tenant') }
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
