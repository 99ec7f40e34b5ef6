// Head: the recent samples of one lane. Bodies go in, are stored by window and logged; selects come out; windows are
// sealed, written to blocks by another thread, and dropped. One thread owns it and nothing here waits.
// Units: Unix milliseconds. Invariants: what `append` reports as written was pushed to the log before it returned;
// replaying the log's records in order rebuilds the same generations with the same refs.

import { createHash } from 'node:crypto'
import { prometheus } from '../../encoding/index.ts'
import {
  type DecodedBody,
  type HashSeed,
  KernelWriteDecoder,
  type LabelBounds,
  slowKind,
} from '../../kernel/index.ts'
import {
  labelValue,
  metricNameLabel,
  type TimeRange,
  UserError,
  windowMs,
} from '../../model/index.ts'
import type {
  AppendRequest,
  AppendResult,
  CancelSignal,
  CompiledMatcher,
  LabelAnswer,
  LabelRequest,
  MatcherCompiler,
  Queryable,
  SelectRequest,
  SenderIdentity,
  SeriesCursor,
} from '../../storage/index.ts'
import { FanOut, mergeCursors } from '../../storage/index.ts'
import type { Slices } from '../block/match-postings.ts'
import { SpareBuilders } from '../block/spare-builders.ts'
import { laneKey } from '../wal/index.ts'
import { BodyWriter, type WrittenElements } from './body-writer.ts'
import { ChangeLog, type Changes } from './change-log.ts'
import { bytesToCome, bytesWithCut, type WindowStats } from './cut-plan.ts'
import { Exemplars, type StoredExemplar } from './exemplars.ts'
import {
  encodeMetadata,
  type FamilyMetadata,
  FamilyMetadataStore,
  familyOf,
  metadataType,
} from './family-metadata.ts'
import type { Generation } from './generation.ts'
import { GenerationCursor } from './generation-cursor.ts'
import {
  describeSealed,
  GenerationQueryable,
  type SealedDescriptor,
  valuesOf,
} from './generation-queryable.ts'
import { Generations } from './generations.ts'
import { cardinalityOf, type HeadCardinality, type HeadStats, statsOf } from './head-stats.ts'
import { type ActivityCall, activityOf, type LabelActivity } from './label-activity.ts'
import { LabelCache } from './label-cache.ts'
import { type RecordSink, RecordWriter, recordType } from './record.ts'
import { type ReplayedBody, Replayer } from './replayer.ts'
import { shownLabels, Tally } from './tally.ts'
import type { AdmitSeries } from './write-request.ts'

/** A series whose newest sample is not older than this, seen from the newest of all, is being written. */
const beingWrittenMs = 300_000

/** How a head is held to its bounds. */
export interface HeadLimits {
  /** A sample may be so much older than the newest of its series. */
  readonly outOfOrderWindowMs: number
  /** … and so much newer than now. */
  readonly futureMs: number
  /** New series are refused above this; known ones go on. */
  readonly memoryBytes: number
  /** With what cutting takes, above this every body is refused, to be sent again once a window has been cut. */
  readonly memoryBytesHard: number
  /** Above this, early cuts are asked for; at twice, new windows are refused. */
  readonly generationsMax: number
  readonly bodyPlainSizeBytesMax: number
  readonly exemplarsPerTenantMax: number
  readonly familiesPerTenantMax: number
  readonly droppedMappingsMax: number
}

/** Six hours, ten minutes, 16 windows. */
export const headLimitDefaults: HeadLimits = {
  outOfOrderWindowMs: 6 * 3_600_000,
  futureMs: 600_000,
  memoryBytes: 2 ** 32,
  memoryBytesHard: 1.2 * 2 ** 32,
  generationsMax: 16,
  bodyPlainSizeBytesMax: 64 * 2 ** 20,
  exemplarsPerTenantMax: 10_000,
  familiesPerTenantMax: 20_000,
  droppedMappingsMax: 200_000,
}

/** What a head needs from outside. */
export interface HeadOptions {
  /** Seed of canonical hashes: one per process. */
  readonly seed: HashSeed
  /** Secret keys of the lookup's hashes: `hashKeySizeBytes` random bytes. */
  readonly hashKeys: Uint8Array
  readonly sink: RecordSink
  readonly compile: MatcherCompiler
  readonly admission: HeadAdmission
  readonly limits: HeadLimits
  /** Keeps start timestamps, in chunks of encodings 4 to 6; otherwise they are dropped where they come in. */
  readonly startTimestamps: boolean
  /** Samples before this are refused: the bound of retention. */
  readonly oldestAcceptedMs: () => number
  /** Starts of windows that are in blocks already. */
  readonly cutWindows: readonly number[]
}

/** How new series are admitted. A raised epoch makes older mappings unused. */
export interface HeadAdmission {
  readonly epoch: number
  readonly admit: AdmitSeries
  /** Where series within these bounds are stored as sent if their labels are plain: what `admit` would say of them. */
  readonly plainBounds: (tenant: string, sender: SenderIdentity) => LabelBounds | undefined
  /** Series a tenant may have in one window; 0 = unlimited. */
  readonly seriesMax: (tenant: string) => number
  /** Throws UserError body_too_large where a request has more series or samples than its tenant may send. */
  readonly checkSize: (tenant: string, counts: BodyCounts) => void
}

/** What is in a request. */
export interface BodyCounts {
  readonly series: number
  readonly samples: number
}

/** What a logged body holds; all of it counts as written, since it is kept. */
export interface LoggedElements {
  readonly samplesWritten: number
  readonly histogramsWritten: number
  readonly exemplarsWritten: number
}

const seedsMax = 10_000

/** The head of one lane. */
export class Head implements Queryable {
  readonly #options: HeadOptions
  readonly #generations: Generations
  readonly #decoder: KernelWriteDecoder
  readonly #exemplars: Exemplars
  readonly #metadata: FamilyMetadataStore
  readonly #labelCache = new LabelCache()
  readonly #changes = new ChangeLog()
  readonly #record = new RecordWriter()
  readonly #seeds = new Map<string, Uint32Array>()
  readonly #queryables = new WeakMap<Generation, GenerationQueryable>()
  readonly #builders: SpareBuilders
  readonly #fanOut: FanOut
  readonly #replayer: Replayer
  #admission: HeadAdmission

  constructor(options: HeadOptions) {
    const { limits } = options
    this.#options = options
    this.#builders = new SpareBuilders(options.seed)
    this.#admission = options.admission
    this.#decoder = new KernelWriteDecoder(options.hashKeys)
    this.#generations = new Generations(options.seed, limits.generationsMax, options.cutWindows)
    this.#exemplars = new Exemplars(limits.exemplarsPerTenantMax)
    this.#metadata = new FamilyMetadataStore(limits.familiesPerTenantMax)
    this.#replayer = new Replayer({
      generations: this.#generations,
      exemplars: this.#exemplars,
      metadata: this.#metadata,
      startTimestamps: options.startTimestamps,
    })
    this.#fanOut = new FanOut(() =>
      this.#generations.all().map((generation) => {
        const queryable = this.#queryableOf(generation)
        return { queryable, timeRange: () => queryable.timeRange() }
      }),
    )
  }

  /** Changes how new series are admitted. */
  setAdmission(admission: HeadAdmission): void {
    this.#admission = admission
    this.#seeds.clear()
  }

  /**
   * Stores a body. Throws UserError bad_data, body_too_large or limit_exceeded, or unavailable where memory is at its
   * end, and then nothing was stored.
   */
  append(request: AppendRequest, nowMs: number): AppendResult {
    this.#refuseOverfull()
    const { tenant, sender } = request
    const body = this.#decode(request)
    const tally = new Tally()
    const { limits } = this.#options
    // Once per body: a body is bounded, and so is what it can add before the next one is asked.
    let isFull: boolean | undefined
    const isMemoryFull = (): boolean => {
      isFull ??= this.#isMemoryFull()
      return isFull
    }
    const writer = new BodyWriter(
      { tenant, sender, body, nowMs },
      {
        admit: this.#admission.admit,
        generations: this.#generations,
        sink: this.#options.sink,
        tally,
        labelCache: this.#labelCache,
        markPlain: (bounds) => this.#decoder.markPlain(bounds),
        bounds: {
          outOfOrderWindowMs: limits.outOfOrderWindowMs,
          oldestAcceptedMs: this.#options.oldestAcceptedMs(),
          newestAcceptedMs: nowMs + limits.futureMs,
          seriesMax: this.#admission.seriesMax(tenant),
          isMemoryFull,
          droppedMappingsMax: limits.droppedMappingsMax,
          plain: this.#admission.plainBounds(tenant, sender),
          startTimestamps: this.#options.startTimestamps,
        },
      },
    )
    const { minTimeMs } = body
    const written = writer.write()
    this.#changes.note(tenant, oldestOf(minTimeMs, written))
    this.#storeExemplars(tenant, written, tally)
    this.#storeMetadata(tenant, written)
    return { ...tally.result(), seriesCount: body.seriesCount }
  }

  /** Checks a body's form and logs it as it is, to be stored once the replay has ended. */
  logBody(request: AppendRequest, nowMs: number): LoggedElements {
    const elements = elementsOf(this.#decode(request))
    const record = this.#record
    record.begin(recordType.body)
    record.uvarint(nowMs)
    record.byte(request.format === 'remote-write-1' ? 1 : 2)
    record.byte(request.compression === 'snappy' ? 1 : 0)
    record.string(request.tenant)
    record.string(request.sender.key)
    record.string(JSON.stringify(request.sender.labels))
    record.block(request.body)
    const bytes = record.finish()
    this.#options.sink.push(bytes, laneKey)
    this.#replayer.addBody(bytes)
    return elements
  }

  /** Rebuilds what one log record says. Throws CorruptionError. */
  replay(record: Uint8Array, windowKey: number, nowMs: number): void {
    this.#replayer.replay(record, windowKey, nowMs)
  }

  /** Stores the bodies that were only logged. What they lack by then, duplicates and late samples, is counted. */
  finishReplay(): { readonly bodyCount: number; readonly rejectedCount: number } {
    for (const windowKey of this.#replayer.takeMerged())
      this.#options.sink.push(new Uint8Array([recordType.numberingMerged]), windowKey)
    let rejectedCount = 0
    const bodies: readonly ReplayedBody[] = this.#replayer.takeBodies()
    for (const { request, receivedMs } of bodies)
      rejectedCount += this.#applyLogged(request, receivedMs)
    if (bodies.length > 0) {
      this.#record.begin(recordType.bodiesApplied)
      this.#options.sink.push(this.#record.finish(), laneKey)
    }
    return { bodyCount: bodies.length, rejectedCount }
  }

  // A body that was acknowledged must not stop the lane from starting, whatever the limits are by now.
  #applyLogged(request: AppendRequest, receivedMs: number): number {
    try {
      return this.append(request, receivedMs).rejectedCount
    } catch (error) {
      if (error instanceof UserError) return 1
      throw error
    }
  }

  /** Records of what outlives windows, for a checkpoint: exemplars, metadata, bodies not yet stored. */
  laneRecords(): Uint8Array[] {
    const records = this.#replayer.bodyRecords()
    for (const { tenant, exemplar } of this.#exemplars.entries())
      records.push(this.#exemplarRecord(tenant, exemplar).slice())
    for (const tenant of this.#metadata.tenants())
      for (const metadata of this.#metadata.of(tenant))
        records.push(this.#metadataRecord(tenant, metadata).slice())
    return records
  }

  /** Each series once, with its chunks of all windows. */
  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    const queryables = this.#overlapping(request).map((one) => this.#queryableOf(one))
    if (!request.sorted) {
      const parts = queryables.map((queryable) => queryable.part(request, signal))
      return new GenerationCursor(parts, request, signal, this.#builders)
    }
    const cursors = queryables.map((queryable) => queryable.select(request, signal))
    return cursors.length === 1 ? cursors[0]! : mergeCursors(cursors, { sorted: true })
  }

  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#fanOut.labelNames(request, signal)
  }

  async labelValues(
    name: string,
    request: LabelRequest,
    signal: CancelSignal,
  ): Promise<LabelAnswer> {
    const generations = this.#overlapping(request).map((one) => this.#queryableOf(one))
    return withPauses(valuesOf(generations, name, request, signal))
  }

  /** What tenants wrote since a mark of an earlier call. */
  changes(tenants: readonly string[], since: number | undefined): Changes {
    return this.#changes.since(tenants, since)
  }

  /** Exemplars of series that satisfy one of the selectors, within inclusive bounds, by time. */
  exemplars(
    tenant: string,
    selectors: readonly (readonly CompiledMatcher[])[],
    minTimeMs: number,
    maxTimeMs: number,
  ): StoredExemplar[] {
    return this.#exemplars.select(tenant, selectors, minTimeMs, maxTimeMs)
  }

  /** Metadata of a tenant's metric families. */
  metadata(tenant: string): FamilyMetadata[] {
    return this.#metadata.of(tenant)
  }

  /** Facts about all generations, for `windowsToCut` and for the log. */
  windows(): WindowStats[] {
    return this.#generations.all().map((generation) => generation.stats())
  }

  /** Seals a window for cutting; undefined when there is none open. Reads go on until it is dropped. */
  sealGeneration(windowKey: number): SealedDescriptor | undefined {
    const generation = this.#generations.seal(windowKey)
    return generation === undefined ? undefined : describeSealed(generation, this.#options.seed)
  }

  /**
   * Where memory is full, takes the series that are being written over from a sealed window into the generation that takes
   * its further samples; returns how many. Otherwise a series that is next written after the sealed one was dropped
   * would be a new one, and be refused. A series of one sample counts as being written if another window has it too.
   */
  carryOn(windowKey: number, nowMs: number): number {
    const sealed = this.#generations.all().find((one) => one.sealed && one.windowKey === windowKey)
    // Where there is a later window, its writers have entered it.
    if (sealed === undefined || this.#generations.newerThan(sealed).length > 0) return 0
    if (!this.#isMemoryFull(sealed)) return 0
    const { sink } = this.#options
    const isKnown = this.#generations.relatives(sealed).map((other) => lookupIn(other, sealed))
    const next = this.#generations.forWindow(sealed.key.windowStartMs, nowMs, sink)
    if (next === undefined) return 0
    const sinceMs = sealed.stats().maxTimeMs - beingWrittenMs
    let count = 0
    const { seriesCount } = sealed.memory.view
    for (let ref = 0; ref < seriesCount && !next.memory.isFull; ref++) {
      if (sealed.newestMs(ref) < sinceMs) continue
      if (isWrittenOnce(sealed, ref) && !isKnown.some((isKnownIn) => isKnownIn(ref))) continue
      next.adopt(sealed, ref, sink)
      count++
    }
    next.flushSeries(sink)
    return count
  }

  /** Forgets a sealed window whose blocks are durable, by the id of its descriptor. */
  dropGeneration(id: number): void {
    for (const generation of this.#generations.all())
      if (generation.sealed && generation.id === id) this.#generations.drop(generation)
  }

  /** Bytes of linear memories and what lies beside them. */
  memoryBytes(): number {
    let bytes = this.#decoder.memoryBytes
    for (const generation of this.#generations.all()) bytes += generation.memoryBytes()
    return bytes
  }

  /** Counts over all generations. */
  stats(): HeadStats {
    return statsOf(this.#generations.all())
  }

  /** The largest label names, values and metrics of a tenant. */
  cardinality(tenant: string, limit: number): HeadCardinality {
    return cardinalityOf(this.#generations.all(), tenant, limit)
  }

  /** What recent samples say of each value of a label. */
  activity(call: ActivityCall): Promise<Map<string, LabelActivity>> {
    return activityOf(this.#generations.all(), call)
  }

  // Known series are never refused for good: a cut of the window makes room, and until then their senders wait.
  #refuseOverfull(): void {
    const { memoryBytesHard } = this.#options.limits
    const windows = this.#generations.all().map((each) => ({ memoryBytes: each.memoryBytes() }))
    if (bytesWithCut(windows) < memoryBytesHard) return
    throw new UserError('unavailable', {
      what: `recent samples take all the memory there is for them, ${memoryBytesHard} bytes with what writing them to disk takes`,
      fix: 'retry when they are on disk; where this lasts, raise --memory.limit or send less at a time',
    })
  }

  // Sealing makes room for what its series will take; `asOpen` is looked at as it was before.
  #isMemoryFull(asOpen?: Generation): boolean {
    const windows = this.#generations.all().map((generation) => ({
      memoryBytes: generation.memoryBytes(),
      seriesCount: generation.memory.view.seriesCount,
      isSealed: generation.sealed && generation !== asOpen,
    }))
    return this.#decoder.memoryBytes + bytesToCome(windows) >= this.#options.limits.memoryBytes
  }

  #decode(request: AppendRequest): DecodedBody {
    const body = this.#decoder.decode(request.body, {
      version: request.format === 'remote-write-1' ? 1 : 2,
      compression: request.compression,
      seed: this.#seedOf(request),
      sizeBytesMax: this.#options.limits.bodyPlainSizeBytesMax,
    })
    const counts = { series: body.seriesCount, samples: body.sampleCount }
    this.#admission.checkSize(request.tenant, counts)
    return body
  }

  // A mapping from label bytes to a series is found only by tenant, sender and epoch that made it.
  #seedOf({ tenant, sender }: AppendRequest): Uint32Array {
    const name = JSON.stringify([tenant, sender.key])
    let seed = this.#seeds.get(name)
    if (seed === undefined) {
      const digest = createHash('sha256')
        .update(name)
        .update(String(this.#admission.epoch))
        .digest()
      seed = new Uint32Array(4).map((_, i) => digest.readUInt32LE(4 * i))
      if (this.#seeds.size >= seedsMax) this.#seeds.clear()
      this.#seeds.set(name, seed)
    }
    return seed
  }

  #overlapping({ minTimeMs, maxTimeMs }: TimeRange): Generation[] {
    return this.#generations.all().filter(({ key: { windowStartMs } }) => {
      return windowStartMs <= maxTimeMs && windowStartMs + windowMs > minTimeMs
    })
  }

  #queryableOf(generation: Generation): GenerationQueryable {
    let queryable = this.#queryables.get(generation)
    if (queryable === undefined) {
      queryable = new GenerationQueryable(generation.reader, this.#options.compile, this.#builders)
      this.#queryables.set(generation, queryable)
    }
    return queryable
  }

  #storeExemplars(tenant: string, written: WrittenElements, tally: Tally): void {
    for (const sent of written.elements.exemplars) {
      const seriesLabels = written.labelsOf(sent.seriesIndex)
      if (seriesLabels === undefined) continue
      const { labels, value, timestampMs } = sent
      const refuse = (why: string): void =>
        tally.reject('exemplar', 1, () => `${shownLabels(seriesLabels)}: exemplar ${why}`)
      if (labels === undefined) {
        refuse('refs name no symbols; correct the sender')
        continue
      }
      const exemplar = { seriesLabels, labels, value, timestampMs }
      const outcome = this.#exemplars.add(tenant, exemplar)
      if (outcome === 'out_of_order') refuse('is older than one that is stored; send in order')
      if (outcome === 'stored' || outcome === 'unchanged') tally.exemplarsWritten += 1
      if (outcome === 'stored')
        this.#options.sink.push(this.#exemplarRecord(tenant, exemplar), laneKey)
    }
  }

  #storeMetadata(tenant: string, written: WrittenElements): void {
    for (const sent of [...written.elements.metadata, ...written.metadata]) {
      const labels = sent.seriesIndex < 0 ? undefined : written.labelsOf(sent.seriesIndex)
      const name = labels === undefined ? '' : labelValue(labels, metricNameLabel)
      const family = sent.seriesIndex < 0 ? sent.family : familyOf(name, sent.type)
      if (family === '') continue
      const { help, unit } = sent
      const metadata = { family, type: metadataType(sent.type), help, unit }
      if (this.#metadata.set(tenant, metadata))
        this.#options.sink.push(this.#metadataRecord(tenant, metadata), laneKey)
    }
  }

  #exemplarRecord(tenant: string, exemplar: StoredExemplar): Uint8Array {
    const { seriesLabels, labels, value, timestampMs } = exemplar
    const message = {
      labels: [...seriesLabels],
      exemplars: [{ labels: [...labels], value, timestamp: timestampMs }],
    }
    this.#record.begin(recordType.exemplar)
    this.#record.string(tenant)
    this.#record.block(prometheus.TimeSeries.encode(message).finish())
    return this.#record.finish()
  }

  #metadataRecord(tenant: string, metadata: FamilyMetadata): Uint8Array {
    this.#record.begin(recordType.metadata)
    this.#record.string(tenant)
    this.#record.block(encodeMetadata(metadata))
    return this.#record.finish()
  }
}

// The decoder's bounds are of floats.
function oldestOf(minTimeMs: number, { elements }: WrittenElements): number {
  return elements.histograms.reduce(
    (oldest, { timestampMs }) => Math.min(oldest, timestampMs),
    minTimeMs,
  )
}

function elementsOf(body: DecodedBody): LoggedElements {
  let histogramsWritten = 0
  let exemplarsWritten = 0
  for (let i = 0; i < body.slowCount; i++) {
    const kind = body.slow[4 * i]
    if (kind === slowKind.histogram) histogramsWritten++
    if (kind === slowKind.exemplar) exemplarsWritten++
  }
  return { samplesWritten: body.sampleCount, histogramsWritten, exemplarsWritten }
}

// Ever-new series are what fills memory: carried over, they would fill it again.
function isWrittenOnce(generation: Generation, ref: number): boolean {
  const { view } = generation.memory
  const state = view.stateOf(ref) >>> 2
  const isFirstChunk = view.words[state + 12] === 0
  const isFirstSample = view.words[state + 10] === view.words[state + 4]
  return isFirstChunk && isFirstSample && !generation.sides.has(ref)
}

// Tells of series of `generation` whether `other` has them too.
function lookupIn(other: Generation, generation: Generation): (ref: number) => boolean {
  const { view } = generation.memory
  const tenantIds = generation.tenants.map((tenant) => other.tenants.indexOf(tenant))
  return (ref) => {
    const tenantId = tenantIds[view.tenantOf(ref)]!
    const at = view.infoOf(ref) >>> 2
    const hash = view.words.subarray(at, at + 4)
    return tenantId >= 0 && other.memory.view.findSeries(tenantId, hash) !== undefined
  }
}

// Other work of the thread goes on in between.
async function withPauses<T>(slices: Slices<T>): Promise<T> {
  for (;;) {
    const deadlineMs = performance.now() + 1
    do {
      const step = slices.next()
      if (step.done === true) return step.value
    } while (performance.now() < deadlineMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
