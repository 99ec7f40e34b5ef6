// Negotiation: the headers of a write decide format and compression before a byte of the body is read.
// Source: remote write 1.0 and 2.0 specifications; Thanos receive's rules for its own path.

import { UserError } from '../model/index.ts'
import type { WriteFormat } from '../storage/index.ts'

/** Whose rules the path follows: Prometheus' `/api/v1/write`, or Thanos' `…/receive`. */
export type WriteDialect = 'prometheus' | 'thanos'

/** The headers that matter, as they came; undefined = absent. */
export interface WriteHeaders {
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  /** X-Prometheus-Remote-Write-Version. */
  readonly version: string | undefined
}

/** What an OTLP body is. */
export interface OtlpForm {
  readonly encoding: 'protobuf' | 'json'
  readonly compression: 'gzip' | 'none'
}

/** A parsed media type: lower-case `type/subtype`, and parameters with lower-case names. */
export interface MediaType {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
}

/** The message that a write body holds, always block snappy. Throws UserError unsupported_media_type. */
export function negotiateWrite(dialect: WriteDialect, headers: WriteHeaders): WriteFormat {
  const encoding = headers.contentEncoding?.trim().toLowerCase() ?? ''
  // Old senders leave the header out and still compress; every receiver reads them so.
  if (encoding !== '' && encoding !== 'snappy') {
    throw unsupported(`content encoding ${quoted(headers.contentEncoding)}`, 'compress with snappy')
  }
  return dialect === 'thanos' ? thanosFormat(headers) : prometheusFormat(headers.contentType)
}

/** The form of an OTLP/HTTP body. Throws UserError unsupported_media_type. */
export function negotiateOtlp(headers: WriteHeaders): OtlpForm {
  const media = headers.contentType === undefined ? undefined : parseMediaType(headers.contentType)
  const types: Readonly<Record<string, OtlpForm['encoding']>> = {
    'application/x-protobuf': 'protobuf',
    'application/json': 'json',
  }
  const encoding = media !== undefined && Object.hasOwn(types, media.type) && types[media.type]
  if (!encoding) {
    throw unsupported(
      `content type ${quoted(headers.contentType)}`,
      'send application/x-protobuf or application/json',
    )
  }
  const compression = headers.contentEncoding?.trim().toLowerCase() ?? ''
  if (compression === 'gzip') return { encoding, compression }
  if (compression === '' || compression === 'identity') return { encoding, compression: 'none' }
  throw unsupported(
    `content encoding ${quoted(headers.contentEncoding)}`,
    'compress with gzip or not at all',
  )
}

/** Parses a media type with its parameters (RFC 9110, section 8.3.1); undefined where the text is none. */
export function parseMediaType(text: string): MediaType | undefined {
  const separator = text.indexOf(';')
  const type = (separator < 0 ? text : text.slice(0, separator)).trim().toLowerCase()
  if (!/^[!#$%&'*+\-.^_`|~\w]+\/[!#$%&'*+\-.^_`|~\w]+$/.test(type)) return undefined
  const parameters = new Map<string, string>()
  const rest = separator < 0 ? '' : text.slice(separator).trimEnd()
  const parameter = /[ \t]*;[ \t]*(?:([!#$%&'*+\-.^_`|~\w]+)=("(?:[^"\\]|\\.)*"|[^\s;"]+))?/y
  while (parameter.lastIndex < rest.length) {
    const match = parameter.exec(rest)
    if (match === null) return undefined
    if (match[1] === undefined) continue
    const name = match[1].toLowerCase()
    if (parameters.has(name)) return undefined
    parameters.set(name, unquoted(match[2]!))
  }
  return { type, parameters }
}

function prometheusFormat(contentType: string | undefined): WriteFormat {
  if (contentType === undefined || contentType.trim() === '') return 'remote-write-1'
  const format = formatOf(parseMediaType(contentType))
  if (format !== undefined) return format
  throw unsupportedMessage(contentType)
}

// Thanos looks at the content type only where the version header says 2.0.0. We look always, so that a 2.0 body
// without the version header is not read as 1.0, and forgive what Thanos forgives: other media types are 1.0.
function thanosFormat(headers: WriteHeaders): WriteFormat {
  const media = headers.contentType === undefined ? undefined : parseMediaType(headers.contentType)
  const format = formatOf(media)
  if (format !== undefined) return format
  const saysProtobuf = media !== undefined && media.type === 'application/x-protobuf'
  if (headers.version !== '2.0.0' && !saysProtobuf) return 'remote-write-1'
  throw unsupportedMessage(headers.contentType)
}

function formatOf(media: MediaType | undefined): WriteFormat | undefined {
  if (media === undefined || media.type !== 'application/x-protobuf') return undefined
  const message = media.parameters.get('proto') ?? 'prometheus.WriteRequest'
  if (message === 'prometheus.WriteRequest') return 'remote-write-1'
  if (message === 'io.prometheus.write.v2.Request') return 'remote-write-2'
  return undefined
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
}

function unsupportedMessage(contentType: string | undefined): UserError {
  return unsupported(
    `content type ${quoted(contentType)}`,
    'send application/x-protobuf with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request',
  )
}

function unsupported(what: string, fix: string): UserError {
  return new UserError('unsupported_media_type', { what: `${what} is not accepted here`, fix })
}

function quoted(text: string | undefined): string {
  return text === undefined ? 'missing' : JSON.stringify(text.slice(0, 200))
}
