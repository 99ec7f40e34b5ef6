// Change log: for each tenant, the oldest sample time written since any mark that was handed out, so that whoever keeps
// answers knows which of them still hold.
// Units: Unix milliseconds. Invariants: of a tenant's entries both marks and times strictly increase: an entry is gone
// once a later one is older in sample time, because whoever asks since before the one asks since before the other.
// Entries only grow in number when marks are handed out, and are bounded by joining the two oldest.

/** What was written since a mark. */
export interface Changes {
  /** To be given back the next time. */
  readonly mark: number
  /** The oldest sample time written since; Infinity where nothing was. */
  readonly oldestMs: number
}

interface Written {
  /** Writes before this mark was handed out. */
  readonly marks: number[]
  readonly oldestMs: number[]
}

const entriesMax = 64

/** The changes of one lane. */
export class ChangeLog {
  readonly #written = new Map<string, Written>()
  #mark = 1

  /** A body was stored whose oldest sample is of `minTimeMs`. */
  note(tenant: string, minTimeMs: number): void {
    if (minTimeMs === Number.POSITIVE_INFINITY) return
    let written = this.#written.get(tenant)
    if (written === undefined) {
      written = { marks: [], oldestMs: [] }
      this.#written.set(tenant, written)
    }
    const { marks, oldestMs } = written
    let timeMs = minTimeMs
    if (marks.at(-1) === this.#mark) timeMs = Math.min(timeMs, oldestMs.at(-1)!)
    while (marks.length > 0 && (oldestMs.at(-1)! >= timeMs || marks.at(-1) === this.#mark)) {
      marks.pop()
      oldestMs.pop()
    }
    marks.push(this.#mark)
    oldestMs.push(timeMs)
    if (marks.length <= entriesMax) return
    // The joined entry counts as written at the later mark and as old as the earlier one: never newer than the truth.
    marks.shift()
    oldestMs.splice(1, 1)
  }

  /** What tenants wrote since `since`; undefined = since ever. */
  since(tenants: readonly string[], since: number | undefined): Changes {
    let oldest = Number.POSITIVE_INFINITY
    for (const tenant of tenants) {
      const written = this.#written.get(tenant)
      if (written === undefined) continue
      const { marks, oldestMs } = written
      const first = since === undefined ? 0 : marks.findIndex((mark) => mark >= since)
      if (first >= 0 && first < marks.length) oldest = Math.min(oldest, oldestMs[first]!)
    }
    return { mark: ++this.#mark, oldestMs: oldest }
  }
}
