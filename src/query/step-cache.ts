// Step cache: the answers of range queries, kept by step, so that a dashboard which asks the same range a little later
// gets the steps it has and computes the rest. Pure but for the store itself; who asks the engine: evaluate-range.ts.
// Units: Unix milliseconds; sizes in bytes.
// Invariants: a step is served only while no sample that it looks at was written or removed since it was computed (the
// sources tell, see Changes); answers with histograms, warnings or infos are not kept; entries of other tenants, scopes,
// memberships, expressions, steps, phases (start modulo step) and lookbacks are others.

import { LRUCache } from 'lru-cache'
import { compareLabels, type Labels } from '../model/index.ts'
import type { StepReach } from '../promql/index.ts'

/** Rows of floats, sorted by labels; each has a sample at least. */
export interface StepRows {
  readonly labels: readonly Labels[]
  /** [rowCount + 1] where each row's samples start. */
  readonly starts: Uint32Array
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** What changed in the sources. */
export interface Changes {
  /** One mark per source, to be given back the next time. */
  readonly marks: readonly number[]
  /** The oldest time of which samples came or went since; −Infinity where it may be any, Infinity where none did. */
  readonly oldestMs: number
}

/** Asks the sources what changed since they gave `marks`; undefined = since ever. */
export type AskChanges = (
  tenants: readonly string[],
  marks: readonly number[] | undefined,
) => Promise<Changes>

/** Steps of one answer: fromMs, fromMs + stepMs, … toMs. */
export interface CachedSteps {
  readonly fromMs: number
  readonly toMs: number
  /** What a reader asks at a time: as much is kept. */
  readonly spanMs: number
  readonly rows: StepRows
  /** Where the sources were when the newest of these steps were computed. */
  readonly marks: readonly number[]
}

/** The steps a range query asks for. */
export interface StepRange {
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
}

/** Answers by key, the least recently used go first. */
export class StepCache {
  readonly #entries: LRUCache<string, CachedSteps>

  constructor(sizeBytesMax: number) {
    this.#entries = new LRUCache({
      maxSize: sizeBytesMax,
      maxEntrySize: Math.ceil(sizeBytesMax / 4),
      sizeCalculation: (entry, key) => 2 * key.length + entrySizeBytes(entry),
    })
  }

  /** Bytes held. */
  get sizeBytes(): number {
    return this.#entries.calculatedSize
  }

  /** The steps known under a key. */
  get(key: string): CachedSteps | undefined {
    return this.#entries.get(key)
  }

  /** Keeps steps; what is larger than a quarter of the cache is not kept. */
  set(key: string, entry: CachedSteps): void {
    this.#entries.set(key, entry)
  }
}

/** The last of the cached steps that still hold for `range`, all before it included; undefined where none is of use. */
export function lastUsable(
  { fromMs, toMs }: CachedSteps,
  { startMs, endMs, stepMs }: StepRange,
  reach: StepReach,
  oldestChangedMs: number,
): number | undefined {
  if (startMs < fromMs || reach.fixedMs >= oldestChangedMs) return undefined
  let lastMs = Math.min(toMs, endMs)
  // A step holds as long as all it looks at is older than what changed.
  if (lastMs + reach.aheadMs >= oldestChangedMs) {
    const before = Math.ceil((oldestChangedMs - reach.aheadMs - startMs) / stepMs) - 1
    lastMs = Math.min(lastMs, startMs + before * stepMs)
  }
  return lastMs >= startMs ? startMs + Math.floor((lastMs - startMs) / stepMs) * stepMs : undefined
}

/** The samples at [fromMs, toMs], both inclusive; rows without any are left out. */
export function sliceSteps(rows: StepRows, fromMs: number, toMs: number): StepRows {
  const builder = new StepRowsBuilder(rows.values.length)
  for (let row = 0; row < rows.labels.length; row++) {
    builder.begin(rows.labels[row]!)
    addBetween(builder, rows, row, fromMs, toMs)
  }
  return builder.finish()
}

/** The rows of both, `later` after `earlier` in time; equal labels are one row. */
export function joinSteps(earlier: StepRows, later: StepRows): StepRows {
  const builder = new StepRowsBuilder(earlier.values.length + later.values.length)
  let a = 0
  let b = 0
  while (a < earlier.labels.length || b < later.labels.length) {
    const order =
      a === earlier.labels.length
        ? 1
        : b === later.labels.length
          ? -1
          : compareLabels(earlier.labels[a]!, later.labels[b]!)
    builder.begin(order <= 0 ? earlier.labels[a]! : later.labels[b]!)
    if (order <= 0) builder.add(earlier, earlier.starts[a]!, earlier.starts[++a]!)
    if (order >= 0) builder.add(later, later.starts[b]!, later.starts[++b]!)
  }
  return builder.finish()
}

function addBetween(
  builder: StepRowsBuilder,
  rows: StepRows,
  row: number,
  fromMs: number,
  toMs: number,
): void {
  const { starts, timestampsMs } = rows
  let from = starts[row]!
  let to = starts[row + 1]!
  while (from < to && timestampsMs[from]! < fromMs) from++
  while (to > from && timestampsMs[to - 1]! > toMs) to--
  builder.add(rows, from, to)
}

class StepRowsBuilder {
  readonly #labels: Labels[] = []
  readonly #starts: number[] = []
  readonly #timestampsMs: Float64Array
  readonly #values: Float64Array
  #count = 0

  constructor(sampleCountMax: number) {
    this.#timestampsMs = new Float64Array(sampleCountMax)
    this.#values = new Float64Array(sampleCountMax)
  }

  begin(labels: Labels): void {
    this.#dropEmpty()
    this.#labels.push(labels)
    this.#starts.push(this.#count)
  }

  add({ timestampsMs, values }: StepRows, from: number, to: number): void {
    this.#timestampsMs.set(timestampsMs.subarray(from, to), this.#count)
    this.#values.set(values.subarray(from, to), this.#count)
    this.#count += to - from
  }

  finish(): StepRows {
    this.#dropEmpty()
    const count = this.#count
    return {
      labels: this.#labels,
      starts: Uint32Array.from([...this.#starts, count]),
      timestampsMs: this.#timestampsMs.slice(0, count),
      values: this.#values.slice(0, count),
    }
  }

  #dropEmpty(): void {
    if (this.#starts.length === 0 || this.#starts.at(-1)! < this.#count) return
    this.#starts.pop()
    this.#labels.pop()
  }
}

const labelSizeBytes = 80

function entrySizeBytes({ rows }: CachedSteps): number {
  let size = 200 + 16 * rows.values.length + 4 * rows.starts.length
  for (const labels of rows.labels) {
    size += labelSizeBytes
    for (const { name, value } of labels) size += labelSizeBytes + name.length + value.length
  }
  return size
}
