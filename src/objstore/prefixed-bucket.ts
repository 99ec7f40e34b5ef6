// Prefixed bucket: a part of a bucket that looks like a whole one: every name gets the prefix on the way in and loses
// it on the way out.
import type { Bucket, ListDepth, ListEntry } from './bucket.ts'

/** The objects of `bucket` below `prefix`; slashes around the prefix do not count, and nothing but slashes is none. */
export function prefixedBucket(bucket: Bucket, prefix: string): Bucket {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  if (trimmed === '') return bucket
  const full = (name: string): string => `${trimmed}/${name}`
  return {
    description: `${bucket.description} below ${trimmed}/`,
    get: (name, signal) => bucket.get(full(name), signal),
    getRange: (name, offset, sizeBytes, signal) =>
      bucket.getRange(full(name), offset, sizeBytes, signal),
    put: (name, body, signal) => bucket.put(full(name), body, signal),
    putIfAbsent: (name, body, signal) => bucket.putIfAbsent(full(name), body, signal),
    list: (start, depth, signal) =>
      shortened(bucket, full(start), trimmed.length + 1, depth, signal),
    attributes: (name, signal) => bucket.attributes(full(name), signal),
    delete: (name, signal) => bucket.delete(full(name), signal),
    close: () => bucket.close(),
  }
}

async function* shortened(
  bucket: Bucket,
  prefix: string,
  cut: number,
  depth: ListDepth,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListEntry> {
  for await (const entry of bucket.list(prefix, depth, signal))
    yield { ...entry, name: entry.name.slice(cut) }
}
