// The S3 bucket against a small server that records requests: what a real store does not show. The contract runs
// against a real store in test/e2e/bucket-rgw.test.ts.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Bucket, bucketFromConfig, type ListEntry } from '../../src/objstore/index.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface Answer {
  readonly status: number
  readonly body?: string
  readonly headers?: Record<string, string>
}

describe('the S3 bucket', () => {
  let server: Server
  let port = 0
  let seen: Seen[] = []
  let answer: (request: Seen) => Answer | 'hang up'
  const open: Bucket[] = []

  beforeEach(async () => {
    seen = []
    answer = () => ({ status: 200 })
    server = createServer(async (request, response) => {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece)
      const { method = '', url = '', headers } = request
      const one = { method, url, headers, body: Buffer.concat(pieces) }
      seen.push(one)
      const reply = answer(one)
      if (reply === 'hang up') return request.socket.destroy()
      response.writeHead(reply.status, reply.headers ?? {})
      response.end(reply.body ?? '')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterEach(async () => {
    for (const bucket of open.splice(0)) bucket.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  async function bucketWith(
    lines = '',
    environment: Record<string, string> = {},
    endpoint = `127.0.0.1:${port}`,
    log = createLogger('silent'),
  ): Promise<Bucket> {
    const bucket = await bucketFromConfig(
      `type: S3
prefix: below
config:
  bucket: box
  endpoint: ${endpoint}
  insecure: true
  access_key: a
  secret_key: b
${lines}`,
      { environment, log, metrics: new Metrics(), nowMs: Date.now },
    )
    open.push(bucket)
    return bucket
  }

  it('warns once where a store does not say that it encrypts as it was asked to', async () => {
    const warned = async (lines: string): Promise<number> => {
      const log = createLogger('silent')
      const warn = vi.spyOn(log, 'warn')
      const bucket = await bucketWith(lines, {}, undefined, log)
      for (const name of ['x', 'y']) await bucket.put(name, Buffer.from('hello'))
      return warn.mock.calls.length
    }
    expect(await warned('  sse_config: {type: SSE-S3}')).toBe(1)
    expect(seen[0]!.headers['x-amz-server-side-encryption']).toBe('AES256')
    expect(await warned('')).toBe(0)
    answer = () => ({ status: 200, headers: { 'x-amz-server-side-encryption': 'aws:kms' } })
    expect(await warned('  sse_config: {type: SSE-KMS, kms_key_id: key}')).toBe(0)
  })

  it('sends Content-MD5, or checksums of the SDK where it is switched off', async () => {
    await (await bucketWith()).put('x', Buffer.from('hello'))
    expect(seen[0]).toMatchObject({ method: 'PUT', url: expect.stringMatching('^/box/below/x') })
    expect(seen[0]!.headers['content-md5']).toBe('XUFAKrxLKna5cZ2REBfFkg==')
    expect(seen[0]!.headers['x-amz-checksum-crc32']).toBeUndefined()
    await (await bucketWith('  send_content_md5: false')).put('x', Buffer.from('hello'))
    expect(seen[1]!.headers['content-md5']).toBeUndefined()
    expect(seen[1]!.headers['x-amz-checksum-crc32']).toBe('NhCmhg==')
  })

  it('sends the configured metadata with uploads and with nothing else', async () => {
    const bucket = await bucketWith(
      '  put_user_metadata: {X-Amz-Storage-Class: COLD, Cache-Control: no-store, team: one}',
    )
    await bucket.put('x', Buffer.from('hello'))
    await bucket.delete('x')
    expect(seen[0]!.headers).toMatchObject({
      'x-amz-storage-class': 'COLD',
      'cache-control': 'no-store',
      'x-amz-meta-team': 'one',
    })
    expect(seen[0]!.headers.authorization).toContain('x-amz-meta-team')
    expect(seen[1]!.headers['x-amz-storage-class']).toBeUndefined()
  })

  it('asks for encryption by the store', async () => {
    await (await bucketWith('  sse_config: {type: SSE-S3}')).put('x', Buffer.from(''))
    expect(seen[0]!.headers['x-amz-server-side-encryption']).toBe('AES256')
    const kms = await bucketWith(
      '  sse_config: {type: SSE-KMS, kms_key_id: k1, kms_encryption_context: {a: b}}',
    )
    await kms.put('x', Buffer.from(''))
    expect(seen[1]!.headers).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'k1',
      'x-amz-server-side-encryption-context': Buffer.from('{"a":"b"}').toString('base64'),
    })
  })

  it('tries again when the store hangs up or is busy, up to max_retries times', async () => {
    const failures: (Answer | 'hang up')[] = ['hang up', { status: 503 }]
    answer = () => failures.shift() ?? { status: 200 }
    const bucket = await bucketWith('  max_retries: 3')
    await bucket.put('x', Buffer.from('hello'))
    expect(seen.map((one) => one.body.toString())).toEqual(['hello', 'hello', 'hello'])
    answer = () => ({ status: 500 })
    await expect(bucket.put('x', Buffer.from('hello'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('/box'),
    })
    expect(seen).toHaveLength(6)
  })

  it('says what to look at when access is denied', async () => {
    answer = () => ({ status: 403, body: '<Error><Code>AccessDenied</Code></Error>' })
    await expect((await bucketWith()).put('x', Buffer.from(''))).rejects.toThrow(
      /AccessDenied.*check the keys/,
    )
    expect(seen).toHaveLength(1)
  })

  it('goes through the proxy of the environment, but not to hosts that NO_PROXY names', async () => {
    const proxy = { HTTP_PROXY: `http://127.0.0.1:${port}` }
    const through = await bucketWith('', proxy, 'store.example:9000')
    await through.put('x', Buffer.from('hello'))
    expect(seen[0]!.url).toMatch(/^http:\/\/store\.example:9000\/box\/below\/x/)
    const around = await bucketWith(
      '  max_retries: 1',
      { ...proxy, NO_PROXY: 'store.invalid' },
      'store.invalid:9000',
    )
    await expect(around.put('x', Buffer.from('hello'))).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(seen).toHaveLength(1)
  })

  it('lists with version 1 where it is told to, page by page', async () => {
    const page = (keys: string[], truncated: boolean): Answer => ({
      status: 200,
      body: `<?xml version="1.0"?><ListBucketResult><IsTruncated>${truncated}</IsTruncated>${keys
        .map((key) => `<Contents><Key>below/${key}</Key><Size>1</Size></Contents>`)
        .join('')}</ListBucketResult>`,
    })
    answer = ({ url }) =>
      url.includes('marker=below%2Fb') ? page(['c'], false) : page(['a', 'b'], true)
    const entries: ListEntry[] = []
    for await (const entry of (await bucketWith('  list_objects_version: v1')).list('', 'flat'))
      entries.push(entry)
    expect(entries.map((entry) => entry.name)).toEqual(['a', 'b', 'c'])
    expect(seen.map((one) => one.url).join(' ')).not.toContain('list-type')
  })

  it('puts the bucket into the host name where it is told to', async () => {
    const proxy = { HTTP_PROXY: `http://127.0.0.1:${port}` }
    const lines = '  bucket_lookup_type: virtual-hosted'
    await (await bucketWith(lines, proxy, 'store.example')).put('x', Buffer.from(''))
    expect(seen[0]!.url).toMatch(/^http:\/\/box\.store\.example\/below\/x/)
  })

  it('streams a large object in one request without multipart', async () => {
    const bucket = await bucketWith('  disable_multipart: true\n  part_size: 5242880')
    const whole = Buffer.alloc(6_000_000, 7)
    await bucket.put('x', {
      sizeBytes: whole.length,
      async *open() {
        yield whole
      },
    })
    expect(seen).toHaveLength(1)
    expect(seen[0]!.headers['content-length']).toBe('6000000')
    expect(Buffer.compare(seen[0]!.body, whole)).toBe(0)
  })

  it('aborts a multipart upload that failed', async () => {
    answer = ({ method, url }) => {
      if (method === 'POST' && url.includes('uploads'))
        return {
          status: 200,
          body: '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
        }
      return { status: method === 'PUT' ? 403 : 204 }
    }
    const bucket = await bucketWith('  part_size: 5242880')
    await expect(bucket.put('x', new Uint8Array(6_000_000))).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE' })
    expect(seen.at(-1)!.url).toContain('uploadId=u1')
  })

  it('tells a failure when the connection breaks in the middle of an object', async () => {
    answer = () => ({ status: 200, headers: { 'content-length': '100' }, body: 'short' })
    const bucket = await bucketWith('  max_retries: 1')
    server.on('request', ({ socket }) => setTimeout(() => socket.destroy(), 50))
    const read = async (): Promise<void> => {
      for await (const _ of await bucket.get('x'));
    }
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' })
    await expect(bucket.getRange('x', 0, 100)).rejects.toMatchObject({ code: 'unavailable' })
  })
})
