// Virtual labels in expressions: a selector's series are those of clusters that are members at its reference time, for
// the whole window that it looks at there. Sources are asked for every cluster that is a member at any step; here what a
// step must not see is taken out of what was computed for it.
// Works on whatever a selector or a range function over one yields, as long as its rows keep the cluster label.

import {
  clusterLabel,
  formatMatcher,
  holdsAt,
  holdsThroughout,
  type Intervals,
  intervalsWithin,
  type Matcher,
  type MembershipMatcher,
} from '../../model/index.ts'
import {
  type ClusterMask,
  clusterMask,
  maskIntervals,
  sourceMatchers,
} from '../../storage/index.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { cellAbsent } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { pairWithName, type SeriesTable } from './series-table.ts'
import { referenceMs, type SelectionTimes, stepTimeMs } from './vector-selector.ts'

/** The conditions of a selector on virtual labels, and when it looks. */
export interface MemberConditions {
  readonly membership: readonly MembershipMatcher[]
  readonly times: SelectionTimes
  readonly position: number
}

/** Membership of the clusters of one selector at the steps of a grid. */
export class Members {
  /** What sources are asked beside the selector's own matchers; undefined = no cluster is ever a member. */
  readonly sourceMatchers: readonly Matcher[] | undefined
  /** For EXPLAIN. */
  readonly line: string
  readonly #mask: ClusterMask
  readonly #grid: StepGrid
  readonly #times: SelectionTimes
  readonly #range: { readonly minTimeMs: number; readonly maxTimeMs: number }

  private constructor(mask: ClusterMask, grid: StepGrid, conditions: MemberConditions) {
    const { times, membership } = conditions
    this.#mask = mask
    this.#grid = grid
    this.#times = times
    this.#range = rangeOf(grid, times)
    this.sourceMatchers = sourceMatchers(mask, this.#range)
    this.line = `members by ${membership.map(formatMatcher).join()}: ${this.#describe()}`
  }

  /** Reads the history; undefined where there are no conditions. Throws UserError limit_exceeded, forbidden. */
  static of(
    conditions: MemberConditions,
    grid: StepGrid,
    context: QueryContext,
  ): Members | undefined {
    const { membership, times, position } = conditions
    if (membership.length === 0) return undefined
    const parts = { history: context.membership, compileMatcher: context.compileMatcher }
    const { mask, warnings } = clusterMask(membership, rangeOf(grid, times), parts)
    for (const warning of warnings) context.annotations.add('warning', warning, position)
    return new Members(mask, grid, conditions)
  }

  /** Whether series that no condition speaks of (those without a cluster too) pass. */
  get passesOthers(): boolean {
    return this.#mask.others
  }

  /** Which steps each row of a table passes. */
  rows(table: SeriesTable): MemberRows {
    const nameId = table.dictionary.nameIdOf(clusterLabel)
    const known = new Map<number, Intervals>()
    const intervalsOf = (row: number): Intervals => {
      const pair = pairWithName(table, row, nameId)
      let intervals = known.get(pair)
      if (intervals === undefined) {
        intervals = maskIntervals(this.#mask, pair < 0 ? '' : table.dictionary.value(pair))
        known.set(pair, intervals)
      }
      return intervals
    }
    const referencesMs = Float64Array.from({ length: this.#grid.count }, (_, step) =>
      referenceMs(this.#times, stepTimeMs(this.#grid, step)),
    )
    return {
      at: (row, step) => holdsAt(intervalsOf(row), referencesMs[step]!),
      clear: (row, present, offset) => {
        const intervals = intervalsOf(row)
        if (holdsThroughout(intervals, this.#range)) return
        clearOutside(intervals, referencesMs, present, offset)
      },
    }
  }

  // Changes are those within the range; the clusters are those that sources are asked for, or not to send.
  #describe(): string {
    const { byCluster, others } = this.#mask
    let clusterCount = 0
    let changeCount = 0
    for (const intervals of byCluster.values()) {
      const within = intervalsWithin(intervals, this.#range)
      if (within.length > 0 !== others) clusterCount++
      for (const boundMs of within) {
        if (boundMs > this.#range.minTimeMs && boundMs <= this.#range.maxTimeMs) changeCount++
      }
    }
    return `${others ? 'all but ' : ''}${clusterCount} clusters, ${changeCount} changes`
  }
}

/** Asks about rows of one table. */
export interface MemberRows {
  /** Whether a row passes at a step. */
  at(row: number, step: number): boolean
  /** Takes out the cells of a row, from `offset` on, where it does not pass. */
  clear(row: number, present: Uint8Array, offset: number): void
}

function clearOutside(
  intervals: Intervals,
  referencesMs: Float64Array,
  present: Uint8Array,
  offset: number,
): void {
  // An odd count of bounds at or before a time: it is inside of an interval.
  let passed = 0
  for (let step = 0; step < referencesMs.length; step++) {
    while (passed < intervals.length && intervals[passed]! <= referencesMs[step]!) passed++
    if ((passed & 1) === 0) present[offset + step] = cellAbsent
  }
}

/** Takes out what steps must not see. */
export class MemberOperator implements Operator {
  readonly grid: StepGrid
  readonly #inner: Operator
  readonly #members: Members
  #rows: MemberRows | undefined

  constructor(inner: Operator, members: Members) {
    this.grid = inner.grid
    this.#inner = inner
    this.#members = members
  }

  async series(): Promise<SeriesTable> {
    const table = await this.#inner.series()
    this.#rows ??= this.#members.rows(table)
    return table
  }

  async next(batch: StepBatch): Promise<number> {
    await this.series()
    const count = await this.#inner.next(batch)
    const rows = this.#rows!
    const { stepCount, present, rowFrom } = batch
    for (let i = 0; i < count; i++) rows.clear(rowFrom + i, present, i * stepCount)
    return count
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#members.line, inputs: [this.#inner] }
  }
}

/** `operator`, masked where its selector has conditions on virtual labels. */
export function masked(operator: Operator, members: Members | undefined): Operator {
  return members === undefined ? operator : new MemberOperator(operator, members)
}

function rangeOf(
  grid: StepGrid,
  times: SelectionTimes,
): { readonly minTimeMs: number; readonly maxTimeMs: number } {
  return {
    minTimeMs: referenceMs(times, grid.startMs),
    maxTimeMs: referenceMs(times, stepTimeMs(grid, grid.count - 1)),
  }
}
