// Sample account: samples that a query holds, looks at and reads; per step of the query where that is asked.
// Looked at (totalQueryableSamples): what selections and windows held, each time they did. Inside of a subquery nothing
// counts but what the outer function looks at; what is evaluated once for all steps counts for each.
// Read: what came from storage, at the first step that needed it.
// Source: Prometheus util/stats/query_stats.go; compared with answers of Prometheus 3.14 to stats=all.

import { UserError } from '../../model/index.ts'
import type { StepGrid } from './operator.ts'

/** Figures by step of the query. */
export interface StepFigures {
  readonly queryable: Float64Array
  readonly read: Float64Array
}

// How a grid stands to the one around it: evaluated once for all its steps, or for a subquery.
interface Nesting {
  readonly outer: StepGrid
  readonly firstStepOf: ((step: number) => number) | undefined
}

/** Counts samples. */
export class SampleAccount {
  /** Samples held now. */
  live = 0
  peak = 0
  queryable = 0
  read = 0
  readonly perStep: StepFigures | undefined
  readonly #max: number
  readonly #option: string | undefined
  readonly #nestings = new Map<StepGrid, Nesting>()

  /** `stepCount` is set where figures by step are asked for. */
  constructor(
    options: { readonly maxSamples: number; readonly maxSamplesOption?: string },
    stepCount: number | undefined,
  ) {
    this.#max = options.maxSamples
    this.#option = options.maxSamplesOption
    if (stepCount !== undefined) {
      const column = (): Float64Array => new Float64Array(stepCount)
      this.perStep = { queryable: column(), read: column() }
    }
  }

  /** Takes room for `count` samples (negative: gives it back); throws UserError execution above the limit. */
  hold(count: number): void {
    this.live += count
    if (this.live > this.peak) this.peak = this.live
    if (this.live <= this.#max) return
    throw new UserError('execution', {
      what: 'query processing would load too many samples into memory in query execution',
      ...(this.#option === undefined
        ? {}
        : {
            where: `more than ${this.#max}`,
            fix: `select fewer series or a shorter range, or raise ${this.#option}`,
          }),
    })
  }

  /** `inner` is evaluated once for all steps of `outer`. */
  nestOnce(inner: StepGrid, outer: StepGrid): void {
    this.#nestings.set(inner, { outer, firstStepOf: undefined })
  }

  /** `inner` are the steps of a subquery; each is first needed at the step of `outer` that `firstStepOf` names. */
  nestSubquery(inner: StepGrid, outer: StepGrid, firstStepOf: (step: number) => number): void {
    this.#nestings.set(inner, { outer, firstStepOf })
  }

  /** Counts samples that were looked at over all steps of a grid. */
  looked(grid: StepGrid, count: number): void {
    this.queryable += count * this.#weightOf(grid)
  }

  /** Counts samples that were looked at, and those that were read for it, at one step of a grid. */
  at(grid: StepGrid, step: number, looked: number, read: number): void {
    this.looked(grid, looked)
    this.read += read
    if (this.perStep !== undefined) this.#atStep(this.perStep, grid, step, looked, read)
  }

  #weightOf(grid: StepGrid): number {
    const nesting = this.#nestings.size === 0 ? undefined : this.#nestings.get(grid)
    if (nesting === undefined) return 1
    return nesting.firstStepOf === undefined
      ? nesting.outer.count * this.#weightOf(nesting.outer)
      : 0
  }

  #atStep(figures: StepFigures, grid: StepGrid, step: number, looked: number, read: number): void {
    const nesting = this.#nestings.get(grid)
    if (nesting === undefined) {
      figures.queryable[step]! += looked
      figures.read[step]! += read
      return
    }
    const { outer, firstStepOf } = nesting
    if (firstStepOf !== undefined) {
      this.#atStep(figures, outer, firstStepOf(step), 0, read)
      return
    }
    for (let i = 0; i < outer.count; i++)
      this.#atStep(figures, outer, i, looked, i === 0 ? read : 0)
  }
}
