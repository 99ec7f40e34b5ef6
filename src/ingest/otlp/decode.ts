// OTLP/HTTP bodies to messages, and the replies back to bodies, in protobuf or JSON.
// Source: OTLP specification: JSON is proto3 JSON, but trace and span ids are hexadecimal.

import { otlp } from '../../encoding/index.ts'
import { UserError } from '../../model/index.ts'
import type { OtlpForm } from '../negotiate.ts'
import { countElements } from './element-count.ts'

/** A decoded request. */
export type OtlpMessage = otlp.ExportMetricsServiceRequest

/**
 * Decodes a request of at most so many elements. Throws UserError bad_data, or body_too_large before anything is
 * allocated for them.
 */
export function decodeOtlp(
  body: Uint8Array,
  encoding: OtlpForm['encoding'],
  elementCountMax: number,
): OtlpMessage {
  try {
    return encoding === 'protobuf'
      ? decodeProtobuf(body, elementCountMax)
      : decodeJson(body, elementCountMax)
  } catch (cause) {
    if (cause instanceof UserError) throw cause
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

function decodeProtobuf(body: Uint8Array, elementCountMax: number): OtlpMessage {
  if (countElements(body, elementCountMax) > elementCountMax) throw tooMany(elementCountMax)
  return otlp.ExportMetricsServiceRequest.decode(body)
}

// Values of JSON are seldom shorter than this, separators included; below it a document is parsed before it is
// counted, which costs a bounded multiple of its size.
const jsonElementSizeBytes = 16

function decodeJson(body: Uint8Array, elementCountMax: number): OtlpMessage {
  if (body.length > elementCountMax * jsonElementSizeBytes) throw tooMany(elementCountMax)
  const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  let count = 0
  const value: unknown = JSON.parse(text, (key, value, context?: JsonSource) => {
    if (++count > elementCountMax) throw tooMany(elementCountMax)
    return exactField(key, value, context)
  })
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return otlp.ExportMetricsServiceRequest.fromObject(value)
  }
  throw new TypeError('the document is not an object')
}

function tooMany(elementCountMax: number): UserError {
  return new UserError('body_too_large', {
    what: `the body has more than ${elementCountMax} fields and list members`,
    fix: 'send fewer data points at a time: set send_batch_max_size in the collector',
  })
}

interface JsonSource {
  readonly source?: string
}

// Identifiers become bytes. Integers beyond 2^53 written as numbers keep their digits, which JSON.parse would lose.
function exactField(key: string, value: unknown, context?: JsonSource): unknown {
  if (typeof value === 'string' && (key === 'traceId' || key === 'spanId')) {
    return Buffer.from(value, 'hex')
  }
  const source = context?.source
  const wide = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return wide && source !== undefined && /^-?\d+$/.test(source) ? source : value
}
