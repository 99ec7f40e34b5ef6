// A server with the write routes, in front of an Appendable that records what reaches it and decodes it with
// protobufjs and snappyjs.
import type { FastifyInstance } from 'fastify'
import snappy from 'snappyjs'
import { anonymousCaller } from '../../../src/access/index.ts'
import { createServer, otlpRoutes, remoteWriteRoutes } from '../../../src/api/index.ts'
import { io, prometheus } from '../../../src/encoding/index.ts'
import {
  type IngestOptions,
  IngestService,
  ingestDefaults,
  translateOtlp,
} from '../../../src/ingest/index.ts'
import type { Caller } from '../../../src/model/index.ts'
import { UserError } from '../../../src/model/index.ts'
import type { Appendable, AppendRequest, AppendResult } from '../../../src/storage/index.ts'
import { createLogger, Metrics } from '../../../src/telemetry/index.ts'

/** What one stored request held: `name{a=b} value@timestamp` per sample. */
export interface Recorded {
  readonly request: AppendRequest
  readonly samples: readonly string[]
}

/** Decodes every body with the reference libraries and records it. */
export class RecordingAppendable implements Appendable {
  readonly recorded: Recorded[] = []
  /** Laid over the result of the next requests. */
  overlay: Partial<AppendResult> = {}
  failure: unknown
  hold: Promise<void> = Promise.resolve()

  async append(request: AppendRequest): Promise<AppendResult> {
    await this.hold
    if (this.failure !== undefined) throw this.failure
    const samples = samplesOf(request)
    this.recorded.push({ request, samples })
    return {
      samplesWritten: samples.length,
      histogramsWritten: 0,
      exemplarsWritten: 0,
      rejectedCount: 0,
      rejections: [],
      limited: false,
      ...this.overlay,
    }
  }
}

function samplesOf(request: AppendRequest): string[] {
  try {
    const plain = request.compression === 'snappy' ? snappy.uncompress(request.body) : request.body
    return request.format === 'remote-write-1' ? samplesOfV1(plain) : samplesOfV2(plain)
  } catch (cause) {
    throw new UserError('bad_data', {
      what: `undecodable body: ${(cause as Error).message}`,
      cause,
    })
  }
}

function samplesOfV1(plain: Uint8Array): string[] {
  return prometheus.WriteRequest.decode(plain).timeseries.flatMap((series) => {
    const labels = series.labels!.map(({ name, value }) => `${name}=${value}`).join(',')
    return series.samples!.map((sample) => `{${labels}} ${sample.value}@${sample.timestamp}`)
  })
}

function samplesOfV2(plain: Uint8Array): string[] {
  const { symbols, timeseries } = io.prometheus.write.v2.Request.decode(plain)
  return timeseries.flatMap((series) => {
    const refs = series.labelsRefs!
    const pairs = refs.flatMap((ref, i) =>
      i % 2 ? [] : [`${symbols[ref]}=${symbols[refs[i + 1]!]}`],
    )
    return series.samples!.map(
      (sample) => `{${pairs.join(',')}} ${sample.value}@${sample.timestamp}`,
    )
  })
}

/** A running set of routes. */
export interface Harness {
  readonly app: FastifyInstance
  readonly store: RecordingAppendable
  readonly ingest: IngestService
  readonly metrics: Metrics
}

/** Builds the routes; the app still has to listen where a real socket is wanted. */
export async function createHarness(
  overrides: {
    readonly options?: Partial<IngestOptions>
    readonly caller?: Caller
    readonly bodyTimeoutMs?: number
  } = {},
): Promise<Harness> {
  const store = new RecordingAppendable()
  const metrics = new Metrics()
  const options = { ...ingestDefaults, ...overrides.options }
  const ingest = new IngestService({
    options,
    target: store,
    translateOtlp: async (...body) => translateOtlp(...body),
    metrics,
  })
  const caller = overrides.caller ?? anonymousCaller()
  const routes = { ingest, bodyTimeoutMs: overrides.bodyTimeoutMs ?? 5000 }
  const app = await createServer({
    findCaller: () => caller,
    log: createLogger('silent'),
    metrics,
    allowedHosts: [],
    formSizeBytesMax: 1024,
  })
  await app.register(remoteWriteRoutes, routes)
  await app.register(otlpRoutes, routes)
  return { app, store, ingest, metrics }
}

/** A compressed remote-write 1.0 body: one sample per series. */
export function bodyV1(series: Readonly<Record<string, number>>, timestampMs = 1000): Buffer {
  const timeseries = Object.entries(series).map(([name, value]) => ({
    labels: [{ name: '__name__', value: name }],
    samples: [{ value, timestamp: timestampMs }],
  }))
  const plain = prometheus.WriteRequest.encode({ timeseries }).finish()
  return Buffer.from(snappy.compress(plain))
}

/** A compressed remote-write 2.0 body: one sample per series. */
export function bodyV2(series: Readonly<Record<string, number>>, timestampMs = 1000): Buffer {
  const symbols = ['', '__name__', ...Object.keys(series)]
  const timeseries = Object.values(series).map((value, i) => ({
    labelsRefs: [1, i + 2],
    samples: [{ value, timestamp: timestampMs }],
  }))
  const plain = io.prometheus.write.v2.Request.encode({ symbols, timeseries }).finish()
  return Buffer.from(snappy.compress(plain))
}

/** Headers of a real sender. */
export const headersV1 = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
} as const

/** Headers of a real 2.0 sender. */
export const headersV2 = {
  'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '2.0.0',
} as const
