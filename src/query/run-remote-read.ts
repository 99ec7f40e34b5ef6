// Remote read: a ReadRequest answered as samples (one snappy block) or as a stream of chunk frames.
// The form is the first of the request's list that we know; an empty list means samples, as Prometheus has it.
// Source: Prometheus storage/remote/{codec,read_handler,chunked}.go.

import { prometheus } from '../encoding/index.ts'
import { snappyDeflate } from '../kernel/index.ts'
import {
  type Label,
  type Labels,
  type Matcher,
  type MatcherType,
  sortLabels,
  UserError,
} from '../model/index.ts'
import type { CancelSignal, Queryable, SeriesBatch } from '../storage/index.ts'
import type { RemoteReadCall } from './call.ts'
import type { AnswerSink } from './query-thread.ts'
import { ChunkFrames, encodeSampleSeries } from './remote-read-encoding.ts'
import { pairLabelsOf, rowLabelsOf } from './series-reading.ts'

/** Most samples in one answer of the samples form, where limits leave more. */
const samplesInAnswerMax = 50_000_000

const matcherTypes: readonly MatcherType[] = ['=', '!=', '=~', '!~']

/**
 * Answers a remote read; returns how many samples or chunks were sent. `refuse` throws where the selectors name what
 * the reader may not see. Throws UserError bad_data.
 */
export async function runRemoteRead(
  call: RemoteReadCall,
  queryable: Queryable,
  refuse: (selectors: readonly (readonly Matcher[])[]) => void,
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<number> {
  const request = decodeRequest(call.request)
  const forms = request.acceptedResponseTypes ?? []
  const { STREAMED_XOR_CHUNKS, SAMPLES } = prometheus.ReadRequest.ResponseType
  const form =
    forms.length === 0 ? SAMPLES : forms.find((f) => f === SAMPLES || f === STREAMED_XOR_CHUNKS)
  if (form === undefined) {
    throw new UserError('bad_data', {
      what: `server does not support any of the requested response types: ${forms.join(', ')}`,
      fix: 'accept SAMPLES (0) or STREAMED_XOR_CHUNKS (1)',
    })
  }
  // Decoded messages have every field; the generated interface only says that fields may be left out.
  const queries = request.queries as prometheus.Query[]
  refuse(queries.map(({ matchers }) => (matchers ?? []).map((matcher) => matcherOf(matcher, {}))))
  return form === SAMPLES
    ? answerSamples(call, queries, queryable, signal, sink)
    : answerChunks(call, queries, queryable, signal, sink)
}

function decodeRequest(bytes: Uint8Array): prometheus.ReadRequest {
  try {
    return prometheus.ReadRequest.decode(bytes)
  } catch (cause) {
    throw new UserError('bad_data', { what: 'the body is not a ReadRequest', cause })
  }
}

async function answerSamples(
  call: RemoteReadCall,
  queries: readonly prometheus.Query[],
  queryable: Queryable,
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<number> {
  let sampleCount = 0
  const { max = samplesInAnswerMax, option = undefined } = call.bounds?.samples ?? {}
  const samplesMax = Math.min(max, samplesInAnswerMax)
  const raise = option === undefined ? '' : `, or raise ${option}`
  const results: Uint8Array[][] = []
  for (const query of queries) {
    const series: Uint8Array[] = []
    await eachRow(call, query, queryable, signal, (batch, row, labels) => {
      const { minTimeMs, maxTimeMs } = boundsOf(query)
      const encoded = encodeSampleSeries(batch, row, labels, minTimeMs, maxTimeMs)
      if (encoded === undefined) return
      signal.memory?.hold(encoded.bytes.length)
      series.push(encoded.bytes)
      sampleCount += encoded.sampleCount
      if (sampleCount <= samplesMax) return
      throw new UserError('bad_data', {
        what: `exceeded sample limit (${samplesMax})`,
        fix: `ask for a shorter range, or accept streamed chunks${raise}`,
      })
    })
    results.push(series)
  }
  const body = snappyDeflate(encodeResponse(results))
  sink.head({ 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' })
  await sink.write(new Uint8Array(body))
  return sampleCount
}

// ReadResponse { repeated QueryResult results = 1 }, QueryResult { repeated TimeSeries timeseries = 1 }.
function encodeResponse(results: readonly (readonly Uint8Array[])[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const series of results) {
    const size = series.reduce((sum, bytes) => sum + headOf(bytes.length).length + bytes.length, 0)
    parts.push(headOf(size), ...series.flatMap((bytes) => [headOf(bytes.length), bytes]))
  }
  return Buffer.concat(parts)
}

// Tag of field 1 with length, then the length.
function headOf(sizeBytes: number): Uint8Array {
  const out = [0x0a]
  let rest = sizeBytes
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  out.push(rest)
  return Uint8Array.from(out)
}

async function answerChunks(
  call: RemoteReadCall,
  queries: readonly prometheus.Query[],
  queryable: Queryable,
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<number> {
  const frames = new ChunkFrames()
  sink.head({
    'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
  })
  for (const [index, query] of queries.entries()) {
    await eachRow(call, query, queryable, signal, (batch, row, labels) => {
      frames.add(batch, row, labels, index)
      return frames.isFull ? sink.write(frames.take()) : undefined
    })
  }
  if (!frames.isEmpty) await sink.write(frames.take())
  return frames.chunkCount
}

function boundsOf(query: prometheus.Query): { minTimeMs: number; maxTimeMs: number } {
  return { minTimeMs: Number(query.startTimestampMs), maxTimeMs: Number(query.endTimestampMs) }
}

async function eachRow(
  call: RemoteReadCall,
  query: prometheus.Query,
  queryable: Queryable,
  signal: CancelSignal,
  visit: (batch: SeriesBatch, row: number, labels: Labels) => Promise<void> | undefined | void,
): Promise<void> {
  const { tenants, externalLabels } = call
  const matchers = (query.matchers ?? []).map((matcher) => matcherOf(matcher, externalLabels))
  const request = { tenants, matchers, ...boundsOf(query), sorted: true, hints: {} }
  const cursor = queryable.select(request, signal)
  try {
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
      const labelOf = pairLabelsOf(batch)
      for (let row = 0; row < batch.rowCount; row++) {
        const labels = withExternal(rowLabelsOf(batch, row, labelOf), externalLabels)
        const waiting = visit(batch, row, labels)
        if (waiting !== undefined) await waiting
      }
    }
  } finally {
    cursor.close()
  }
}

// A matcher that equals an external label selects all our series: they carry it by being ours.
function matcherOf(
  matcher: prometheus.ILabelMatcher,
  external: Readonly<Record<string, string>>,
): Matcher {
  const type = matcherTypes[matcher.type ?? 0]
  const name = matcher.name ?? ''
  const value = matcher.value ?? ''
  if (type === undefined)
    throw new UserError('bad_data', { what: `unknown matcher type ${matcher.type}` })
  if (type === '=' && external[name] === value && value !== '') return { type, name, value: '' }
  return { type, name, value }
}

function withExternal(labels: Labels, external: Readonly<Record<string, string>>): Labels {
  const missing: Label[] = []
  for (const [name, value] of Object.entries(external)) {
    if (!labels.some((label) => label.name === name)) missing.push({ name, value })
  }
  return missing.length === 0 ? labels : sortLabels([...labels, ...missing])
}
