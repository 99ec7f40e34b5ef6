// One request to an API server: JSON in, JSON out, or a stream of lines.
// Invariants: every request has a time limit and every body a bound; a failed status becomes a KubeApiError.
// Units: times in milliseconds, sizes in bytes.

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { KubeApiError } from './api-error.ts'
import type { KubeEndpoint } from './kube-endpoint.ts'

/** What is asked. `accept` asks for another form, such as metadata only. */
export interface KubeCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly signal?: AbortSignal
}

/** Bounds of every request. */
export interface HttpBounds {
  /** From the call to the last byte of an answer, or to the first of a stream. */
  readonly timeoutMs: number
  readonly answerSizeBytesMax: number
}

/** Sends a call and reads its whole answer. */
export async function callJson(
  endpoint: KubeEndpoint,
  call: KubeCall,
  bounds: HttpBounds,
): Promise<unknown> {
  const limit = AbortSignal.timeout(bounds.timeoutMs)
  const signal = call.signal === undefined ? limit : AbortSignal.any([limit, call.signal])
  const answer = await send(endpoint, call, signal)
  const text = await readText(answer, bounds.answerSizeBytesMax)
  return parseAnswer(call, answer, text)
}

/** Sends a call whose answer is a stream; resolves when its head has come. Failures are thrown here. */
export async function openStream(
  endpoint: KubeEndpoint,
  call: KubeCall,
  bounds: HttpBounds,
): Promise<IncomingMessage> {
  const limit = new AbortController()
  const timer = setTimeout(
    () => limit.abort(new Error(`no answer within ${bounds.timeoutMs} ms`)),
    bounds.timeoutMs,
  )
  try {
    const signal =
      call.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, call.signal])
    const answer = await send(endpoint, call, signal)
    if (answer.statusCode === 200) return answer
    parseAnswer(call, answer, await readText(answer, bounds.answerSizeBytesMax))
    throw new Error(`${describe(call)}: ${answer.statusCode} is no stream`)
  } finally {
    clearTimeout(timer)
  }
}

/** Text of a stream, line by line; an unfinished last line is dropped. A longer line than the bound is thrown. */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  lineSizeBytesMax: number,
): AsyncGenerator<string> {
  let pending: Uint8Array[] = []
  let pendingSizeBytes = 0
  for await (const piece of stream) {
    let from = 0
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, from)) {
      yield Buffer.concat([...pending, piece.subarray(from, at)]).toString('utf8')
      pending = []
      pendingSizeBytes = 0
      from = at + 1
    }
    if (from < piece.length) pending.push(piece.subarray(from))
    pendingSizeBytes += piece.length - from
    if (pendingSizeBytes > lineSizeBytesMax)
      throw new Error(`a watch event is larger than ${lineSizeBytesMax} bytes`)
  }
}

async function send(
  endpoint: KubeEndpoint,
  call: KubeCall,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const options = await endpoint.requestOptions()
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
  const request = endpoint.url.protocol === 'http:' ? httpRequest : httpsRequest
  const base = endpoint.url.pathname.replace(/\/$/, '')
  return new Promise((resolve, reject) => {
    const asked: ClientRequest = request(
      {
        ...options,
        protocol: endpoint.url.protocol,
        hostname: endpoint.url.hostname.replace(/^\[|\]$/g, ''),
        port: endpoint.url.port,
        method: call.method,
        path: `${base}${call.path}${queryOf(call)}`,
        signal,
        headers: {
          ...(options.headers as Readonly<Record<string, string>> | undefined),
          accept: call.accept ?? 'application/json',
          'user-agent': 'crowsnest',
          ...(body === undefined
            ? {}
            : {
                'content-type': call.contentType ?? 'application/json',
                'content-length': body.length,
              }),
        },
      },
      resolve,
    )
    asked.on('error', (cause) => reject(signal.aborted ? signal.reason : cause))
    asked.on('socket', (socket) => socket.setKeepAlive(true, 30_000))
    asked.end(body)
  })
}

function queryOf({ query = {} }: KubeCall): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) params.set(key, String(value))
  }
  return params.size === 0 ? '' : `?${params}`
}

async function readText(answer: IncomingMessage, sizeBytesMax: number): Promise<string> {
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    sizeBytes += piece.length
    if (sizeBytes > sizeBytesMax) {
      answer.destroy()
      throw new Error(`the API server's answer is larger than ${sizeBytesMax} bytes`)
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function parseAnswer(call: KubeCall, answer: IncomingMessage, text: string): unknown {
  const status = answer.statusCode ?? 0
  let value: unknown
  try {
    value = text === '' ? undefined : JSON.parse(text)
  } catch {
    // Proxies and API servers that start answer in plain text.
    value = { message: text.trim().slice(0, 500) }
  }
  if (status >= 200 && status < 300) return value
  const retryAfter = answer.headers['retry-after']
  throw new KubeApiError(status, value, {
    what: describe(call),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
}

function describe({ method, path }: KubeCall): string {
  return `${method} ${path}`
}
