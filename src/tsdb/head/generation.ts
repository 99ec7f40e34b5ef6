// Generation: the samples of one two-hour window in one lane. Series enter it at their first sample there; it is cut
// into blocks, one per tenant, and dropped whole. Float samples live in linear memory (kernel/head-memory.ts), the
// rest beside it (side-series.ts). Nothing here decides what may be written: that is head.ts.
// Units: Unix milliseconds. Invariant: what the log's records say, replayed in order, rebuilds the same ids and refs.

import {
  chunkEncoding,
  decodeChunk,
  isHistogramEncoding,
  SampleBuffer,
  toFloatHistogram,
} from '../../chunk/index.ts'
import {
  copyOpenChunk,
  type DecodedBody,
  type HashSeed,
  HeadMemory,
  hashPair,
  headLayout,
  memoryFull,
  refMissing,
  sampleKind,
} from '../../kernel/index.ts'
import { type FloatHistogram, type Labels, windowMs } from '../../model/index.ts'
import type { WindowStats } from './cut-plan.ts'
import { GenerationReader } from './generation-reader.ts'
import { sameHistogram } from './histogram-input.ts'
import { CachedLabel } from './label-cache.ts'
import {
  type GenerationKey,
  type RecordReader,
  type RecordSink,
  RecordWriter,
  recordType,
  windowKeyOf,
} from './record.ts'
import {
  addLateHistogram,
  appendHistogram,
  OutOfOrderSamples,
  type SideSeries,
  type StartedHistogram,
  sideChunksOf,
} from './side-series.ts'
import { appendStarted, type StartedSample } from './started-floats.ts'

/** Ids of a generation whose records merge into another one, by its own ids. */
export interface Numbering {
  readonly tenants: number[]
  readonly pairs: number[]
  readonly refs: number[]
}

/** What became of a sample that is older than the newest of its series. */
export type OutOfOrderOutcome = 'stored' | 'unchanged' | 'duplicate'

const seriesRecordSizeMax = 256 * 1024

let nextId = 1

/** One window's series and samples, owned by one thread. */
export class Generation {
  /** Unique in this thread: two generations of one window may be sealed at the same time. */
  readonly id = nextId++
  readonly key: GenerationKey
  readonly windowKey: number
  readonly memory: HeadMemory
  readonly reader: GenerationReader
  /** Names of tenants and labels by id. */
  readonly tenants: string[] = []
  readonly labelNames: string[] = []
  readonly sides = new Map<number, SideSeries>()
  /** Series by tenant id. */
  readonly seriesCounts: number[] = []
  /** Wall times. */
  readonly createdMs: number
  lastWriteMs: number
  sealed = false
  /** Lookup entries that say `dropped`; bounded by the head. */
  droppedCount = 0
  sideBytes = 0
  /** Bounds of what is stored beside the linear memory. */
  sideMinMs = Number.POSITIVE_INFINITY
  sideMaxMs = Number.NEGATIVE_INFINITY
  /** Float samples stored beside the linear memory. */
  sideFloatCount = 0
  readonly #seed: HashSeed
  readonly #tenantIds = new Map<string, number>()
  readonly #nameIds = new Map<string, number>()
  readonly #adoptedPairs = new WeakMap<Generation, Uint32Array>()
  readonly #seriesRecord = new RecordWriter()
  #seriesRecordOpen = false
  readonly #record = new RecordWriter()
  readonly #scratch = new SampleBuffer()
  readonly #open = new Uint8Array(headLayout.chunkBlockSizeMax)
  readonly #openWords = new Uint32Array(this.#open.buffer)

  constructor(key: GenerationKey, seed: HashSeed, nowMs: number) {
    this.key = key
    this.windowKey = windowKeyOf(key)
    this.#seed = seed
    this.memory = new HeadMemory(key.windowStartMs, seed)
    this.createdMs = nowMs
    this.lastWriteMs = nowMs
    this.reader = new GenerationReader({
      key,
      view: this.memory.view,
      tenants: this.tenants,
      labelNames: this.labelNames,
      seed,
      sideOf: (ref) => this.sides.get(ref),
    })
  }

  /** Bytes of the linear memory in use, and an estimate of what lies beside it. */
  memoryBytes(): number {
    return this.memory.view.usedBytes + this.sideBytes
  }

  /** Facts for cutting and statistics. */
  stats(): WindowStats {
    const { view } = this.memory
    const { windowStartMs, isOutOfOrder } = this.key
    const hasFloats = view.sampleCount > 0
    return {
      windowKey: this.windowKey,
      windowStartMs,
      isOutOfOrder,
      isSealed: this.sealed,
      seriesCount: view.seriesCount,
      sampleCount: view.sampleCount + this.sideFloatCount,
      memoryBytes: this.memoryBytes(),
      minTimeMs: Math.min(
        this.sideMinMs,
        hasFloats ? windowStartMs + view.minOffsetMs : Number.POSITIVE_INFINITY,
      ),
      maxTimeMs: Math.max(
        this.sideMaxMs,
        hasFloats ? windowStartMs + view.maxOffsetMs : Number.NEGATIVE_INFINITY,
      ),
      createdMs: this.createdMs,
      lastWriteMs: this.lastWriteMs,
    }
  }

  /** The id of a tenant; a new one is logged. */
  tenantId(tenant: string, sink: RecordSink | undefined): number {
    const known = this.#tenantIds.get(tenant)
    if (known !== undefined) return known
    const id = this.tenants.length
    this.tenants.push(tenant)
    this.seriesCounts.push(0)
    this.#tenantIds.set(tenant, id)
    if (sink !== undefined) {
      this.#record.begin(recordType.tenant)
      this.#record.uvarint(id)
      this.#record.string(tenant)
      sink.push(this.#record.finish(), this.windowKey)
    }
    return id
  }

  /** The ref of the series with these labels; created when it is not here. */
  findOrCreate(tenantId: number, labels: Labels, sink: RecordSink | undefined): number {
    let sizeMax = 0
    for (const { name, value } of labels) sizeMax += 3 * (name.length + value.length)
    const stage = this.memory.labelStage(labels.length, sizeMax)
    const { words, bytes } = this.memory.view
    const text = this.reader.textOf()
    words[stage.at >>> 2] = tenantId
    words[(stage.at >>> 2) + 1] = labels.length
    let next = stage.strings
    let label = (stage.at >>> 2) + 4
    for (let i = 0; i < labels.length; i++, label += 12) {
      const sent = labels[i]!
      const { name, value } = sent
      if (sent instanceof CachedLabel && this.#knows(sent, tenantId)) {
        words[label + 4] = sent.pair
        words[label + 6] = refMissing
        continue
      }
      const middle = next + text.write(name, next)
      const end = middle + text.write(value, middle)
      hashPair(this.#seed, bytes, next, middle, end, words, label)
      words[label + 4] = this.#nameId(name)
      words[label + 5] = next
      words[label + 6] = middle - next
      words[label + 7] = middle
      words[label + 8] = end - middle
      next = end
    }
    const ref = this.#createStaged(tenantId, labels.length, next - stage.strings, sink)
    if (next > stage.strings) this.#teach(labels, tenantId, ref)
    return ref
  }

  #knows(label: CachedLabel, tenantId: number): boolean {
    return label.generationId === this.id && label.tenantId === tenantId
  }

  #teach(labels: Labels, tenantId: number, ref: number): void {
    const pairs = this.memory.view.pairsOf(ref)
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!
      if (!(label instanceof CachedLabel)) continue
      label.generationId = this.id
      label.tenantId = tenantId
      label.pair = pairs[i]!
    }
  }

  /** Takes over series `fromRef` of another generation: pairs that came over before by id, others copied as bytes. */
  adopt(from: Generation, fromRef: number, sink: RecordSink | undefined): number {
    const source = from.memory.view
    const pairs = source.pairsOf(fromRef)
    const tenantId = this.tenantId(from.tenants[source.tenantOf(fromRef)]!, sink)
    const adopted = this.#adoptedPairsOf(from)
    let size = 0
    for (const pair of pairs) {
      if (adopted[pair] !== 0) continue
      size += source.words[(source.pairOf(pair) >>> 2) + 7]!
      size += 3 * from.labelNames[source.nameIdOf(pair)]!.length
    }
    const stage = this.memory.labelStage(pairs.length, size)
    const { words } = this.memory.view
    words[stage.at >>> 2] = tenantId
    words[(stage.at >>> 2) + 1] = pairs.length
    let next = stage.strings
    let label = (stage.at >>> 2) + 4
    for (let i = 0; i < pairs.length; i++, label += 12) {
      const id = adopted[pairs[i]!]!
      if (id === 0) next = this.#stageCopy(from, pairs[i]!, label, next)
      else {
        words[label + 4] = id - 1
        words[label + 6] = refMissing
      }
    }
    const ref = this.#createStaged(tenantId, pairs.length, next - stage.strings, sink)
    if (next > stage.strings) {
      const own = this.memory.view.pairsOf(ref)
      for (let i = 0; i < pairs.length; i++) adopted[pairs[i]!] = own[i]! + 1
    }
    return ref
  }

  #stageCopy(from: Generation, pair: number, label: number, start: number): number {
    const { words, bytes } = this.memory.view
    const source = from.memory.view
    const at = source.pairOf(pair) >>> 2
    for (let i = 0; i < 4; i++) words[label + i] = source.words[at + i]!
    const name = from.labelNames[source.words[at + 5]!]!
    const value = source.valueOf(pair)
    const middle = start + this.reader.textOf().write(name, start)
    bytes.set(value, middle)
    words[label + 4] = this.#nameId(name)
    words[label + 5] = start
    words[label + 6] = middle - start
    words[label + 7] = middle
    words[label + 8] = value.length
    return middle + value.length
  }

  // By pair id of the other generation: our pair id + 1.
  #adoptedPairsOf(from: Generation): Uint32Array {
    const { pairCount } = from.memory.view
    const known = this.#adoptedPairs.get(from)
    if (known !== undefined && known.length >= pairCount) return known
    const adopted = new Uint32Array(2 * pairCount)
    if (known !== undefined) adopted.set(known)
    this.#adoptedPairs.set(from, adopted)
    return adopted
  }

  /** Logs the series created since the last call. Before any record that names them. */
  flushSeries(sink: RecordSink): void {
    if (!this.#seriesRecordOpen) return
    this.#seriesRecordOpen = false
    sink.push(this.#seriesRecord.finish(), this.windowKey)
  }

  /** Time of the newest sample of a series here, -Infinity where it has none. */
  newestMs(ref: number): number {
    const { words, bytes } = this.memory.view
    const state = this.memory.view.stateOf(ref)
    if (bytes[state + 35] === sampleKind.none) return Number.NEGATIVE_INFINITY
    return this.key.windowStartMs + words[(state >>> 2) + 4]!
  }

  /** Stores a histogram of this window, in its place; the caller leaves its bytes alone. */
  storeHistogram(ref: number, sent: StartedHistogram): OutOfOrderOutcome {
    const { timeMs, sample, bytes } = sent
    const newestMs = this.newestMs(ref)
    const continues = this.#kindOf(ref) === sampleKind.histogram
    if (timeMs > newestMs) {
      this.memory.closeFloatChunk(ref)
      const windowEndMs = this.key.windowStartMs + windowMs
      appendHistogram(this.sideOf(ref), sent, { continues, windowEndMs })
      this.#setNewest(ref, timeMs, sampleKind.histogram)
      this.sideBytes += bytes.length >>> 1
      return 'stored'
    }
    const side = this.sides.get(ref)
    if (timeMs === newestMs) {
      const last = continues ? side?.histogram?.lastBytes : undefined
      return last !== undefined && Buffer.compare(last, bytes) === 0 ? 'unchanged' : 'duplicate'
    }
    if (this.#holdsHistogram(ref, timeMs, toFloatHistogram(sample))) return 'unchanged'
    if (this.#takenBy(ref, timeMs, 0, 0) !== undefined) return 'duplicate'
    addLateHistogram(this.sideOf(ref), sent)
    this.sideMinMs = Math.min(this.sideMinMs, timeMs)
    this.sideBytes += bytes.length
    return 'stored'
  }

  /** Stores a float sample of this window that has a start timestamp, or whose neighbours have, in its place. */
  storeStarted(ref: number, sample: StartedSample): OutOfOrderOutcome {
    const { timeMs, low, high } = sample
    const newestMs = this.newestMs(ref)
    if (timeMs < newestMs) return this.insertOutOfOrder(ref, sample)
    const kind = this.#kindOf(ref)
    const { view } = this.memory
    const state = view.stateOf(ref) >>> 2
    if (timeMs === newestMs) {
      const isFloat = kind !== sampleKind.histogram
      const isSame = view.words[state] === low && view.words[state + 1] === high
      return isFloat && isSame ? 'unchanged' : 'duplicate'
    }
    this.memory.closeFloatChunk(ref)
    const windowEndMs = this.key.windowStartMs + windowMs
    const continues = kind === sampleKind.startedFloat
    const side = this.sideOf(ref)
    this.sideBytes += side.floats === undefined ? 1024 : 16
    appendStarted(side, sample, { continues, windowEndMs })
    view.words[state] = low
    view.words[state + 1] = high
    this.#setNewest(ref, timeMs, sampleKind.startedFloat)
    this.sideFloatCount += 1
    return 'stored'
  }

  #kindOf(ref: number): number {
    const { view } = this.memory
    return view.bytes[view.stateOf(ref) + 35]!
  }

  #setNewest(ref: number, timeMs: number, kind: number): void {
    const { view } = this.memory
    const state = view.stateOf(ref)
    view.words[(state >>> 2) + 4] = timeMs - this.key.windowStartMs
    view.bytes[state + 35] = kind
    this.sideMinMs = Math.min(this.sideMinMs, timeMs)
    this.sideMaxMs = Math.max(this.sideMaxMs, timeMs)
  }

  /** The side of a series, made on first use. */
  sideOf(ref: number): SideSeries {
    let side = this.sides.get(ref)
    if (side === undefined) {
      side = { chunks: [], outOfOrder: undefined, histogram: undefined, floats: undefined }
      this.sides.set(ref, side)
      this.sideBytes += 256
    }
    return side
  }

  /** Stores a float sample older than the newest of its series, unless the time is taken. */
  insertOutOfOrder(ref: number, sample: StartedSample): OutOfOrderOutcome {
    const { timeMs, low, high } = sample
    const taken = this.#takenBy(ref, timeMs, low, high)
    if (taken !== undefined) return taken
    const side = this.sideOf(ref)
    let samples = side.outOfOrder
    if (samples !== undefined && samples.count === OutOfOrderSamples.countMax) {
      side.chunks.push(samples.toChunk())
      this.sideBytes += side.chunks.at(-1)!.bytes.length
      samples = undefined
    }
    if (samples === undefined) {
      samples = new OutOfOrderSamples()
      this.sideBytes += side.outOfOrder === undefined ? 2200 : 0
      side.outOfOrder = samples
    }
    samples.insert(-samples.find(timeMs) - 1, sample)
    this.sideMinMs = Math.min(this.sideMinMs, timeMs)
    this.sideMaxMs = Math.max(this.sideMaxMs, timeMs)
    this.sideFloatCount += 1
    return 'stored'
  }

  /** Rebuilds a series record; `numbering` translates the ids of a generation that merges into this one. */
  replaySeries(reader: RecordReader, numbering: Numbering | undefined): void {
    const first = reader.uvarint()
    const next = numbering?.refs.length ?? this.memory.view.seriesCount
    if (first !== next) throw reader.fault(`series to start at ref ${next}, not ${first}`)
    while (!reader.atEnd) {
      const ref = this.#replayOne(reader, numbering)
      numbering?.refs.push(ref)
    }
  }

  #replayOne(reader: RecordReader, numbering: Numbering | undefined): number {
    const sentTenant = reader.uvarint()
    const tenantId = numbering === undefined ? sentTenant : numbering.tenants[sentTenant]
    if (tenantId === undefined || tenantId >= this.tenants.length)
      throw reader.fault('a tenant that was named before')
    const { view } = this.memory
    const count = reader.uvarint()
    const labels: (number | readonly [Uint8Array, Uint8Array])[] = []
    let size = 0
    for (let i = 0; i < count; i++) {
      const known = reader.uvarint()
      if (known === 0) {
        const [name, value] = [reader.block(), reader.block()]
        size += name.length + value.length
        labels.push([name, value])
        continue
      }
      const pair = numbering === undefined ? known - 1 : numbering.pairs[known - 1]
      if (pair === undefined || pair >= view.pairCount)
        throw reader.fault('a label pair that was named before')
      labels.push(pair)
    }
    const stage = this.memory.labelStage(count, size)
    view.words[stage.at >>> 2] = tenantId
    view.words[(stage.at >>> 2) + 1] = count
    let next = stage.strings
    for (let i = 0; i < count; i++)
      next = this.#stageReplayed(labels[i]!, (stage.at >>> 2) + 4 + 12 * i, next)
    const ref = this.#createStaged(tenantId, count, size, undefined)
    if (numbering !== undefined) {
      const pairs = view.pairsOf(ref)
      labels.forEach((label, i) => {
        if (typeof label !== 'number') numbering.pairs.push(pairs[i]!)
      })
    }
    return ref
  }

  #stageReplayed(
    replayed: number | readonly [Uint8Array, Uint8Array],
    label: number,
    start: number,
  ): number {
    const { words, bytes } = this.memory.view
    if (typeof replayed === 'number') {
      words[label + 4] = replayed
      words[label + 6] = refMissing
      return start
    }
    const [name, value] = replayed
    const middle = start + name.length
    bytes.set(name, start)
    bytes.set(value, middle)
    hashPair(this.#seed, bytes, start, middle, middle + value.length, words, label)
    words[label + 4] = this.#nameId(Buffer.from(name).toString('utf8'))
    words[label + 5] = start
    words[label + 6] = name.length
    words[label + 7] = middle
    words[label + 8] = value.length
    return middle + value.length
  }

  #createStaged(
    tenantId: number,
    labelCount: number,
    sizeBytes: number,
    sink: RecordSink | undefined,
  ): number {
    const { ref, record } = this.memory.createSeries(labelCount, sizeBytes)
    if (record === undefined) return ref
    this.seriesCounts[tenantId]! += 1
    if (sink !== undefined) this.#logSeries(ref, record, sink)
    return ref
  }

  /**
   * Finds or creates the series `indexes` of a body, which are plain, and remembers what they were sent as; their refs,
   * `refMissing` where the general way has to be taken.
   */
  createPlain(
    body: DecodedBody,
    indexes: Uint32Array,
    tenantId: number,
    sink: RecordSink,
  ): Uint32Array {
    const refs = new Uint32Array(indexes.length)
    for (let from = 0; from < indexes.length; ) {
      const next = this.memory.view.seriesCount
      const made = this.memory.createPlain(body, indexes, from, tenantId)
      refs.set(made.refs, from)
      this.seriesCounts[tenantId]! += made.createdCount
      if (made.createdCount > 0) this.#logSeries(next, made.record, sink)
      if (made.isFull) throw memoryFull()
      from += made.count
    }
    return refs
  }

  #logSeries(ref: number, record: Uint8Array, sink: RecordSink): void {
    const writer = this.#seriesRecord
    if (!this.#seriesRecordOpen) {
      writer.begin(recordType.series)
      writer.uvarint(ref)
      this.#seriesRecordOpen = true
    }
    writer.raw(record)
    if (writer.sizeBytes > seriesRecordSizeMax) this.flushSeries(sink)
  }

  #nameId(name: string): number {
    const known = this.#nameIds.get(name)
    if (known !== undefined) return known
    const id = this.labelNames.length
    this.labelNames.push(name)
    this.#nameIds.set(name, id)
    this.memory.addName(name, id)
    return id
  }

  // Whether the time is taken, in a closed chunk, the open one, or among what came late.
  #takenBy(ref: number, timeMs: number, low: number, high: number): OutOfOrderOutcome | undefined {
    const { view } = this.memory
    const { words, bytes } = view
    const offset = timeMs - this.key.windowStartMs
    const state = view.stateOf(ref) >>> 2
    if (words[state + 6] !== 0 && offset >= words[state + 10]!) {
      const size = copyOpenChunk(view, ref, this.#openWords, this.#open, 0)
      const found = this.#inChunk(this.#open, 0, size, timeMs, low, high)
      if (found !== undefined) return found
    }
    for (let chunk = words[state + 12]!; chunk !== 0; chunk = words[chunk >>> 2]!) {
      const at = chunk >>> 2
      if (offset < words[at + 1]! || offset > words[at + 2]!) continue
      const data = chunk + headLayout.chunkHeadSize
      const found = this.#inChunk(bytes, data, words[at + 3]! & 0xffff, timeMs, low, high)
      if (found !== undefined) return found
    }
    const side = this.sides.get(ref)
    if (side === undefined) return undefined
    const late = side.outOfOrder
    const index = late === undefined ? -1 : late.find(timeMs)
    if (late !== undefined && index >= 0)
      return late.words[2 * index] === low && late.words[2 * index + 1] === high
        ? 'unchanged'
        : 'duplicate'
    const chunks = sideChunksOf({ ...side, outOfOrder: undefined })
    for (const chunk of chunks) {
      if (timeMs < chunk.minTimeMs || timeMs > chunk.maxTimeMs) continue
      const found = this.#inChunk(
        chunk.bytes,
        0,
        chunk.bytes.length,
        timeMs,
        low,
        high,
        chunk.encoding,
      )
      if (found !== undefined) return found
    }
    return undefined
  }

  #holdsHistogram(ref: number, timeMs: number, histogram: FloatHistogram): boolean {
    const side = this.sides.get(ref)
    if (side === undefined) return false
    const buffer = this.#scratch
    for (const { encoding, bytes, minTimeMs, maxTimeMs } of sideChunksOf(side)) {
      if (timeMs < minTimeMs || timeMs > maxTimeMs || !isHistogramEncoding(encoding)) continue
      buffer.clear()
      decodeChunk(encoding, bytes, 0, bytes.length, buffer)
      const index = buffer.timestampsMs.subarray(0, buffer.count).indexOf(timeMs)
      const stored = buffer.histograms?.[index]
      if (stored !== undefined && sameHistogram(stored, histogram)) return true
    }
    return false
  }

  #inChunk(
    bytes: Uint8Array,
    start: number,
    size: number,
    timeMs: number,
    low: number,
    high: number,
    encoding: number = chunkEncoding.xor,
  ): OutOfOrderOutcome | undefined {
    const buffer = this.#scratch
    buffer.clear()
    decodeChunk(encoding, bytes, start, size, buffer)
    const { timestampsMs, words, count } = buffer
    for (let i = 0; i < count; i++) {
      if (timestampsMs[i] !== timeMs) continue
      const isFloat = !isHistogramEncoding(encoding)
      return isFloat && words[2 * i] === low && words[2 * i + 1] === high
        ? 'unchanged'
        : 'duplicate'
    }
    return undefined
  }
}
