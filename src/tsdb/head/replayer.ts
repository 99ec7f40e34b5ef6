// Replayer: log records back into generations, exemplars and metadata; the inverse of what the head pushes.
// A generation that was sealed but not yet in blocks, and the one that came after it for the same window, become one:
// the ids in the records of the second are translated until a record says that the merged ids are used from there on.

import { io, prometheus } from '../../encoding/index.ts'
import { UserError } from '../../model/index.ts'
import type { AppendRequest } from '../../storage/index.ts'
import type { Exemplars } from './exemplars.ts'
import { decodeMetadata, type FamilyMetadataStore } from './family-metadata.ts'
import type { Generation, Numbering } from './generation.ts'
import type { Generations } from './generations.ts'
import { histogramOf } from './histogram-input.ts'
import { generationOfKey, RecordReader, recordType } from './record.ts'
import type { StartedSample } from './started-floats.ts'

/** A body that was logged as it came. */
export interface ReplayedBody {
  readonly request: AppendRequest
  readonly receivedMs: number
}

const unbounded = { floorMs: Number.NEGATIVE_INFINITY, ceilingMs: Number.POSITIVE_INFINITY }

/** Applies records in the order of the log. */
export class Replayer {
  readonly #generations: Generations
  readonly #exemplars: Exemplars
  readonly #metadata: FamilyMetadataStore
  /** Body records found in the log, and those logged since it was opened: a record in the log speaks of the former only. */
  #found: Uint8Array[] = []
  #added: Uint8Array[] = []
  readonly #startTimestamps: boolean
  readonly #numberings = new Map<Generation, Numbering>()
  #refs = new Uint32Array(4096)
  #starts = new Uint32Array(4097)
  #times = new Float64Array(4096)
  #words = new Uint32Array(8192)

  /** Start timestamps in the log are dropped unless they are kept still. */
  constructor(options: {
    readonly generations: Generations
    readonly exemplars: Exemplars
    readonly metadata: FamilyMetadataStore
    readonly startTimestamps: boolean
  }) {
    this.#generations = options.generations
    this.#exemplars = options.exemplars
    this.#metadata = options.metadata
    this.#startTimestamps = options.startTimestamps
  }

  /** Applies one record. Throws CorruptionError when it makes no sense where it stands. */
  replay(record: Uint8Array, windowKey: number, nowMs: number): void {
    const reader = new RecordReader(record)
    const type = reader.byte()
    if (type === recordType.body) this.#found.push(record.slice())
    else if (type === recordType.bodiesApplied) this.#found = []
    else if (type === recordType.exemplar) this.#exemplar(reader)
    else if (type === recordType.metadata)
      this.#metadata.set(reader.string(), decodeMetadata(reader.block()))
    else this.#inGeneration(type, reader, windowKey, nowMs)
  }

  /** Keeps the record of a body that came during the replay until it has ended. */
  addBody(record: Uint8Array): void {
    this.#added.push(record.slice())
  }

  /** The records of bodies not yet stored. */
  bodyRecords(): Uint8Array[] {
    return [...this.#found, ...this.#added]
  }

  /** Hands over the bodies not yet stored. */
  takeBodies(): ReplayedBody[] {
    const bodies = this.bodyRecords().map(decodeBody)
    this.#found = []
    this.#added = []
    return bodies
  }

  /** Ends the translation of ids: the windows whose records must say so before anything else is logged for them. */
  takeMerged(): number[] {
    const windowKeys = [...this.#numberings.keys()].map(({ windowKey }) => windowKey)
    this.#numberings.clear()
    return windowKeys
  }

  #inGeneration(type: number, reader: RecordReader, windowKey: number, nowMs: number): void {
    const generation = this.#generations.forRecord(generationOfKey(windowKey), nowMs)
    const numbering = this.#numberings.get(generation)
    if (type === recordType.generationStart) this.#start(generation)
    else if (type === recordType.numberingMerged) this.#numberings.delete(generation)
    else if (type === recordType.tenant) this.#tenant(reader, generation, numbering)
    else if (type === recordType.series) generation.replaySeries(reader, numbering)
    else if (type === recordType.samples) this.#samples(reader, generation, numbering)
    else if (type === recordType.outOfOrder || type === recordType.startedSamples) {
      const isStarted = type === recordType.startedSamples
      while (!reader.atEnd) {
        const ref = checkedRef(reader, reader.uvarint(), generation, numbering)
        const timeMs = generation.key.windowStartMs + reader.uvarint()
        const startMs = isStarted ? reader.varint() : 0
        const sample = { timeMs, startMs, low: reader.word(), high: reader.word() }
        if (isStarted && this.#startTimestamps) generation.storeStarted(ref, sample)
        else this.#storePlain(generation, ref, { ...sample, startMs: 0 })
      }
    } else if (type === recordType.histogram) this.#histogram(reader, generation, numbering)
    else throw reader.fault(`a known record type, not ${type}`)
  }

  #start(generation: Generation): void {
    if (generation.tenants.length === 0) return
    this.#numberings.set(generation, { tenants: [], pairs: [], refs: [] })
  }

  #tenant(reader: RecordReader, generation: Generation, numbering: Numbering | undefined): void {
    const id = reader.uvarint()
    const own = generation.tenantId(reader.string(), undefined)
    if (id !== (numbering?.tenants.length ?? own)) throw reader.fault(`tenant ${id} to be new`)
    numbering?.tenants.push(own)
  }

  #storePlain(generation: Generation, ref: number, sample: StartedSample): void {
    const { timeMs, low, high } = sample
    if (timeMs <= generation.newestMs(ref)) {
      generation.insertOutOfOrder(ref, sample)
      return
    }
    const columns = {
      seriesCount: 1,
      sampleCount: 1,
      sampleStarts: new Uint32Array([0, 1]),
      timestampsMs: new Float64Array([timeMs]),
      valueWords: new Uint32Array([low, high]),
    }
    generation.memory.append(columns, new Uint32Array([ref]), unbounded)
  }

  #samples(reader: RecordReader, generation: Generation, numbering: Numbering | undefined): void {
    const { windowStartMs } = generation.key
    let count = 0
    let ref = 0
    let offsetMs = 0
    while (!reader.atEnd) {
      if (count === this.#refs.length) this.#grow()
      ref += reader.varint()
      offsetMs += reader.varint()
      this.#refs[count] = checkedRef(reader, ref, generation, numbering)
      this.#starts[count] = count
      this.#times[count] = windowStartMs + offsetMs
      this.#words[2 * count] = reader.word()
      this.#words[2 * count + 1] = reader.word()
      count += 1
    }
    this.#starts[count] = count
    const columns = {
      seriesCount: count,
      sampleCount: count,
      sampleStarts: this.#starts,
      timestampsMs: this.#times,
      valueWords: this.#words,
    }
    const { exceptions } = generation.memory.append(columns, this.#refs, unbounded)
    // Only where generations merge: what came in order to each of them may be late in the whole.
    for (const sample of Uint32Array.from(exceptions.filter((_, i) => i % 3 === 0))) {
      const [low, high] = [this.#words[2 * sample]!, this.#words[2 * sample + 1]!]
      const timeMs = this.#times[sample]!
      generation.insertOutOfOrder(this.#refs[sample]!, { timeMs, low, high, startMs: 0 })
    }
  }

  #histogram(reader: RecordReader, generation: Generation, numbering: Numbering | undefined): void {
    const ref = checkedRef(reader, reader.uvarint(), generation, numbering)
    const timeMs = generation.key.windowStartMs + reader.uvarint()
    const bytes = reader.block().slice()
    const startMs = reader.atEnd ? 0 : reader.varint()
    const sample = histogramOf(io.prometheus.write.v2.Histogram.decode(bytes), bytes)
    if (typeof sample === 'string') throw reader.fault(`a valid histogram: ${sample}`)
    const kept = this.#startTimestamps ? startMs : 0
    generation.storeHistogram(ref, { timeMs, sample, bytes, startMs: kept })
  }

  #exemplar(reader: RecordReader): void {
    const tenant = reader.string()
    const series = prometheus.TimeSeries.decode(reader.block())
    const plain = (labels: readonly prometheus.ILabel[] | null | undefined) =>
      (labels ?? []).map(({ name, value }) => ({ name: name ?? '', value: value ?? '' }))
    for (const exemplar of series.exemplars ?? []) {
      this.#exemplars.add(tenant, {
        seriesLabels: plain(series.labels),
        labels: plain(exemplar.labels),
        value: exemplar.value ?? 0,
        timestampMs: Number(exemplar.timestamp ?? 0),
      })
    }
  }

  #grow(): void {
    const size = this.#refs.length * 2
    const copy = <T extends Uint32Array | Float64Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    this.#refs = copy(this.#refs, new Uint32Array(size))
    this.#starts = copy(this.#starts, new Uint32Array(size + 1))
    this.#times = copy(this.#times, new Float64Array(size))
    this.#words = copy(this.#words, new Uint32Array(2 * size))
  }
}

function checkedRef(
  reader: RecordReader,
  sent: number,
  generation: Generation,
  numbering: Numbering | undefined,
): number {
  const ref = numbering === undefined ? sent : numbering.refs[sent]
  if (ref !== undefined && ref >= 0 && ref < generation.memory.view.seriesCount) return ref
  throw reader.fault('a ref of a series that was created')
}

function decodeBody(record: Uint8Array): ReplayedBody {
  const reader = new RecordReader(record)
  reader.byte()
  const receivedMs = reader.uvarint()
  const format = reader.byte() === 1 ? 'remote-write-1' : 'remote-write-2'
  const compression = reader.byte() === 1 ? 'snappy' : 'none'
  const tenant = reader.string()
  const key = reader.string()
  const labels: unknown = JSON.parse(reader.string())
  if (typeof labels !== 'object' || labels === null)
    throw new UserError('internal', { what: 'a logged body has no identity labels' })
  const sender = { key, labels: labels as Readonly<Record<string, string>> }
  const request = { tenant, sender, format, compression, body: reader.block().slice() } as const
  return { request, receivedMs }
}
