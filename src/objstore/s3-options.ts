// S3 options: the `config` of a Thanos objstore YAML of type S3, checked and made plain.
// Every key is accepted; a value that the client cannot honour is refused with a reason.
// Source: facts of thanos-io/objstore providers/s3; defaults are Thanos'.

import { readFileSync } from 'node:fs'
import type { ConfigReader } from './config-reader.ts'

/** How objects are encrypted by the store. */
export type Encryption =
  | { readonly type: 'none' }
  | { readonly type: 'SSE-S3' }
  | {
      readonly type: 'SSE-KMS'
      readonly keyId: string
      readonly context: Readonly<Record<string, string>>
    }
  | { readonly type: 'SSE-C'; readonly key: Uint8Array }

/** TLS towards the store; PEM bytes. */
export interface TlsOptions {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly serverName?: string
  readonly skipVerify: boolean
}

/** Options of an S3 bucket. */
export interface S3Options {
  readonly bucket: string
  /** scheme://host[:port] */
  readonly endpoint: string
  readonly region: string
  readonly credentials?: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
  readonly pathStyle: boolean
  readonly listVersion: 1 | 2
  readonly headers: Readonly<Record<string, string>>
  readonly sendContentMd5: boolean
  readonly multipart: boolean
  readonly partSizeBytes: number
  readonly encryption: Encryption
  readonly attemptsMax: number
  readonly trace: boolean
  readonly connectTimeoutMs: number
  readonly silenceTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly idleConnectionsMax: number
  readonly connectionsMax: number
  readonly tls: TlsOptions
}

const mebibyte = 1 << 20
const partSizeBytesMin = 5 * mebibyte
const attemptsDefault = 10

/** Reads the options; what is wrong goes to the reader's faults. */
export function readS3Options(config: ConfigReader): S3Options {
  const bucket = config.required('bucket')
  const insecure = config.boolean('insecure', false)
  const host = dualstackHost(
    readHost(config),
    config.boolean('disable_dualstack', false) || insecure,
  )
  const partSize = config.count('part_size', 64 * mebibyte)
  if (partSize > 0 && partSize < partSizeBytesMin)
    config.refuse('part_size', 'is below 5 MiB, the least that S3 takes')
  if (config.boolean('signature_version2', false))
    config.refuse('signature_version2', 'is true, but the AWS SDK signs with version 4 only')
  if (config.string('sts_endpoint') !== '')
    config.refuse(
      'sts_endpoint',
      'cannot be set here: the AWS SDK reads it from the environment variable AWS_ENDPOINT_URL_STS',
    )
  const trace = config.mapping('trace')
  const options: S3Options = {
    bucket,
    endpoint: `${insecure ? 'http' : 'https'}://${host}`,
    region: config.string('region') || regionOf(host),
    ...readCredentials(config),
    pathStyle: readPathStyle(config, host),
    listVersion: config.choice('list_objects_version', ['', 'v1', 'v2'], '') === 'v1' ? 1 : 2,
    headers: config.texts('put_user_metadata'),
    sendContentMd5: config.boolean('send_content_md5', true),
    multipart: !config.boolean('disable_multipart', false),
    partSizeBytes: partSize === 0 ? 128 * mebibyte : partSize,
    encryption: readEncryption(config.mapping('sse_config')),
    attemptsMax: config.count('max_retries', 0) || attemptsDefault,
    trace: trace.boolean('enable', false),
    ...readHttp(config.mapping('http_config')),
  }
  trace.end()
  config.end()
  return options
}

function readHost(config: ConfigReader): string {
  const host = config.required('endpoint')
  if (/[/@?#\s]/.test(host))
    config.refuse('endpoint', 'is not host or host:port; the scheme comes from `insecure`')
  return host
}

function readCredentials(config: ConfigReader): Pick<S3Options, 'credentials'> {
  const fromSdk = config.boolean('aws_sdk_auth', false)
  const accessKeyId = config.string('access_key')
  const secretAccessKey = config.string('secret_key')
  const sessionToken = config.string('session_token')
  if ((accessKeyId === '') !== (secretAccessKey === ''))
    config.refuse('access_key', 'and secret_key must both be set or both be empty')
  if (fromSdk && accessKeyId !== '')
    config.refuse('aws_sdk_auth', 'is true, so access_key and secret_key must be empty')
  // Without keys the SDK looks in the environment, the shared files, and the instance's or pod's identity.
  if (accessKeyId === '') return {}
  const token = sessionToken === '' ? {} : { sessionToken }
  return { credentials: { accessKeyId, secretAccessKey, ...token } }
}

function readPathStyle(config: ConfigReader, host: string): boolean {
  const lookup = config.choice('bucket_lookup_type', ['', 'auto', 'virtual-hosted', 'path'], 'auto')
  if (lookup === 'virtual-hosted') return false
  return lookup === 'path' || !/\.(amazonaws\.com(\.cn)?|aliyuncs\.com)$/.test(nameOf(host))
}

function readEncryption(sse: ConfigReader): Encryption {
  const type = sse.choice('type', ['', 'SSE-S3', 'SSE-KMS', 'SSE-C'], '')
  const keyId = sse.string('kms_key_id')
  const context = sse.texts('kms_encryption_context')
  const keyFile = sse.string('encryption_key')
  sse.end()
  if (type === 'SSE-S3') return { type }
  if (type === 'SSE-KMS') {
    if (keyId === '') sse.refuse('kms_key_id', 'is missing')
    return { type, keyId, context }
  }
  if (type === 'SSE-C') {
    if (keyFile === '') sse.refuse('encryption_key', 'is missing: the path of a file of 32 bytes')
    const key = readFile(sse, 'encryption_key', keyFile) ?? Buffer.alloc(32)
    if (key.length !== 32)
      sse.refuse('encryption_key', `holds ${key.length} bytes, a key has exactly 32`)
    return { type, key }
  }
  return { type: 'none' }
}

// Three keys need no counterpart: expect_continue_timeout bounds a wait that we never enter, because no request says
// "Expect: 100-continue"; disable_compression turns off what we never ask for; tls_handshake_timeout bounds connecting.
function readHttp(
  http: ConfigReader,
): Pick<
  S3Options,
  | 'connectTimeoutMs'
  | 'silenceTimeoutMs'
  | 'idleTimeoutMs'
  | 'idleConnectionsMax'
  | 'connectionsMax'
  | 'tls'
> {
  http.durationMs('expect_continue_timeout', 1000)
  http.boolean('disable_compression', false)
  // One bucket is one host, so the smaller of the two bounds on idle connections is the one that counts.
  const idleBounds = [
    http.count('max_idle_conns', 100),
    http.count('max_idle_conns_per_host', 100),
  ].filter((bound) => bound > 0)
  const tls = http.mapping('tls_config')
  const skipVerify = http.boolean('insecure_skip_verify', false)
  const options = {
    connectTimeoutMs: http.durationMs('tls_handshake_timeout', 10_000),
    silenceTimeoutMs: http.durationMs('response_header_timeout', 120_000),
    idleTimeoutMs: http.durationMs('idle_conn_timeout', 90_000),
    idleConnectionsMax: Math.min(256, ...idleBounds),
    connectionsMax: http.count('max_conns_per_host', 0) || Number.POSITIVE_INFINITY,
    tls: readTls(tls, skipVerify),
  }
  tls.end()
  http.end()
  return options
}

function readTls(tls: ConfigReader, skipVerify: boolean): TlsOptions {
  const ca = readFile(tls, 'ca_file', tls.string('ca_file'))
  const cert = readFile(tls, 'cert_file', tls.string('cert_file'))
  const key = readFile(tls, 'key_file', tls.string('key_file'))
  const serverName = tls.string('server_name')
  if ((cert === undefined) !== (key === undefined))
    tls.refuse('cert_file', 'and key_file must both be set or both be empty')
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === '' ? {} : { serverName }),
    skipVerify: tls.boolean('insecure_skip_verify', false) || skipVerify,
  }
}

function readFile(config: ConfigReader, key: string, path: string): Buffer | undefined {
  if (path === '') return undefined
  try {
    return readFileSync(path)
  } catch (error) {
    config.refuse(key, `cannot be read: ${error instanceof Error ? error.message : error}`)
    return undefined
  }
}

// AWS answers on IPv6 only under its dual-stack names.
function dualstackHost(host: string, disabled: boolean): string {
  const match = /^s3[.-]([a-z0-9-]+)\.amazonaws\.com$/.exec(host)
  return match === null || disabled ? host : `s3.dualstack.${match[1]}.amazonaws.com`
}

function regionOf(host: string): string {
  const match = /^s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(nameOf(host))
  return match === null ? 'us-east-1' : match[1]!
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '')
}
