// HTTP peers over the network: where they are (static, DNS, files) and requests to them.
// Credential and certificate files are read for every request, so that what is rotated is used at once.
// Bounds: targets of a set, time of a request, size of an answer.

import { lookup, resolveSrv } from 'node:dns/promises'
import { glob, readFile } from 'node:fs/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { parse } from 'yaml'
import type { PeerAuth, PeerConfig, PeerConnection } from './http-peer-config.ts'

/** One request. */
export interface PeerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** An answer, whatever its status. */
export interface PeerAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
}

/** What we need of the network. Both reject with Error. */
export interface PeerTransport {
  /** Addresses (host:port) of a set, sorted; an address that cannot be found out is left out and reported. */
  discover(config: PeerConfig, onError: (error: Error) => void): Promise<string[]>
  send(request: PeerRequest, config: PeerConnection): Promise<PeerAnswer>
}

/** How names become addresses. Both reject with Error. */
export interface PeerResolver {
  /** Addresses of a host; IPv6 ones without brackets. */
  addresses(name: string): Promise<readonly string[]>
  services(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>
}

/** Largest set of servers. */
const targetsMax = 100
/** Largest answer. */
const answerSizeBytesMax = 64 << 20

/** The machine's own resolver. */
export const systemResolver: PeerResolver = {
  addresses: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  services: (name) => resolveSrv(name),
}

/** The network, with names looked up by `resolver`. */
export function createPeerTransport(resolver: PeerResolver = systemResolver): PeerTransport {
  return { discover: (config, onError) => discover(config, resolver, onError), send }
}

async function discover(
  config: PeerConfig,
  resolver: PeerResolver,
  onError: (error: Error) => void,
): Promise<string[]> {
  const found = new Set<string>()
  const listed: string[] = [...config.targets]
  for (const pattern of config.files) {
    try {
      for await (const file of glob(pattern))
        listed.push(...targetsIn(await readFile(file, 'utf8')))
    } catch (error) {
      onError(error as Error)
    }
  }
  for (const target of listed) {
    try {
      for (const address of await resolveTarget(target, resolver)) found.add(address)
    } catch (error) {
      onError(error as Error)
    }
  }
  return [...found].sort().slice(0, targetsMax)
}

function targetsIn(text: string): string[] {
  const groups: unknown = parse(text)
  if (!Array.isArray(groups)) throw new Error('a file of targets must hold a list')
  return groups.flatMap((group: { targets?: unknown[] }) => (group.targets ?? []).map(String))
}

async function resolveTarget(target: string, resolver: PeerResolver): Promise<string[]> {
  const dns = /^dns\+(.+):(\d+)$/.exec(target)
  if (dns !== null) {
    const addresses = await resolver.addresses(dns[1]!)
    return addresses.map(
      (address) => `${address.includes(':') ? `[${address}]` : address}:${dns[2]}`,
    )
  }
  const service = /^dnssrv(?:noa)?\+(.+)$/.exec(target)
  if (service === null) return [target]
  return (await resolver.services(service[1]!)).map(({ name, port }) => `${name}:${port}`)
}

async function send(request: PeerRequest, config: PeerConnection): Promise<PeerAnswer> {
  const { method, url, body } = request
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const headers = { ...request.headers, ...length, ...(await authHeader(config.auth)) }
  const options = { method, headers, timeout: config.timeoutMs }
  const tls = config.scheme === 'https' ? await tlsOptions(config) : {}
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage): void => {
      readAnswer(response).then(resolve, reject)
    }
    const outgoing =
      config.scheme === 'https'
        ? requestHttps(url, { ...options, ...tls }, onResponse)
        : requestHttp(url, options, onResponse)
    // The timeout of the options is one of silence; this one bounds the whole request.
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer from ${url} in ${config.timeoutMs} ms`)),
      config.timeoutMs,
    )
    outgoing.once('close', () => clearTimeout(timer))
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

async function readAnswer(response: IncomingMessage): Promise<PeerAnswer> {
  const pieces: Buffer[] = []
  let sizeBytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    sizeBytes += piece.length
    if (sizeBytes > answerSizeBytesMax)
      throw new Error(`the answer is larger than ${answerSizeBytesMax} bytes`)
    pieces.push(piece)
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    body: Buffer.concat(pieces),
  }
}

async function authHeader(auth: PeerAuth): Promise<Record<string, string>> {
  if (auth.username !== undefined) {
    const password =
      auth.passwordFile === undefined ? (auth.password ?? '') : await secretIn(auth.passwordFile)
    const pair = Buffer.from(`${auth.username}:${password}`).toString('base64')
    return { authorization: `Basic ${pair}` }
  }
  const credentials =
    auth.credentialsFile === undefined ? auth.credentials : await secretIn(auth.credentialsFile)
  return credentials === undefined ? {} : { authorization: `${auth.scheme} ${credentials}` }
}

async function secretIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim()
}

async function tlsOptions({ tls }: PeerConnection): Promise<Record<string, unknown>> {
  const read = async (name: string, file: string | undefined): Promise<Record<string, Buffer>> =>
    file === undefined ? {} : { [name]: await readFile(file) }
  return {
    rejectUnauthorized: !tls.insecureSkipVerify,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(await read('ca', tls.caFile)),
    ...(await read('cert', tls.certFile)),
    ...(await read('key', tls.keyFile)),
  }
}
