import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseBucketConfig } from '../../src/objstore/index.ts'
import type { S3Options } from '../../src/objstore/s3-options.ts'

const folder = mkdtempSync(join(tmpdir(), 'objstore-'))
const keyFile = join(folder, 'key')
writeFileSync(keyFile, new Uint8Array(32).fill(9))
writeFileSync(join(folder, 'ca.pem'), 'CA')
afterAll(() => rmSync(folder, { recursive: true }))

function s3(lines: string, environment: Record<string, string> = {}): S3Options {
  const indented = lines
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
  const { store } = parseBucketConfig(
    `type: S3\nconfig:\n  bucket: b\n  endpoint: host:9000\n${indented}`,
    environment,
  )
  if (store.type !== 'S3') return expect.unreachable()
  return store.options
}

describe('the objstore YAML', () => {
  it('takes every key of the S3 type', () => {
    const options = s3(`
region: eu-west-1
disable_dualstack: true
aws_sdk_auth: false
access_key: AK
secret_key: SK
session_token: TOKEN
insecure: true
signature_version2: false
put_user_metadata:
  X-Amz-Storage-Class: COLD
  team: monitoring
http_config:
  idle_conn_timeout: 1m30s
  response_header_timeout: 2m
  insecure_skip_verify: false
  tls_handshake_timeout: 10s
  expect_continue_timeout: 1s
  max_idle_conns: 100
  max_idle_conns_per_host: 50
  max_conns_per_host: 7
  tls_config:
    ca_file: ${folder}/ca.pem
    cert_file: ""
    key_file: ""
    server_name: other
    insecure_skip_verify: true
  disable_compression: false
trace:
  enable: true
list_objects_version: v1
bucket_lookup_type: virtual-hosted
send_content_md5: false
disable_multipart: true
part_size: 5242880
sse_config:
  type: SSE-KMS
  kms_key_id: key
  kms_encryption_context: {a: b}
  encryption_key: ""
sts_endpoint: ""
max_retries: 3`)
    expect(options).toEqual({
      bucket: 'b',
      endpoint: 'http://host:9000',
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: 'TOKEN' },
      pathStyle: false,
      listVersion: 1,
      headers: { 'X-Amz-Storage-Class': 'COLD', team: 'monitoring' },
      sendContentMd5: false,
      multipart: false,
      partSizeBytes: 5242880,
      encryption: { type: 'SSE-KMS', keyId: 'key', context: { a: 'b' } },
      attemptsMax: 3,
      trace: true,
      connectTimeoutMs: 10_000,
      silenceTimeoutMs: 120_000,
      idleTimeoutMs: 90_000,
      idleConnectionsMax: 50,
      connectionsMax: 7,
      tls: { ca: Buffer.from('CA'), serverName: 'other', skipVerify: true },
    })
  })

  it("has Thanos' defaults", () => {
    expect(s3('')).toEqual({
      bucket: 'b',
      endpoint: 'https://host:9000',
      region: 'us-east-1',
      pathStyle: true,
      listVersion: 2,
      headers: {},
      sendContentMd5: true,
      multipart: true,
      partSizeBytes: 64 << 20,
      encryption: { type: 'none' },
      attemptsMax: 10,
      trace: false,
      connectTimeoutMs: 10_000,
      silenceTimeoutMs: 120_000,
      idleTimeoutMs: 90_000,
      idleConnectionsMax: 100,
      connectionsMax: Number.POSITIVE_INFINITY,
      tls: { skipVerify: false },
    })
    expect(s3('part_size: 0').partSizeBytes).toBe(128 << 20)
  })

  it('knows AWS hosts: region, virtual hosts, dual stack', () => {
    const aws = (lines: string): S3Options => {
      const text = `type: s3\nconfig: {bucket: b, endpoint: s3.eu-central-1.amazonaws.com${lines}}`
      return (parseBucketConfig(text, {}).store as { options: S3Options }).options
    }
    expect(aws('')).toMatchObject({
      endpoint: 'https://s3.dualstack.eu-central-1.amazonaws.com',
      region: 'eu-central-1',
      pathStyle: false,
    })
    expect(aws(', disable_dualstack: true').endpoint).toBe('https://s3.eu-central-1.amazonaws.com')
    expect(aws(', bucket_lookup_type: path').pathStyle).toBe(true)
  })

  it('reads the key of SSE-C from a file of 32 bytes', () => {
    const sse = `sse_config: {type: SSE-C, encryption_key: ${keyFile}}`
    expect(s3(sse).encryption).toEqual({ type: 'SSE-C', key: Buffer.alloc(32, 9) })
    expect(() => s3(`sse_config: {type: SSE-C, encryption_key: ${folder}/ca.pem}`)).toThrow(
      /holds 2 bytes/,
    )
    expect(() => s3('sse_config: {type: SSE-C, encryption_key: /nowhere}')).toThrow(/ENOENT/)
  })

  it('replaces $(NAME) and refuses a name that is not set', () => {
    const environment = { KEY: 'from the environment', SECRET: 's' }
    const lines = 'access_key: $(KEY)\nsecret_key: $(SECRET)'
    expect(s3(lines, environment).credentials?.accessKeyId).toBe('from the environment')
    expect(() => s3(lines, { KEY: 'k' })).toThrow(/SECRET is not set/)
  })

  it('reads the first document only', () => {
    const text = 'type: FILESYSTEM\nconfig: {directory: /one}\nprefix: p\n---\ntype: NONSENSE\n'
    expect(parseBucketConfig(text, {})).toEqual({
      prefix: 'p',
      store: { type: 'FILESYSTEM', directory: '/one' },
    })
  })

  it('refuses values that the SDK cannot honour, with the reason', () => {
    expect(() => s3('signature_version2: true')).toThrow(/version 4 only/)
    expect(() => s3('sts_endpoint: https://sts')).toThrow(/AWS_ENDPOINT_URL_STS/)
    expect(() => s3('part_size: 1000')).toThrow(/5 MiB/)
    expect(() => s3('access_key: a')).toThrow(/both be set/)
    expect(() => s3('aws_sdk_auth: true\naccess_key: a\nsecret_key: b')).toThrow(/must be empty/)
    expect(() => s3('list_objects_version: v3')).toThrow(/v1, v2/)
    expect(() => s3('http_config: {idle_conn_timeout: soon}')).toThrow(
      /config.http_config.idle_conn_timeout is not a duration/,
    )
  })

  it('tells all faults together, unknown keys by their path', () => {
    const text =
      'type: S3\nconfig:\n  endpoint: https://host\n  acces_key: x\n  http_config: {proxy: y}\nprefx: z'
    expect(() => parseBucketConfig(text, {})).toThrow(
      /config.bucket is missing.*config.endpoint is not host.*http_config.proxy is not a known key.*config.acces_key is not a known key.*prefx is not a known key/,
    )
  })

  it('refuses other types by name, and what is no configuration', () => {
    for (const type of ['GCS', 'AZURE', 'SWIFT', 'COS', 'ALIYUNOSS', 'BOS', 'OCI', 'OBS'])
      expect(() => parseBucketConfig(`type: ${type}\nconfig: {x: y}`, {})).toThrow(
        `type ${type} is not supported`,
      )
    for (const text of ['', '[]', 'type: [', 'just text', 'type: FTP', '{}'])
      expect(() => parseBucketConfig(text, {})).toThrow(
        expect.objectContaining({ code: 'bad_config' }),
      )
  })
})
