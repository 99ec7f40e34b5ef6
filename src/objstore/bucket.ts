// Bucket: a flat space of named objects, as object stores have it. Names are UTF-8, at most 1024 bytes, elements
// separated by "/", none of them empty, "." or "..".
// Invariants: an object appears whole or not at all; listings come in the order of the names' bytes; what was written is
// seen by every later read.

import { UserError } from '../model/index.ts'

/** What is known of an object without reading it. */
export interface ObjectAttributes {
  readonly sizeBytes: number
  /** Unix milliseconds. */
  readonly modifiedMs: number
}

/** One line of a listing: an object, or (with a delimiter) a common prefix ending in "/". */
export type ListEntry =
  | ({ readonly kind: 'object'; readonly name: string } & ObjectAttributes)
  | { readonly kind: 'prefix'; readonly name: string }

/** The content of a new object: bytes, or a stream of known size that `open` can begin again for another attempt. */
export type ObjectBody =
  | Uint8Array
  | { readonly sizeBytes: number; readonly open: () => AsyncIterable<Uint8Array> }

/** Whether the listing stops at the next "/". */
export type ListDepth = 'flat' | 'recursive'

/**
 * An object store. Methods throw UserError not_found (no such object), disk_full, canceled (signal), or unavailable
 * (the store could not be reached or refused, after its retries).
 */
export interface Bucket {
  /** For people: kind, place and prefix. */
  readonly description: string
  /** A stream of the whole object; the caller reads it to the end or ends the iteration. */
  get(name: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  /** Bytes [offset, offset + sizeBytes) of an object; fewer only where it ends before. */
  getRange(
    name: string,
    offset: number,
    sizeBytes: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array>
  /** Writes or replaces an object. */
  put(name: string, body: ObjectBody, signal?: AbortSignal): Promise<void>
  /**
   * Writes an object unless there is one; false where there is. After a lost answer the object that is there may be
   * the caller's own: read it to know.
   */
  putIfAbsent(name: string, body: Uint8Array, signal?: AbortSignal): Promise<boolean>
  /** Entries whose name starts with `prefix`. */
  list(prefix: string, depth: ListDepth, signal?: AbortSignal): AsyncIterable<ListEntry>
  /** Undefined where there is no such object. */
  attributes(name: string, signal?: AbortSignal): Promise<ObjectAttributes | undefined>
  /** Deletes an object; one that is not there is fine. */
  delete(name: string, signal?: AbortSignal): Promise<void>
  /** Lets go of connections. */
  close(): void
}

/** The whole object in memory; for small ones. */
export async function readObject(
  bucket: Bucket,
  name: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of await bucket.get(name, signal)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Size of a body. */
export function bodySizeBytes(body: ObjectBody): number {
  return body instanceof Uint8Array ? body.length : body.sizeBytes
}

/** A body as a stream. */
export function bodyStream(body: ObjectBody): AsyncIterable<Uint8Array> {
  return body instanceof Uint8Array ? oneOf(body) : body.open()
}

/** Returns the name where it is one; throws UserError bad_data otherwise. */
export function checkObjectName(name: string): string {
  const bad = name.split('/').some((part) => part === '' || part === '.' || part === '..')
  if (!bad && !name.includes('\0') && name.isWellFormed() && Buffer.byteLength(name) <= 1024)
    return name
  throw new UserError('bad_data', {
    what: `${JSON.stringify(name.slice(0, 200))} is not an object name`,
    fix: 'use non-empty path elements without "." and "..", at most 1024 bytes',
  })
}

/** The failure of an object that is not there. */
export function objectNotFound(bucket: string, name: string, cause?: unknown): UserError {
  return new UserError('not_found', { what: `no object ${name}`, where: bucket, cause })
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
