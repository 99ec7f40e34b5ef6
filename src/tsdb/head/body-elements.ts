// The rare elements of a body: exemplars, histograms and metadata, decoded by protobufjs from their byte ranges.
// All of a body are read before anything is stored, so that a body which cannot be decoded leaves no trace.

import { io, prometheus } from '../../encoding/index.ts'
import { type DecodedBody, slowKind } from '../../kernel/index.ts'
import type { Label } from '../../model/index.ts'
import { type BodyLabels, badData, decodeAtDepth } from './body-labels.ts'

/** An exemplar as sent. */
export interface SentExemplar {
  readonly seriesIndex: number
  /** undefined = its refs name no symbols. */
  readonly labels: readonly Label[] | undefined
  readonly value: number
  readonly timestampMs: number
}

/** A histogram as sent; both versions share the message but for the start timestamp. */
export interface SentHistogram {
  readonly seriesIndex: number
  readonly message: io.prometheus.write.v2.IHistogram
  readonly timestampMs: number
  /** 0 = unknown. */
  readonly startMs: number
  /** The message's bytes, for the log; a copy. */
  readonly bytes: Uint8Array
}

/** Metadata of a metric family, or of one series in version 2. */
export interface SentMetadata {
  /** The series it came with; -1 in version 1. */
  readonly seriesIndex: number
  readonly family: string
  readonly type: number
  readonly help: string
  readonly unit: string
}

/** The rare elements of one body, but for the metadata of version 2. */
export interface BodyElements {
  readonly exemplars: readonly SentExemplar[]
  readonly histograms: readonly SentHistogram[]
  readonly metadata: readonly SentMetadata[]
}

const none: BodyElements = { exemplars: [], histograms: [], metadata: [] }

/** Decodes them; throws UserError bad_data. */
export function readElements(body: DecodedBody, labels: BodyLabels): BodyElements {
  if (body.slowCount === 0) return none
  const exemplars: SentExemplar[] = []
  const histograms: SentHistogram[] = []
  const metadata: SentMetadata[] = []
  const { slow, version } = body
  for (let at = 0; at < slow.length; at += 4) {
    const kind = slow[at]!
    if (kind === slowKind.seriesMetadata) continue
    const seriesIndex = slow[at + 1]!
    const bytes = body.bytes.slice(slow[at + 2], slow[at + 3])
    try {
      if (kind === slowKind.exemplar)
        exemplars.push(readExemplar(version, labels, seriesIndex, bytes))
      else if (kind === slowKind.histogram)
        histograms.push(readHistogram(version, seriesIndex, bytes))
      else metadata.push(readMetadata(bytes))
    } catch (cause) {
      throw badData('an element', slow[at + 2]!, cause)
    }
  }
  return { exemplars, histograms, metadata }
}

/**
 * Metadata that came with the series of `wanted` in version 2, where it says something. Senders repeat it in every
 * body, so it is read only of series that are new.
 */
export function readSeriesMetadata(
  body: DecodedBody,
  labels: BodyLabels,
  wanted: ReadonlySet<number>,
): SentMetadata[] {
  const found = new Map<number, io.prometheus.write.v2.Metadata>()
  const { slow } = body
  for (let at = 0; at < slow.length; at += 4) {
    const seriesIndex = slow[at + 1]!
    if (slow[at] !== slowKind.seriesMetadata || !wanted.has(seriesIndex)) continue
    const bytes = body.bytes.slice(slow[at + 2], slow[at + 3])
    found.set(seriesIndex, mergedMetadata(found.get(seriesIndex), bytes))
  }
  const metadata: SentMetadata[] = []
  for (const [seriesIndex, { type, helpRef, unitRef }] of found) {
    const [help, unit] = [labels.symbol(helpRef), labels.symbol(unitRef)]
    if (type !== 0 || help !== '' || unit !== '')
      metadata.push({ seriesIndex, family: '', type, help, unit })
  }
  return metadata
}

// The messages stand two levels deep in a body, which counts towards the reader's limit of nested groups.
const depth = 2

function readExemplar(
  version: 1 | 2,
  labels: BodyLabels,
  seriesIndex: number,
  bytes: Uint8Array,
): SentExemplar {
  if (version === 1) {
    const exemplar = decodeAtDepth<prometheus.Exemplar>(prometheus.Exemplar, bytes, depth)
    const sent = (exemplar.labels ?? []).map((label) => ({
      name: label.name ?? '',
      value: label.value ?? '',
    }))
    return {
      seriesIndex,
      labels: sent,
      value: exemplar.value,
      timestampMs: Number(exemplar.timestamp),
    }
  }
  const type = io.prometheus.write.v2.Exemplar
  const exemplar = decodeAtDepth<io.prometheus.write.v2.Exemplar>(type, bytes, depth)
  return {
    seriesIndex,
    labels: labels.resolve(exemplar.labelsRefs ?? []),
    value: exemplar.value,
    timestampMs: Number(exemplar.timestamp),
  }
}

function readHistogram(version: 1 | 2, seriesIndex: number, bytes: Uint8Array): SentHistogram {
  const type = version === 1 ? prometheus.Histogram : io.prometheus.write.v2.Histogram
  const message = decodeAtDepth<io.prometheus.write.v2.Histogram>(type, bytes, depth)
  const startMs = version === 1 ? 0 : Number(message.startTimestamp)
  return { seriesIndex, message, timestampMs: Number(message.timestamp), startMs, bytes }
}

function readMetadata(bytes: Uint8Array): SentMetadata {
  const { metricFamilyName, type, help, unit } = decodeAtDepth<prometheus.MetricMetadata>(
    prometheus.MetricMetadata,
    bytes,
    1,
  )
  return { seriesIndex: -1, family: metricFamilyName, type, help, unit }
}

// A singular message field that is sent twice is merged.
function mergedMetadata(
  into: io.prometheus.write.v2.Metadata | undefined,
  bytes: Uint8Array,
): io.prometheus.write.v2.Metadata {
  return decodeAtDepth(io.prometheus.write.v2.Metadata, bytes, depth, into)
}
