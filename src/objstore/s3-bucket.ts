// S3 bucket: objects in any store that speaks S3, through the AWS SDK.
// Large uploads go in parts of one size, one after another, each read into memory once so that it can be sent again.
// Invariant: an upload that fails is aborted, so the store keeps no parts of it.

import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  type _Object as S3Object,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { UserError } from '../model/index.ts'
import type { Logger } from '../telemetry/index.ts'
import {
  type Bucket,
  bodySizeBytes,
  bodyStream,
  checkObjectName,
  type ListDepth,
  type ListEntry,
  type ObjectAttributes,
  type ObjectBody,
  objectNotFound,
} from './bucket.ts'
import { fixedParts, gathered, wrongSize } from './parts.ts'
import { createS3Client } from './s3-client.ts'
import type { Encryption, S3Options } from './s3-options.ts'

const partCountMax = 10_000
const streamPieceSizeBytes = 1 << 18
// A conflict means that another write is under way; afterwards there is an object or there is none.
const conflictAttemptsMax = 5

/** A bucket in an S3 store. */
export class S3Bucket implements Bucket {
  readonly description: string
  readonly #client: S3Client
  readonly #options: S3Options
  readonly #writeKeys: Partial<PutObjectCommandInput>
  readonly #readKeys: CustomerKey
  readonly #log: Logger
  #encryptionIsInDoubt = false

  constructor(
    options: S3Options,
    environment: Readonly<Record<string, string | undefined>>,
    log: Logger,
  ) {
    this.#options = options
    this.description = `S3 ${options.endpoint}/${options.bucket}`
    this.#client = createS3Client(options, environment, log)
    this.#log = log
    this.#readKeys = customerKey(options.encryption)
    this.#writeKeys = { ...this.#readKeys, ...serverEncryption(options.encryption) }
  }

  async get(name: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const command = new GetObjectCommand({ ...this.#object(name), ...this.#readKeys })
    const { Body } = await this.#named(name, () => this.#client.send(command, abortable(signal)))
    return this.#guarded(Body as AsyncIterable<Uint8Array>)
  }

  async getRange(
    name: string,
    offset: number,
    sizeBytes: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    if (sizeBytes === 0) return new Uint8Array(0)
    const command = new GetObjectCommand({
      ...this.#object(name),
      ...this.#readKeys,
      Range: `bytes=${offset}-${offset + sizeBytes - 1}`,
    })
    return this.#named(name, async () => {
      try {
        const { Body } = await this.#client.send(command, abortable(signal))
        return await gathered(Body as AsyncIterable<Uint8Array>)
      } catch (error) {
        if (statusOf(error) === 416) return new Uint8Array(0)
        throw error
      }
    })
  }

  async put(name: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    const sizeBytes = bodySizeBytes(body)
    const isLarge = sizeBytes > this.#options.partSizeBytes
    if (isLarge && this.#options.multipart) return this.#putInParts(name, body, signal)
    if (isLarge && !(body instanceof Uint8Array))
      return this.#named(name, () => this.#putStream(name, body, signal))
    const bytes = body instanceof Uint8Array ? body : await gathered(body.open())
    if (bytes.length !== sizeBytes) throw wrongSize(sizeBytes, bytes.length)
    await this.#named(name, () => this.#putWhole(name, bytes, {}, signal))
  }

  async putIfAbsent(name: string, body: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#putWhole(name, body, { IfNoneMatch: '*' }, signal)
        return true
      } catch (error) {
        if (statusOf(error) === 412) return false
        if (statusOf(error) !== 409 || attempt === conflictAttemptsMax)
          throw this.#failure(name, error)
      }
    }
  }

  async *list(prefix: string, depth: ListDepth, signal?: AbortSignal): AsyncGenerator<ListEntry> {
    const input = {
      Bucket: this.#options.bucket,
      Prefix: prefix,
      ...(depth === 'flat' ? { Delimiter: '/' } : {}),
    }
    let marker: string | undefined
    do {
      const page = await this.#named(prefix, () => this.#page(input, marker, signal))
      yield* entriesOf(page.objects, page.prefixes)
      marker = page.next
    } while (marker !== undefined)
  }

  async attributes(name: string, signal?: AbortSignal): Promise<ObjectAttributes | undefined> {
    const command = new HeadObjectCommand({ ...this.#object(name), ...this.#readKeys })
    try {
      const head = await this.#client.send(command, abortable(signal))
      return { sizeBytes: head.ContentLength ?? 0, modifiedMs: head.LastModified?.getTime() ?? 0 }
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw this.#failure(name, error)
    }
  }

  async delete(name: string, signal?: AbortSignal): Promise<void> {
    const command = new DeleteObjectCommand(this.#object(name))
    await this.#named(name, () => this.#client.send(command, abortable(signal)))
  }

  close(): void {
    this.#client.destroy()
  }

  #object(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#options.bucket, Key: checkObjectName(name) }
  }

  async #putWhole(
    name: string,
    bytes: Uint8Array,
    condition: { readonly IfNoneMatch?: string },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const command = new PutObjectCommand({
      ...this.#object(name),
      ...this.#writeKeys,
      ...condition,
      ...this.#checked(bytes),
    })
    this.#noteEncryption(await this.#client.send(command, abortable(signal)))
  }

  // Stores that know no such encryption ignore that it was asked for, and answer as if all were well.
  #noteEncryption(answer: { readonly ServerSideEncryption?: string | undefined }): void {
    const asked = this.#writeKeys.ServerSideEncryption
    if (asked === undefined || answer.ServerSideEncryption !== undefined) return
    if (this.#encryptionIsInDoubt) return
    this.#encryptionIsInDoubt = true
    const facts = { store: this.description, asked }
    this.#log.warn(
      facts,
      'the store does not say that it encrypts: objects may be stored as they are',
    )
  }

  // One request for a body that does not fit in memory: nothing to send again, so a failure is the caller's to retry.
  async #putStream(
    name: string,
    body: Exclude<ObjectBody, Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const stream = Readable.from(fixedParts(body.open(), streamPieceSizeBytes, body.sizeBytes))
    const command = new PutObjectCommand({
      ...this.#object(name),
      ...this.#writeKeys,
      Body: stream,
      ContentLength: body.sizeBytes,
    })
    // A source that breaks would leave the request waiting for bytes until the silence is too long.
    const broken = new AbortController()
    stream.on('error', (error) => broken.abort(error))
    const stop = signal === undefined ? broken.signal : AbortSignal.any([signal, broken.signal])
    try {
      this.#noteEncryption(await this.#client.send(command, { abortSignal: stop }))
    } catch (error) {
      throw broken.signal.aborted ? broken.signal.reason : error
    } finally {
      stream.destroy()
    }
  }

  async #putInParts(
    name: string,
    body: ObjectBody,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const create = new CreateMultipartUploadCommand({ ...this.#object(name), ...this.#writeKeys })
    const begun = await this.#named(name, () => this.#client.send(create, abortable(signal)))
    this.#noteEncryption(begun)
    const { UploadId } = begun
    const upload = { ...this.#object(name), UploadId }
    try {
      const parts = await this.#sendParts(upload, body, signal)
      const complete = new CompleteMultipartUploadCommand({
        ...upload,
        ...this.#readKeys,
        MultipartUpload: { Parts: parts },
      })
      await this.#client.send(complete, abortable(signal))
    } catch (error) {
      // The abort is for the store's sake; what failed is what the caller has to hear.
      await this.#client.send(new AbortMultipartUploadCommand(upload)).catch(() => {})
      throw this.#failure(name, error)
    }
  }

  async #sendParts(
    upload: {
      readonly Bucket: string
      readonly Key: string
      readonly UploadId: string | undefined
    },
    body: ObjectBody,
    signal: AbortSignal | undefined,
  ): Promise<CompletedPart[]> {
    const sizeBytes = bodySizeBytes(body)
    const partSizeBytes = Math.max(this.#options.partSizeBytes, Math.ceil(sizeBytes / partCountMax))
    const parts: CompletedPart[] = []
    for await (const bytes of fixedParts(bodyStream(body), partSizeBytes, sizeBytes)) {
      const PartNumber = parts.length + 1
      const command = new UploadPartCommand({
        ...upload,
        ...this.#readKeys,
        ...this.#checked(bytes),
        PartNumber,
      })
      const sent = await this.#client.send(command, abortable(signal))
      const { ETag, ChecksumCRC32 } = sent
      parts.push({ PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) })
    }
    return parts
  }

  #checked(bytes: Uint8Array): { readonly Body: Uint8Array; readonly ContentMD5?: string } {
    if (!this.#options.sendContentMd5) return { Body: bytes }
    return { Body: bytes, ContentMD5: createHash('md5').update(bytes).digest('base64') }
  }

  async #page(
    input: { readonly Bucket: string; readonly Prefix: string; readonly Delimiter?: string },
    marker: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Page> {
    if (this.#options.listVersion === 2) {
      const page = await this.#client.send(
        new ListObjectsV2Command({ ...input, ContinuationToken: marker }),
        abortable(signal),
      )
      return pageOf(page, page.NextContinuationToken)
    }
    const page = await this.#client.send(
      new ListObjectsCommand({ ...input, Marker: marker }),
      abortable(signal),
    )
    // Version 1 names the next marker only where there is a delimiter.
    const last = page.Contents?.at(-1)?.Key
    return pageOf(page, page.IsTruncated === true ? (page.NextMarker ?? last) : undefined)
  }

  // A connection that breaks in mid-body is the store's failure, too.
  async *#guarded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (error) {
      throw this.#failure('', error)
    }
  }

  async #named<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#failure(name, error)
    }
  }

  #failure(name: string, error: unknown): UserError {
    if (error instanceof UserError) return error
    const { description } = this
    const kind = error instanceof Error ? error.name : 'Error'
    if (kind === 'AbortError')
      return new UserError('canceled', { what: 'the request was canceled', where: description })
    if (kind === 'NoSuchKey' || (kind !== 'NoSuchBucket' && statusOf(error) === 404))
      return objectNotFound(description, name, error)
    const message = error instanceof Error ? error.message : String(error)
    return new UserError('unavailable', {
      what: `the bucket failed: ${kind}${message === '' ? '' : `: ${message}`}`,
      where: `${description}, ${name}`,
      fix: fixFor(statusOf(error)),
      cause: error,
    })
  }
}

interface CustomerKey {
  readonly SSECustomerAlgorithm?: string
  readonly SSECustomerKey?: string
  readonly SSECustomerKeyMD5?: string
}

interface Page {
  readonly objects: readonly S3Object[]
  readonly prefixes: readonly { readonly Prefix?: string | undefined }[]
  readonly next: string | undefined
}

function pageOf(
  page: {
    readonly Contents?: S3Object[] | undefined
    readonly CommonPrefixes?: { readonly Prefix?: string | undefined }[] | undefined
  },
  next: string | undefined,
): Page {
  return { objects: page.Contents ?? [], prefixes: page.CommonPrefixes ?? [], next }
}

// Objects and prefixes of a page arrive apart and are wanted in one order.
function* entriesOf(objects: Page['objects'], prefixes: Page['prefixes']): Generator<ListEntry> {
  const entries: ListEntry[] = [
    ...objects.map((object) => ({
      kind: 'object' as const,
      name: object.Key!,
      sizeBytes: object.Size ?? 0,
      modifiedMs: object.LastModified?.getTime() ?? 0,
    })),
    ...prefixes.map((prefix) => ({ kind: 'prefix' as const, name: prefix.Prefix! })),
  ]
  yield* entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

function customerKey(encryption: Encryption): CustomerKey {
  if (encryption.type !== 'SSE-C') return {}
  return {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: Buffer.from(encryption.key).toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(encryption.key).digest('base64'),
  }
}

function serverEncryption(encryption: Encryption): Partial<PutObjectCommandInput> {
  if (encryption.type === 'SSE-S3') return { ServerSideEncryption: 'AES256' }
  if (encryption.type !== 'SSE-KMS') return {}
  const context = Buffer.from(JSON.stringify(encryption.context)).toString('base64')
  return {
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: encryption.keyId,
    ...(Object.keys(encryption.context).length === 0 ? {} : { SSEKMSEncryptionContext: context }),
  }
}

function abortable(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal }
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  return (error.$metadata as { httpStatusCode?: number }).httpStatusCode
}

function fixFor(status: number | undefined): string {
  if (status === 403 || status === 401) return "check the keys and the bucket's policy"
  if (status === 404) return 'check the name of the bucket'
  return 'check endpoint, network and the state of the store'
}
