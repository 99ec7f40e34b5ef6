// Call notes: how a function that is being called learns the row's name, and where its annotations go.

import { metricNameLabel } from '../../model/index.ts'
import type { AnnotationLevel, Notes } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { rowLabel } from './series-table.ts'

/** Where a call and its arguments stand in the query text. */
export interface CallPositions {
  readonly call: number
  readonly arguments: readonly number[]
}

/** Notes of one call, moved from row to row. */
export class CallNotes implements Notes {
  readonly typeLabels: boolean
  row = 0
  readonly #table: SeriesTable
  readonly #positions: CallPositions
  readonly #context: QueryContext
  readonly #namesKnown: boolean

  constructor(
    context: QueryContext,
    table: SeriesTable,
    positions: CallPositions,
    namesKnown: boolean,
  ) {
    this.#context = context
    this.#table = table
    this.#positions = positions
    this.#namesKnown = namesKnown
    this.typeLabels = context.options.typeAndUnitLabels
  }

  metricName(): string {
    return this.#namesKnown ? rowLabel(this.#table, this.row, metricNameLabel) : ''
  }

  metricType(): string {
    return rowLabel(this.#table, this.row, '__type__')
  }

  annotate(level: AnnotationLevel, text: string, argument?: number): void {
    const position =
      argument === undefined ? this.#positions.call : this.#positions.arguments[argument]!
    this.#context.annotations.add(level, text, position)
  }
}
