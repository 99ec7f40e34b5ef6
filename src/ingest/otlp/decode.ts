// OTLP/HTTP bodies to messages, and the replies back to bodies, in protobuf or JSON.
// Source: OTLP specification: JSON is proto3 JSON, but trace and span ids are hexadecimal.

import { otlp } from '../../encoding/index.ts'
import { UserError } from '../../model/index.ts'
import type { OtlpForm } from '../negotiate.ts'

/** A decoded request. */
export type OtlpMessage = otlp.ExportMetricsServiceRequest

/** Decodes a request. Throws UserError bad_data. */
export function decodeOtlp(body: Uint8Array, encoding: OtlpForm['encoding']): OtlpMessage {
  try {
    if (encoding === 'protobuf') return otlp.ExportMetricsServiceRequest.decode(body)
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    const value: unknown = JSON.parse(text, exactField)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError('the document is not an object')
    }
    return otlp.ExportMetricsServiceRequest.fromObject(value)
  } catch (cause) {
    throw new UserError('bad_data', {
      what: `the body is not an OTLP metrics request in ${encoding}: ${(cause as Error).message}`,
      fix: 'correct the exporter, or its content type',
      cause,
    })
  }
}

/** The body of a 2xx: empty unless data points were refused. */
export function encodeOtlpSuccess(
  refused: { readonly count: number; readonly message: string } | undefined,
  encoding: OtlpForm['encoding'],
): Uint8Array {
  const partialSuccess =
    refused === undefined
      ? undefined
      : { rejectedDataPoints: refused.count, errorMessage: refused.message }
  if (encoding === 'protobuf') {
    const message = partialSuccess === undefined ? {} : { partialSuccess }
    return otlp.ExportMetricsServiceResponse.encode(message).finish()
  }
  // 64-bit integers are strings in proto3 JSON.
  const json =
    partialSuccess === undefined
      ? {}
      : { partialSuccess: { ...partialSuccess, rejectedDataPoints: String(refused!.count) } }
  return Buffer.from(JSON.stringify(json))
}

/** The body of an error: a google.rpc.Status. */
export function encodeOtlpError(
  code: number,
  message: string,
  encoding: OtlpForm['encoding'],
): Uint8Array {
  if (encoding === 'protobuf') return otlp.Status.encode({ code, message }).finish()
  return Buffer.from(JSON.stringify({ code, message }))
}

// Identifiers become bytes. Integers beyond 2^53 written as numbers keep their digits, which JSON.parse would lose.
function exactField(key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value === 'string' && (key === 'traceId' || key === 'spanId')) {
    return Buffer.from(value, 'hex')
  }
  const source = context?.source
  const wide = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return wide && source !== undefined && /^-?\d+$/.test(source) ? source : value
}
