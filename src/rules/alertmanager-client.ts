// Alertmanagers over HTTP: where they are (static, DNS, files) and posting alerts to them.
// Credential and certificate files are read for every request, so that what is rotated is used at once.

import { lookup, resolveSrv } from 'node:dns/promises'
import { glob, readFile } from 'node:fs/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { parse } from 'yaml'
import type { AlertmanagerAuth, AlertmanagerConfig } from './alertmanager-config.ts'

/** What a notifier needs of the network. Both reject with Error. */
export interface AlertmanagerTransport {
  /** Addresses (host:port) of a set, sorted; an address that cannot be found out is left out and reported. */
  discover(config: AlertmanagerConfig, onError: (error: Error) => void): Promise<string[]>
  /** Posts JSON; resolves with the status. */
  post(url: string, body: string, config: AlertmanagerConfig): Promise<number>
}

/** The real network. */
export const alertmanagerTransport: AlertmanagerTransport = { discover, post }

/** Largest set of Alertmanagers that alerts are sent to. */
const targetsMax = 100

async function discover(
  config: AlertmanagerConfig,
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
      for (const address of await resolveTarget(target)) found.add(address)
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

async function resolveTarget(target: string): Promise<string[]> {
  const dns = /^dns\+(.+):(\d+)$/.exec(target)
  if (dns !== null) {
    const addresses = await lookup(dns[1]!, { all: true })
    return addresses.map(({ address, family }) =>
      family === 6 ? `[${address}]:${dns[2]}` : `${address}:${dns[2]}`,
    )
  }
  const service = /^dnssrv(?:noa)?\+(.+)$/.exec(target)
  if (service === null) return [target]
  return (await resolveSrv(service[1]!)).map(({ name, port }) => `${name}:${port}`)
}

async function post(url: string, body: string, config: AlertmanagerConfig): Promise<number> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(await authHeader(config.auth)),
  }
  const options = { method: 'POST', headers, timeout: config.timeoutMs }
  const tls = config.scheme === 'https' ? await tlsOptions(config) : {}
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage): void => {
      response.resume()
      response.once('error', reject)
      response.once('end', () => resolve(response.statusCode ?? 0))
    }
    const request =
      config.scheme === 'https'
        ? requestHttps(url, { ...options, ...tls }, onResponse)
        : requestHttp(url, options, onResponse)
    // The timeout of the options is one of silence; this one bounds the whole request.
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer from ${url} in ${config.timeoutMs} ms`)),
      config.timeoutMs,
    )
    request.once('close', () => clearTimeout(timer))
    request.once('error', reject)
    request.end(body)
  })
}

async function authHeader(auth: AlertmanagerAuth): Promise<Record<string, string>> {
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

async function tlsOptions({ tls }: AlertmanagerConfig): Promise<Record<string, unknown>> {
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
