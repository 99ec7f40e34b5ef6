// S3 client: the AWS SDK's client, set up from our options: connections, proxy, retries, headers of uploads, tracing.

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../telemetry/index.ts'
import type { S3Options } from './s3-options.ts'

/** Headers that minio's client sends as they are; any other becomes user metadata. */
const plainHeaders = new Set([
  'content-type',
  'cache-control',
  'content-encoding',
  'content-disposition',
  'content-language',
  'expires',
])

const silence = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
}

/** Creates the client. `environment` holds HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
export function createS3Client(
  options: S3Options,
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
): S3Client {
  const client = new S3Client({
    endpoint: options.endpoint,
    region: options.region,
    forcePathStyle: options.pathStyle,
    maxAttempts: options.attemptsMax,
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    // Either Content-MD5, as Thanos sends it by default, or the SDK's own checksums, which some stores do not know.
    requestChecksumCalculation: options.sendContentMd5 ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    // What fails is thrown; the SDK's own remarks would go to the console past our log.
    logger: silence,
    requestHandler: {
      ...agents(options, environment),
      connectionTimeout: options.connectTimeoutMs,
      socketTimeout: options.silenceTimeoutMs,
    },
  })
  addUploadHeaders(client, options)
  if (options.trace) addTrace(client, log)
  return client
}

function agents(
  options: S3Options,
  environment: Readonly<Record<string, string | undefined>>,
): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  const { ca, cert, key, serverName, skipVerify } = options.tls
  const common = {
    keepAlive: true,
    maxSockets: options.connectionsMax,
    maxFreeSockets: options.idleConnectionsMax,
    // On an agent this is how long an unused connection is kept.
    timeout: options.idleTimeoutMs,
    ...(isLoopback(options.endpoint) ? {} : { proxyEnv: environment }),
  }
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: !skipVerify,
  }
  return { httpAgent: new HttpAgent(common), httpsAgent: new HttpsAgent({ ...common, ...tls }) }
}

// As Go does: this machine is never reached through a proxy.
function isLoopback(endpoint: string): boolean {
  const { hostname } = new URL(endpoint)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

function addUploadHeaders(client: S3Client, options: S3Options): void {
  const headers = Object.entries(options.headers).map(([name, value]) => {
    const lower = name.toLowerCase()
    const asIs = plainHeaders.has(lower) || lower.startsWith('x-amz-')
    return [asIs ? lower : `x-amz-meta-${lower}`, value] as const
  })
  if (headers.length === 0) return
  client.middlewareStack.add(
    (next, context) => (args) => {
      const creates =
        context.commandName === 'PutObjectCommand' ||
        context.commandName === 'CreateMultipartUploadCommand'
      if (creates) Object.assign((args.request as HttpRequest).headers, Object.fromEntries(headers))
      return next(args)
    },
    { step: 'build', name: 'uploadHeaders' },
  )
}

function addTrace(client: S3Client, log: Logger): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { method, path } = args.request as HttpRequest
      const startMs = performance.now()
      try {
        const result = await next(args)
        const { statusCode } = result.response as { statusCode: number }
        const durationMs = Math.round(performance.now() - startMs)
        log.info(
          { command: context.commandName, method, path, statusCode, durationMs },
          's3 request',
        )
        return result
      } catch (error) {
        log.info({ command: context.commandName, method, path, err: error }, 's3 request failed')
        throw error
      }
    },
    { step: 'deserialize', name: 'trace', priority: 'low' },
  )
}
