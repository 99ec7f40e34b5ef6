// The bucket contract against a real S3 server (Ceph RGW), with and without multipart, checksums and encryption by
// customer key and by keys of the store; and an outage.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Bucket, bucketFromConfig, readObject } from '../../src/objstore/index.ts'
import { createLogger, type Logger, Metrics } from '../../src/telemetry/index.ts'
import { describeBucket } from '../objstore/bucket-contract.ts'
import { startEgressProxy, startTlsDoor } from './egress-proxy.ts'
import { type Rgw, startRgw } from './rgw.ts'

let rgw: Rgw
const folder = mkdtempSync(join(tmpdir(), 'bucket-rgw-'))
const keyFile = join(folder, 'key')
writeFileSync(keyFile, new Uint8Array(32).fill(5))

beforeAll(async () => {
  rgw = await startRgw()
  for (const name of ['plain', 'settings', 'encrypted', 'kms', 'outage'])
    await rgw.createBucket(name)
})
afterAll(async () => {
  await rgw?.stop()
  rmSync(folder, { recursive: true })
})

const surroundings = (log = createLogger('silent')) => ({
  environment: {},
  log,
  metrics: new Metrics(),
  nowMs: Date.now,
})

const open = (bucket: string, lines: string, prefix = '', log?: Logger): Promise<Bucket> =>
  bucketFromConfig(
    `type: S3
prefix: "${prefix}"
config:
  bucket: ${bucket}
  endpoint: ${rgw.endpoint}
  insecure: true
  access_key: ${rgw.accessKey}
  secret_key: ${rgw.secretKey}
${lines}`,
    surroundings(log),
  )

const sizes = { largeSizeBytes: 17_000_001, listCount: 1100 }

describeBucket('RGW, parts of 5 MiB', () => open('plain', '  part_size: 5242880'), sizes)
describeBucket(
  'RGW, list version 1, checksums of the SDK, below a prefix',
  () =>
    open(
      'settings',
      '  part_size: 5242880\n  list_objects_version: v1\n  send_content_md5: false',
      'a/b',
    ),
  sizes,
)
describeBucket(
  'RGW, encrypted with a customer key',
  () =>
    open(
      'encrypted',
      `  part_size: 5242880\n  sse_config: {type: SSE-C, encryption_key: ${keyFile}}`,
    ),
  { ...sizes, listCount: 20 },
)
describeBucket(
  'RGW, one request for each object',
  () => open('plain', '  disable_multipart: true\n  part_size: 5242880', 'single'),
  { ...sizes, listCount: 20 },
)

describe('a real store', () => {
  it('refuses a wrong secret and a bucket that is not there, with a hint', async () => {
    const wrong = await bucketFromConfig(
      `{type: S3, config: {bucket: plain, endpoint: "${rgw.endpoint}", insecure: true, access_key: ${rgw.accessKey}, secret_key: wrong}}`,
      surroundings(),
    )
    await expect(wrong.put('x', Buffer.from('x'))).rejects.toThrow(/check the keys/)
    wrong.close()
    const missing = await open('no-such-bucket', '')
    await expect(missing.put('x', Buffer.from('x'))).rejects.toThrow(/check the name of the bucket/)
    missing.close()
  })

  it('does not give an encrypted object away without its key', async () => {
    const encrypted = await open(
      'encrypted',
      `  sse_config: {type: SSE-C, encryption_key: ${keyFile}}`,
    )
    await encrypted.put('secret', Buffer.from('content'))
    const plain = await open('encrypted', '  max_retries: 1')
    await expect(readObject(plain, 'secret')).rejects.toMatchObject({ code: 'unavailable' })
    encrypted.close()
    plain.close()
  })

  it('encrypts with a key of its own where it is told which, whole objects and parts, and says so', async () => {
    const log = createLogger('silent')
    const warn = vi.spyOn(log, 'warn')
    const sse = 'sse_config: {type: SSE-KMS, kms_key_id: key-1, kms_encryption_context: {team: a}}'
    const bucket = await open('kms', `  part_size: 5242880\n  ${sse}`, '', log)
    const large = Buffer.alloc(11_000_000, 'secret ')
    await bucket.put('small', Buffer.from('content'))
    await bucket.put('large', large)
    expect(Buffer.compare(await readObject(bucket, 'large'), large)).toBe(0)
    const client = rgw.client()
    for (const Key of ['small', 'large']) {
      const head = await client.send(new HeadObjectCommand({ Bucket: 'kms', Key }))
      expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'key-1' })
    }
    expect(warn).not.toHaveBeenCalled()
    client.destroy()
    bucket.close()
    const unknown = await open(
      'kms',
      '  max_retries: 1\n  sse_config: {type: SSE-KMS, kms_key_id: k}',
    )
    await expect(unknown.put('x', Buffer.from('x'))).rejects.toThrow(/kms-keyid: k/)
    unknown.close()
  })

  it('is reached through an egress proxy, over TLS, in parts', async () => {
    const door = await startTlsDoor('store.example', `http://${rgw.endpoint}`)
    const proxy = await startEgressProxy(door.port)
    const ca = join(folder, 'ca.pem')
    writeFileSync(ca, door.certificate)
    const bucket = await bucketFromConfig(
      `type: S3
config:
  bucket: plain
  endpoint: store.example:9443
  access_key: ${rgw.accessKey}
  secret_key: ${rgw.secretKey}
  part_size: 5242880
  http_config: {tls_config: {ca_file: ${ca}}}`,
      { ...surroundings(), environment: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } },
    )
    const whole = Buffer.alloc(11_000_000, 'through the proxy ')
    await bucket.put('through', whole)
    expect(Buffer.compare(await readObject(bucket, 'through'), whole)).toBe(0)
    expect(new Set(proxy.asked)).toEqual(new Set(['store.example:9443']))
    bucket.close()
    proxy.close()
    door.close()
  })

  it('is waited for while it is away, and nothing is lost', async () => {
    const bucket = await open('outage', '')
    await bucket.put('before', Buffer.from('1'))
    await rgw.stopGateway()
    const during = bucket.put('during', Buffer.from('2'))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await rgw.startGateway()
    await during
    expect(Buffer.from(await readObject(bucket, 'before')).toString()).toBe('1')
    expect(Buffer.from(await readObject(bucket, 'during')).toString()).toBe('2')
    bucket.close()
  })
})
