// What head tests share: a head over a list of records, bodies from plain samples, and reading everything back.

import { SampleBuffer } from '../../../src/chunk/index.ts'
import { prometheus } from '../../../src/encoding/index.ts'
import { hashKeySizeBytes } from '../../../src/kernel/index.ts'
import { formatLabels, type Label, labelsOf, sortLabels } from '../../../src/model/index.ts'
import {
  decodeRow,
  type MatcherCompiler,
  mergeCursors,
  neverCancelled,
  pairName,
  pairValue,
  type Queryable,
  type SelectRequest,
} from '../../../src/storage/index.ts'
import { Head, type HeadLimits, headLimitDefaults } from '../../../src/tsdb/head/index.ts'

export const seed = new Uint32Array([11, 22, 33, 44])
export const anonymous = { key: '', labels: {} }

export const compile: MatcherCompiler = (matcher) => {
  const pattern = new RegExp(`^(?:${matcher.value})$`, 's')
  const matches = (value: string): boolean => {
    if (matcher.type === '=') return value === matcher.value
    if (matcher.type === '!=') return value !== matcher.value
    return pattern.test(value) === (matcher.type === '=~')
  }
  const setValues = matcher.type === '=' ? { setValues: [matcher.value] } : {}
  return { matcher, matches, matchesEmpty: matches(''), ...setValues }
}

const unbounded = { labelCountMax: 0, labelNameSizeBytesMax: 0, labelValueSizeBytesMax: 0 }

export interface LogRecord {
  readonly record: Uint8Array
  readonly windowKey: number
}

export function createHead(
  log: LogRecord[],
  options: {
    limits?: Partial<HeadLimits>
    oldestAcceptedMs?: number
    admit?: (labels: readonly Label[]) => readonly Label[] | 'dropped'
    seriesMax?: number
    cutWindows?: readonly number[]
    startTimestamps?: boolean
    plain?: boolean
  } = {},
): Head {
  const target = { log }
  const head = new Head({
    seed,
    hashKeys: new Uint8Array(hashKeySizeBytes).map((_, i) => (i * 151 + 7) & 255),
    sink: { push: (record, windowKey) => target.log.push({ record: record.slice(), windowKey }) },
    compile,
    limits: { ...headLimitDefaults, ...options.limits },
    startTimestamps: options.startTimestamps ?? false,
    oldestAcceptedMs: () => options.oldestAcceptedMs ?? Number.NEGATIVE_INFINITY,
    cutWindows: options.cutWindows ?? [],
    admission: {
      epoch: 1,
      checkSize: () => undefined,
      plainBounds: () => (options.plain === true ? unbounded : undefined),
      seriesMax: () => options.seriesMax ?? 0,
      admit: (_tenant, _sender, sent) => {
        const kept = options.admit?.(sent) ?? sent
        if (kept === 'dropped') return { dropped: true }
        if (!kept.some(({ name }) => name === '__name__'))
          return { rejection: { kind: 'invalid_labels', message: 'no metric name' } }
        return { labels: sortLabels(kept) }
      },
    },
  })
  sinks.set(head, target)
  return head
}

const sinks = new WeakMap<Head, { log: LogRecord[] }>()

export function replayed(
  log: readonly LogRecord[],
  limits: Partial<HeadLimits> = {},
  cutWindows: readonly number[] = [],
  startTimestamps = false,
): Head {
  const head = createHead([], { limits, cutWindows, startTimestamps })
  for (const { record, windowKey } of log) head.replay(record, windowKey, 0)
  return head
}

export interface SentSeries {
  readonly labels: Record<string, string>
  readonly samples: readonly (readonly [number, number])[]
}

export function bodyOf(series: readonly SentSeries[]): Uint8Array {
  const timeseries = series.map(({ labels, samples }) => ({
    labels: [...labelsOf(labels)],
    samples: samples.map(([timestamp, value]) => ({ timestamp, value })),
  }))
  return prometheus.WriteRequest.encode({ timeseries }).finish()
}

export function requestOf(body: Uint8Array, tenant = 't') {
  return {
    tenant,
    sender: anonymous,
    format: 'remote-write-1',
    compression: 'none',
    body,
  } as const
}

export function everything(tenants: readonly string[], sorted = false): SelectRequest {
  return {
    tenants,
    matchers: [],
    minTimeMs: Number.MIN_SAFE_INTEGER,
    maxTimeMs: Number.MAX_SAFE_INTEGER,
    sorted,
    hints: {},
  }
}

/** Series by labels, each a list of `time:bits`, with `@start` where a start timestamp is known. */
export async function read(
  source: Queryable,
  request: SelectRequest,
): Promise<Map<string, string[]>> {
  const cursor = mergeCursors([source.select(request, neverCancelled)], { sorted: request.sorted })
  const out = new Map<string, string[]>()
  for (;;) {
    const batch = await cursor.next()
    if (batch === undefined) return out
    for (let row = 0; row < batch.rowCount; row++) {
      const ids = batch.pairIds.subarray(batch.pairStarts[row], batch.pairStarts[row + 1])
      const labels = Array.from(ids, (id) => ({
        name: pairName(batch.pairs, id),
        value: pairValue(batch.pairs, id),
      }))
      const buffer = new SampleBuffer()
      decodeRow(batch, row, request.minTimeMs, request.maxTimeMs, buffer)
      const samples: string[] = []
      for (let i = 0; i < buffer.count; i++) {
        const histogram = buffer.histograms?.[i]
        const value =
          histogram === undefined
            ? `${buffer.words[2 * i]}/${buffer.words[2 * i + 1]}`
            : `h${histogram.count}/${histogram.sum}`
        const startMs = buffer.hasStartTimestamps ? buffer.startTimestampsMs[i]! : 0
        samples.push(`${buffer.timestampsMs[i]}:${value}${startMs === 0 ? '' : `@${startMs}`}`)
      }
      out.set(formatLabels(labels), samples)
    }
  }
}

const bits = new Float64Array(1)
const words = new Uint32Array(bits.buffer)

/** A sample as `read` shows it. */
export function shown(timeMs: number, value: number): string {
  bits[0] = value
  return `${timeMs}:${words[0]}/${words[1]}`
}

/** A head that writes on to the log it was replayed from. */
export function continued(head: Head, log: LogRecord[]): Head {
  sinks.get(head)!.log = log
  return head
}
