// Fan-out: several sources of series asked as one. A source's error fails the answer; its warnings go into it.

import type { TimeRange } from '../model/index.ts'
import { sortUtf8 } from '../model/index.ts'
import { mergeCursors, warningsOf } from './merge.ts'
import type {
  CancelSignal,
  LabelAnswer,
  LabelRequest,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from './queryable.ts'

/** One source; without a time range it is always asked. */
export interface FanOutSource {
  readonly queryable: Queryable
  /** The times it may have samples for, asked anew for each request. */
  timeRange?(): TimeRange
}

/** A queryable over those sources that `sources` names at the time of a request. */
export class FanOut implements Queryable {
  readonly #sources: () => readonly FanOutSource[]
  readonly #inOrder: boolean

  /** `inOrder`: the sources give rows sorted by labels even where nobody asks, so that merging holds a batch of each. */
  constructor(
    sources: () => readonly FanOutSource[],
    options: { readonly inOrder?: boolean } = {},
  ) {
    this.#sources = sources
    this.#inOrder = options.inOrder ?? false
  }

  /** Rows of all sources, each series once. */
  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    const cursors: SeriesCursor[] = []
    try {
      for (const { queryable } of this.#overlapping(request))
        cursors.push(queryable.select(request, signal))
    } catch (error) {
      for (const cursor of cursors) cursor.close()
      throw error
    }
    const sorted = request.sorted || this.#inOrder
    return mergeCursors(cursors, { sorted, memory: signal.memory })
  }

  /** Label names of all sources. */
  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, (queryable) => queryable.labelNames(request, signal))
  }

  /** Label values of all sources. */
  labelValues(name: string, request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, (queryable) => queryable.labelValues(name, request, signal))
  }

  async #list(
    request: LabelRequest,
    ask: (queryable: Queryable) => Promise<LabelAnswer>,
  ): Promise<LabelAnswer> {
    const asked = this.#overlapping(request).map(({ queryable }) => ask(queryable))
    const answers = await Promise.all(asked)
    const values = joined(answers)
    const { limit = 0 } = request
    return {
      values: limit > 0 ? values.slice(0, limit) : values,
      warnings: warningsOf(answers),
    }
  }

  #overlapping(range: TimeRange): readonly FanOutSource[] {
    return this.#sources().filter((source) => {
      const held = source.timeRange?.()
      if (held === undefined) return true
      return held.minTimeMs <= range.maxTimeMs && held.maxTimeMs >= range.minTimeMs
    })
  }
}

// Often one source alone has any, and its list is sorted already.
function joined(answers: readonly LabelAnswer[]): readonly string[] {
  const filled = answers.filter(({ values }) => values.length > 0)
  if (filled.length === 1) return filled[0]!.values
  return sortUtf8([...new Set(filled.flatMap(({ values }) => values))])
}
