// Metered bucket: counts and times every operation under the names that Thanos uses, so that its dashboards and alerts
// work. An object that is not there and a caller who went away are no failures of the store.

import { UserError } from '../model/index.ts'
import type { Metrics } from '../telemetry/index.ts'
import { type Bucket, bodySizeBytes, type ListDepth, type ListEntry } from './bucket.ts'

type Operation =
  | 'iter'
  | 'get'
  | 'get_range'
  | 'attributes'
  | 'upload'
  | 'upload_if_absent'
  | 'delete'

const durationBoundsSeconds = [0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120]

/** The bucket with metrics; `name` is the value of their label `bucket`. One per registry. */
export function meteredBucket(
  bucket: Bucket,
  name: string,
  metrics: Metrics,
  nowMs: () => number,
): Bucket {
  const meter = new Meter(name, metrics, nowMs)
  return {
    description: bucket.description,
    get: async (object, signal) => {
      const stream = await meter.run('get', () => bucket.get(object, signal))
      return meter.counted('get', stream)
    },
    getRange: async (object, offset, sizeBytes, signal) => {
      const work = () => bucket.getRange(object, offset, sizeBytes, signal)
      const bytes = await meter.run('get_range', work)
      meter.transferred('get_range', bytes.length)
      return bytes
    },
    put: async (object, body, signal) => {
      await meter.run('upload', () => bucket.put(object, body, signal))
      meter.uploaded('upload', bodySizeBytes(body))
    },
    putIfAbsent: async (object, body, signal) => {
      const work = () => bucket.putIfAbsent(object, body, signal)
      const written = await meter.run('upload_if_absent', work)
      if (written) meter.uploaded('upload_if_absent', body.length)
      return written
    },
    list: (prefix, depth, signal) => meter.listed(bucket, prefix, depth, signal),
    attributes: (object, signal) =>
      meter.run('attributes', () => bucket.attributes(object, signal)),
    delete: (object, signal) => meter.run('delete', () => bucket.delete(object, signal)),
    close: () => bucket.close(),
  }
}

class Meter {
  readonly #bucket: string
  readonly #nowMs: () => number
  readonly #operations
  readonly #failures
  readonly #durations
  readonly #bytes
  readonly #lastUpload

  constructor(bucket: string, metrics: Metrics, nowMs: () => number) {
    const labels = ['bucket', 'operation'] as const
    this.#bucket = bucket
    this.#nowMs = nowMs
    this.#operations = metrics.counter(
      'thanos_objstore_bucket_operations_total',
      'Operations on the bucket that were begun.',
      labels,
    )
    this.#failures = metrics.counter(
      'thanos_objstore_bucket_operation_failures_total',
      'Operations on the bucket that failed, without missing objects and canceled callers.',
      labels,
    )
    this.#durations = metrics.histogram(
      'thanos_objstore_bucket_operation_duration_seconds',
      'Time until an operation succeeded; of a get, until its first bytes.',
      durationBoundsSeconds,
      labels,
    )
    this.#bytes = metrics.counter(
      'thanos_objstore_bucket_operation_transferred_bytes_total',
      'Bytes of objects that were read or written.',
      labels,
    )
    this.#lastUpload = metrics.gauge(
      'thanos_objstore_bucket_last_successful_upload_time',
      'Unix time in seconds of the last upload that succeeded.',
      ['bucket'],
    )
  }

  async run<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const labels = { bucket: this.#bucket, operation }
    const startMs = this.#nowMs()
    this.#operations.inc(labels)
    try {
      const result = await work()
      this.#durations.observe(labels, (this.#nowMs() - startMs) / 1000)
      return result
    } catch (error) {
      this.#failed(operation, error)
      throw error
    }
  }

  transferred(operation: Operation, sizeBytes: number): void {
    this.#bytes.inc({ bucket: this.#bucket, operation }, sizeBytes)
  }

  uploaded(operation: Operation, sizeBytes: number): void {
    this.transferred(operation, sizeBytes)
    this.#lastUpload.set({ bucket: this.#bucket }, this.#nowMs() / 1000)
  }

  async *counted(
    operation: Operation,
    stream: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of stream) {
        this.transferred(operation, piece.length)
        yield piece
      }
    } catch (error) {
      this.#failed(operation, error)
      throw error
    }
  }

  async *listed(
    bucket: Bucket,
    prefix: string,
    depth: ListDepth,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ListEntry> {
    const labels = { bucket: this.#bucket, operation: 'iter' }
    this.#operations.inc(labels)
    const startMs = this.#nowMs()
    try {
      yield* bucket.list(prefix, depth, signal)
      this.#durations.observe(labels, (this.#nowMs() - startMs) / 1000)
    } catch (error) {
      this.#failed('iter', error)
      throw error
    }
  }

  #failed(operation: Operation, error: unknown): void {
    const expected = error instanceof UserError && ['not_found', 'canceled'].includes(error.code)
    if (!expected) this.#failures.inc({ bucket: this.#bucket, operation })
  }
}
