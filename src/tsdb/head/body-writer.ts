// Body writer: one decoded body into the generations it belongs to. Known series go through the kernel by columns;
// series that the lookup does not know are parsed, admitted and created here.
// Invariants: everything of a body that has to be decoded is decoded before anything is stored; what is stored is
// logged, series before samples. Bounds are per series and window, never relative to other senders.
// Units: Unix milliseconds.

import {
  exceptionCode,
  type LabelBounds,
  refDropped,
  refLimit,
  refMissing,
  seriesAsked,
  seriesPlain,
} from '../../kernel/index.ts'
import { type Label, type Labels, windowMs, windowStartMs } from '../../model/index.ts'
import type { Rejection } from '../../storage/index.ts'
import type { BodyElements, SentHistogram } from './body-elements.ts'
import { readElements, readSeriesMetadata, type SentMetadata } from './body-elements.ts'
import { BodyLabels } from './body-labels.ts'
import type { Generation } from './generation.ts'
import type { Generations } from './generations.ts'
import { histogramOf } from './histogram-input.ts'
import type { LabelCache } from './label-cache.ts'
import { type RecordSink, RecordWriter, recordType } from './record.ts'
import { keptStart, startedSeriesOf } from './started-floats.ts'
import { refusal, shownLabels, type Tally } from './tally.ts'
import type { AdmitSeries, Admitted, WriteBounds, WriteRequest } from './write-request.ts'

/** What the writer found beside samples. */
export interface WrittenElements {
  readonly elements: BodyElements
  readonly metadata: readonly SentMetadata[]
  /** Canonical labels of a series of the body, undefined where it was dropped or refused. */
  readonly labelsOf: (seriesIndex: number) => Labels | undefined
}

interface Target {
  readonly generation: Generation
  readonly refs: Uint32Array
  misses: number
}

/** Encodings of its labels that are remembered of each series, on average, beside those of dropped series. */
const entriesPerSeriesMax = 4
const spareEntries = 250_000

/** Writes one body; make one per request. */
export class BodyWriter {
  readonly #request: WriteRequest
  readonly #admit: AdmitSeries
  readonly #bounds: WriteBounds
  readonly #generations: Generations
  readonly #sink: RecordSink
  readonly #tally: Tally
  readonly #labels: BodyLabels
  readonly #markPlain: (bounds: LabelBounds) => void
  readonly #admitted: (Admitted | undefined)[] = []
  readonly #sent = new Map<number, Label[] | undefined>()
  readonly #refused = new Set<number>()
  readonly #targets: Target[] = []
  readonly #record = new RecordWriter()
  /** Flags of the series that come with start timestamps which are kept; undefined = none does. */
  readonly #started: Uint8Array | undefined

  constructor(
    request: WriteRequest,
    options: {
      readonly admit: AdmitSeries
      readonly bounds: WriteBounds
      readonly generations: Generations
      readonly sink: RecordSink
      readonly tally: Tally
      readonly labelCache: LabelCache
      readonly markPlain: (bounds: LabelBounds) => void
    },
  ) {
    this.#request = request
    this.#admit = options.admit
    this.#bounds = options.bounds
    this.#generations = options.generations
    this.#sink = options.sink
    this.#tally = options.tally
    this.#markPlain = options.markPlain
    this.#labels = new BodyLabels(request.body, options.labelCache)
    this.#started = this.#bounds.startTimestamps ? startedSeriesOf(request.body) : undefined
  }

  /** Decodes the rest, then stores samples and histograms. Throws UserError bad_data before anything is stored. */
  write(): WrittenElements {
    const { body, nowMs } = this.#request
    const elements = readElements(body, this.#labels)
    const windows = this.#windowsOf(elements)
    for (const start of windows.accepted) {
      const generation = this.#generations.forWindow(start, nowMs, this.#sink)
      if (generation === undefined) windows.refused.set(start, 'tooManyWindows')
      else this.#targets.push(this.#lookUp(generation))
    }
    const unknown = this.#readUnknown()
    const metadata =
      unknown.size > 0 && body.version === 2 ? readSeriesMetadata(body, this.#labels, unknown) : []
    this.#refuseEmptySeries(elements)
    if (windows.refused.size > 0) this.#refuseWindows(windows.refused, elements)
    for (const target of this.#targets) this.#writeWindow(target, elements)
    return { elements, metadata, labelsOf: (index) => this.#labelsOf(index) }
  }

  // Starts of the windows that the body has samples for, oldest first.
  #windowsOf(elements: BodyElements): { accepted: number[]; refused: Map<number, RefusedWindow> } {
    const { body } = this.#request
    const starts = new Set<number>()
    const first = windowStartMs(body.minTimeMs)
    if (first === windowStartMs(body.maxTimeMs)) starts.add(first)
    else for (const timeMs of body.timestampsMs) starts.add(windowStartMs(timeMs))
    for (const { timestampMs } of elements.histograms) starts.add(windowStartMs(timestampMs))
    const accepted: number[] = []
    const refused = new Map<number, RefusedWindow>()
    for (const start of starts) {
      if (start + windowMs <= this.#bounds.oldestAcceptedMs) refused.set(start, 'beyondRetention')
      else if (start > this.#bounds.newestAcceptedMs) refused.set(start, 'future')
      else accepted.push(start)
    }
    return { accepted: accepted.sort((a, b) => a - b), refused }
  }

  #lookUp(generation: Generation): Target {
    const { body } = this.#request
    const { misses, refs } = generation.memory.lookup(body.hashes, body.seriesCount)
    return { generation, refs: refs.slice(), misses }
  }

  // Parses the labels of every series that no generation knows; only then are all bytes of the body proven good.
  #readUnknown(): Set<number> {
    const { body } = this.#request
    const unknown = new Set<number>()
    if (this.#targets.length > 0 && this.#targets.every(({ misses }) => misses === 0))
      return unknown
    for (let i = 0; i < body.seriesCount; i++)
      if (this.#targets.every(({ refs }) => refs[i] === refMissing)) unknown.add(i)
    for (const target of this.#targets) {
      if (target.misses > 0) this.#adopt(target, unknown)
    }
    this.#askForPlain(unknown)
    const { seriesFlags } = body
    for (const index of unknown) {
      if ((seriesFlags[index]! & seriesPlain) === 0) this.#sent.set(index, this.#labels.read(index))
    }
    return unknown
  }

  // Which of them need not be read at all, being stored as sent.
  #askForPlain(unknown: ReadonlySet<number>): void {
    const { seriesFlags, version } = this.#request.body
    const { plain } = this.#bounds
    if (plain === undefined || version !== 1 || unknown.size === 0) return
    for (const index of unknown) seriesFlags[index]! |= seriesAsked
    this.#markPlain(plain)
  }

  // Series that another generation knows enter this one as they are, by copying.
  #adopt(target: Target, unknown: Set<number>): void {
    const { body } = this.#request
    const { generation, refs } = target
    const missing = indexesOf(refs, refMissing, (i) => this.#hasSampleIn(i, generation))
    let left = missing
    for (const relative of this.#generations.relatives(generation)) {
      if (left.length === 0) break
      const hashes = gather(body.hashes, left)
      const found = relative.memory.lookup(hashes, left.length).refs.slice()
      const still: number[] = []
      for (let k = 0; k < left.length; k++) {
        const index = left[k]!
        if (found[k]! === refMissing) {
          still.push(index)
          continue
        }
        unknown.delete(index)
        const ref =
          found[k]! < refLimit ? generation.adopt(relative, found[k]!, this.#sink) : found[k]!
        this.#remember(target, index, ref)
      }
      left = still
    }
  }

  #remember(target: Target, index: number, ref: number): void {
    const { generation, refs } = target
    refs[index] = ref
    target.misses -= 1
    if (ref === refDropped) {
      if (generation.droppedCount >= this.#bounds.droppedMappingsMax) return
      generation.droppedCount += 1
    }
    if (!hasRoomFor(generation, 0)) return
    generation.memory.remember(this.#request.body.hashes, index, ref)
  }

  #writeWindow(target: Target, elements: BodyElements): void {
    const { body, nowMs } = this.#request
    const { generation, refs } = target
    const histograms = elements.histograms.filter(
      ({ timestampMs }) => windowStartMs(timestampMs) === generation.key.windowStartMs,
    )
    if (target.misses > 0) this.#create(target, histograms)
    generation.flushSeries(this.#sink)
    generation.lastWriteMs = nowMs
    const floorsMs = this.#floorsOf(generation)
    const outcome = generation.memory.append(body, this.#plainRefs(refs), {
      floorMs: this.#bounds.oldestAcceptedMs,
      ceilingMs: this.#bounds.newestAcceptedMs,
      ...(floorsMs === undefined ? {} : { floorsMs }),
    })
    if (outcome.appended > 0) {
      const head = outcome.record.length
      const record = outcome.record.subarray(15, head)
      record[0] = recordType.samples
      this.#sink.push(record, generation.windowKey)
    }
    this.#tally.samplesWritten += outcome.appended + outcome.unchanged
    if (outcome.exceptions.length > 0)
      this.#resolve(target, Uint32Array.from(outcome.exceptions), floorsMs)
    if (this.#started !== undefined) this.#writeStarted(target, this.#started, floorsMs)
    for (const histogram of histograms) this.#writeHistogram(target, histogram, floorsMs)
  }

  // Refs for the kernel, which has no room for start timestamps.
  #plainRefs(refs: Uint32Array): Uint32Array {
    const started = this.#started
    return started === undefined
      ? refs
      : refs.map((ref, i) => (started[i] === 0 ? ref : refMissing))
  }

  // The oldest time accepted of each series, where later windows know it; undefined where no later window is open.
  #floorsOf(generation: Generation): Float64Array | undefined {
    const { body } = this.#request
    let floors: Float64Array | undefined
    for (const newer of this.#generations.newerThan(generation)) {
      const { refs } = newer.memory.lookup(body.hashes, body.seriesCount)
      floors ??= new Float64Array(body.seriesCount).fill(Number.NEGATIVE_INFINITY)
      for (let i = 0; i < body.seriesCount; i++) {
        const ref = refs[i]!
        if (ref >= refLimit) continue
        const floorMs = newer.newestMs(ref) - this.#bounds.outOfOrderWindowMs
        if (floorMs > floors[i]!) floors[i] = floorMs
      }
    }
    return floors
  }

  #create(target: Target, histograms: readonly SentHistogram[]): void {
    const { body, tenant } = this.#request
    const { generation, refs } = target
    const { windowStartMs: start } = generation.key
    const isWhole = body.minTimeMs >= start && body.maxTimeMs < start + windowMs
    const withHistograms = new Set(histograms.map(({ seriesIndex }) => seriesIndex))
    const isWanted = (i: number): boolean => {
      const hasSamples = isWhole ? this.#sampleCountOf(i) > 0 : this.#hasSampleIn(i, generation)
      return hasSamples || withHistograms.has(i)
    }
    this.#createPlain(target, isWanted)
    for (let i = 0; i < body.seriesCount; i++) {
      if (refs[i] !== refMissing || !isWanted(i)) continue
      const admitted = this.#admitSeries(i)
      if ('labels' in admitted) {
        const tenantId = generation.tenantId(tenant, this.#sink)
        if (this.#refusesNewSeries(generation, tenantId, i, admitted.labels)) continue
        this.#remember(target, i, generation.findOrCreate(tenantId, admitted.labels, this.#sink))
      } else if ('dropped' in admitted) this.#remember(target, i, refDropped)
    }
  }

  // Plain series, many at a time, as long as no limit is near: who is refused is decided one by one.
  #createPlain(target: Target, isWanted: (index: number) => boolean): void {
    const { body, tenant } = this.#request
    const { generation, refs } = target
    const { seriesMax, plain, isMemoryFull } = this.#bounds
    if (plain === undefined) return
    const indexes = indexesOf(refs, refMissing, (i) => {
      return (body.seriesFlags[i]! & seriesPlain) !== 0 && isWanted(i)
    })
    if (indexes.length === 0 || isMemoryFull() || generation.memory.isFull) return
    const tenantId = generation.tenantId(tenant, this.#sink)
    const seriesCount = generation.seriesCounts[tenantId]! + indexes.length
    if (seriesMax > 0 && seriesCount > seriesMax) return
    if (!hasRoomFor(generation, indexes.length)) return
    const found = generation.createPlain(body, Uint32Array.from(indexes), tenantId, this.#sink)
    for (let k = 0; k < found.length; k++) {
      if (found[k] === refMissing) continue
      refs[indexes[k]!] = found[k]!
      target.misses -= 1
    }
  }

  #refusesNewSeries(
    generation: Generation,
    tenantId: number,
    index: number,
    labels: Labels,
  ): boolean {
    const { seriesMax } = this.#bounds
    const tooMany = seriesMax > 0 && generation.seriesCounts[tenantId]! >= seriesMax
    if (!tooMany && !this.#bounds.isMemoryFull() && !generation.memory.isFull) return false
    // An old series under new label bytes is no new series.
    if (generation.reader.find(this.#request.tenant, labels) !== undefined) return false
    this.#tally.limited = true
    const reason = tooMany
      ? `tenant ${this.#request.tenant} has ${seriesMax} series; drop some by relabelling, or raise limits.activeSeries`
      : 'memory is full; known series are still written; wait for the next cut, or raise --memory.limit'
    this.#refuseSeries(index, 'limit', `${shownLabels(labels)}: new series are refused: ${reason}`)
    return true
  }

  #admitSeries(index: number): Admitted {
    const known = this.#admitted[index]
    if (known !== undefined) return known
    const { tenant, sender } = this.#request
    if (!this.#sent.has(index)) this.#sent.set(index, this.#labels.read(index))
    const sent = this.#sent.get(index)
    const admitted: Admitted =
      sent === undefined
        ? {
            rejection: {
              kind: 'invalid_labels',
              message: `series ${index} of the body: its refs name no symbols; correct the sender`,
            },
          }
        : this.#admit(tenant, sender, sent)
    this.#admitted[index] = admitted
    if ('rejection' in admitted) {
      this.#refuseSeries(index, admitted.rejection.kind, admitted.rejection.message)
    } else if ('dropped' in admitted) this.#tally.droppedCount += this.#sampleCountOf(index)
    return admitted
  }

  #refuseSeries(index: number, kind: Rejection['kind'], message: string): void {
    if (this.#refused.has(index)) return
    this.#refused.add(index)
    this.#tally.reject(kind, Math.max(1, this.#sampleCountOf(index)), () => message)
  }

  #sampleCountOf(index: number): number {
    const { sampleStarts } = this.#request.body
    return sampleStarts[index + 1]! - sampleStarts[index]!
  }

  #hasSampleIn(index: number, generation: Generation): boolean {
    const { sampleStarts, timestampsMs } = this.#request.body
    const start = generation.key.windowStartMs
    for (let s = sampleStarts[index]!; s < sampleStarts[index + 1]!; s++)
      if (timestampsMs[s]! >= start && timestampsMs[s]! < start + windowMs) return true
    return false
  }

  // Samples that the kernel would not append, in order.
  #resolve(target: Target, exceptions: Uint32Array, floors: Float64Array | undefined): void {
    const { generation, refs } = target
    const { body } = this.#request
    const record = this.#record
    record.begin(recordType.outOfOrder)
    const empty = record.sizeBytes
    for (let at = 0; at < exceptions.length; at += 3) {
      const sample = exceptions[at]!
      const index = exceptions[at + 1]!
      const code = exceptions[at + 2]!
      const ref = refs[index]!
      const timeMs = body.timestampsMs[sample]!
      if (code === exceptionCode.outOfOrder && this.#mayBeLate(generation, ref, timeMs)) {
        const low = body.valueWords[2 * sample]!
        const high = body.valueWords[2 * sample + 1]!
        const outcome = generation.insertOutOfOrder(ref, { timeMs, low, high, startMs: 0 })
        if (outcome === 'stored') {
          record.uvarint(ref)
          record.uvarint(timeMs - generation.key.windowStartMs)
          record.word(low)
          record.word(high)
        }
        if (outcome !== 'duplicate') {
          this.#tally.samplesWritten += 1
          continue
        }
        this.#refuseSample(generation, ref, timeMs, exceptionCode.duplicate, floors?.[index])
      } else this.#refuseSample(generation, ref, timeMs, code, floors?.[index])
    }
    if (record.sizeBytes > empty) this.#sink.push(record.finish(), generation.windowKey)
  }

  // Series with start timestamps, sample by sample.
  #writeStarted(target: Target, started: Uint8Array, floors: Float64Array | undefined): void {
    const { generation, refs } = target
    const { sampleStarts, timestampsMs, valueWords, startTimestampsMs } = this.#request.body
    const { windowStartMs: start } = generation.key
    const record = this.#record
    record.begin(recordType.startedSamples)
    const empty = record.sizeBytes
    for (let i = 0; i < started.length; i++) {
      const ref = refs[i]!
      if (started[i] === 0 || ref >= refLimit) continue
      for (let s = sampleStarts[i]!; s < sampleStarts[i + 1]!; s++) {
        const timeMs = timestampsMs[s]!
        if (timeMs < start || timeMs >= start + windowMs) continue
        const fault = this.#fault(generation, ref, timeMs, floors?.[i])
        const [low, high] = [valueWords[2 * s]!, valueWords[2 * s + 1]!]
        const startMs = keptStart(startTimestampsMs[s]!)
        const outcome =
          fault === undefined
            ? generation.storeStarted(ref, { timeMs, low, high, startMs })
            : 'duplicate'
        if (outcome === 'duplicate') {
          const code = fault ?? exceptionCode.duplicate
          this.#refuseSample(generation, ref, timeMs, code, floors?.[i])
          continue
        }
        this.#tally.samplesWritten += 1
        if (outcome === 'unchanged') continue
        record.uvarint(ref)
        record.uvarint(timeMs - start)
        record.varint(startMs)
        record.word(low)
        record.word(high)
      }
    }
    if (record.sizeBytes > empty) this.#sink.push(record.finish(), generation.windowKey)
  }

  // Why a sample cannot be stored, whatever it says: the kernel's rules (kernel/as/head.ts).
  #fault(
    generation: Generation,
    ref: number,
    timeMs: number,
    floorMs = Number.NEGATIVE_INFINITY,
  ): number | undefined {
    const { oldestAcceptedMs, newestAcceptedMs } = this.#bounds
    if (timeMs > newestAcceptedMs) return exceptionCode.future
    if (timeMs < Math.max(floorMs, oldestAcceptedMs)) return exceptionCode.tooOld
    return this.#mayBeLate(generation, ref, timeMs) ? undefined : exceptionCode.outOfOrder
  }

  #mayBeLate(generation: Generation, ref: number, timeMs: number): boolean {
    return timeMs >= generation.newestMs(ref) - this.#bounds.outOfOrderWindowMs
  }

  #refuseSample(
    generation: Generation,
    ref: number,
    timeMs: number,
    code: number,
    floorMs = Number.NEGATIVE_INFINITY,
  ): void {
    const labels = (): Labels => generation.reader.labelsOf(ref)
    const { outOfOrderWindowMs } = this.#bounds
    const tally = this.#tally
    if (code === exceptionCode.duplicate)
      tally.reject('duplicate', 1, () => refusal.duplicate(labels(), timeMs))
    else if (code === exceptionCode.future)
      tally.reject('too_far_in_future', 1, () => refusal.future(labels(), timeMs))
    else if (code === exceptionCode.tooOld && timeMs >= floorMs)
      tally.reject('too_old', 1, () => refusal.beyondRetention(labels(), timeMs))
    else if (outOfOrderWindowMs === 0)
      tally.reject('out_of_order', 1, () => refusal.outOfOrder(labels(), timeMs))
    else tally.reject('too_old', 1, () => refusal.tooOld(labels(), timeMs, outOfOrderWindowMs))
  }

  #writeHistogram(target: Target, sent: SentHistogram, floors: Float64Array | undefined): void {
    const { generation, refs } = target
    const { seriesIndex, timestampMs } = sent
    const ref = refs[seriesIndex]!
    if (ref >= refLimit) return
    const sample = histogramOf(sent.message, sent.bytes)
    if (typeof sample === 'string') {
      const labels = generation.reader.labelsOf(ref)
      this.#tally.reject(
        'invalid_histogram',
        1,
        () => `${shownLabels(labels)}: not a valid histogram: ${sample}; correct the sender`,
      )
      return
    }
    const fault = this.#fault(generation, ref, timestampMs, floors?.[seriesIndex])
    if (fault !== undefined) {
      this.#refuseSample(generation, ref, timestampMs, fault, floors?.[seriesIndex])
      return
    }
    const startMs = this.#bounds.startTimestamps ? keptStart(sent.startMs) : 0
    const { bytes } = sent
    const stored = { timeMs: timestampMs, sample, bytes, startMs }
    const outcome = generation.storeHistogram(ref, stored)
    if (outcome === 'duplicate') {
      this.#refuseSample(generation, ref, timestampMs, exceptionCode.duplicate)
      return
    }
    this.#tally.histogramsWritten += 1
    if (outcome === 'unchanged') return
    this.#record.begin(recordType.histogram)
    this.#record.uvarint(ref)
    this.#record.uvarint(timestampMs - generation.key.windowStartMs)
    this.#record.block(bytes)
    if (startMs !== 0) this.#record.varint(startMs)
    this.#sink.push(this.#record.finish(), generation.windowKey)
  }

  // Version 2 asks that a series has samples or histograms.
  #refuseEmptySeries(elements: BodyElements): void {
    const { body } = this.#request
    if (body.version === 1) return
    const withHistograms = new Set(elements.histograms.map(({ seriesIndex }) => seriesIndex))
    for (let i = 0; i < body.seriesCount; i++) {
      if (this.#sampleCountOf(i) > 0 || withHistograms.has(i)) continue
      this.#refused.add(i)
      this.#tally.reject(
        'no_samples',
        1,
        () => `series ${i} of the body has neither samples nor histograms; correct the sender`,
      )
    }
  }

  // Samples of windows that cannot be open.
  #refuseWindows(refused: ReadonlyMap<number, RefusedWindow>, elements: BodyElements): void {
    const { body } = this.#request
    const refuse = (index: number, timeMs: number): void => {
      const reason = refused.get(windowStartMs(timeMs))
      if (reason === undefined) return
      const kind = refusedKinds[reason]
      if (kind === 'limit') this.#tally.limited = true
      this.#tally.reject(kind, 1, () => refusal[reason](this.#labels.read(index) ?? [], timeMs))
    }
    for (let i = 0; i < body.seriesCount; i++)
      for (let s = body.sampleStarts[i]!; s < body.sampleStarts[i + 1]!; s++)
        refuse(i, body.timestampsMs[s]!)
    for (const { seriesIndex, timestampMs } of elements.histograms) refuse(seriesIndex, timestampMs)
  }

  #labelsOf(index: number): Labels | undefined {
    for (const { generation, refs } of this.#targets)
      if (refs[index]! < refLimit) return generation.reader.labelsOf(refs[index]!)
    if (this.#refused.has(index)) return undefined
    const admitted = this.#admitSeries(index)
    return 'labels' in admitted ? admitted.labels : undefined
  }
}

// A sender that writes the labels of a series in ever-new orders is read anew each time.
function hasRoomFor(generation: Generation, count: number): boolean {
  const { entryCount, seriesCount } = generation.memory.view
  return entryCount + count <= spareEntries + entriesPerSeriesMax * seriesCount
}

type RefusedWindow = 'beyondRetention' | 'future' | 'tooManyWindows'

const refusedKinds = {
  beyondRetention: 'too_old',
  future: 'too_far_in_future',
  tooManyWindows: 'limit',
} as const

function indexesOf(refs: Uint32Array, value: number, wanted: (index: number) => boolean): number[] {
  const out: number[] = []
  for (let i = 0; i < refs.length; i++) if (refs[i] === value && wanted(i)) out.push(i)
  return out
}

function gather(hashes: Uint32Array, indexes: readonly number[]): Uint32Array {
  const out = new Uint32Array(4 * indexes.length)
  for (let k = 0; k < indexes.length; k++) {
    const from = 4 * indexes[k]!
    for (let i = 0; i < 4; i++) out[4 * k + i] = hashes[from + i]!
  }
  return out
}
