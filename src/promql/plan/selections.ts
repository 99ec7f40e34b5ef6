// Selections of one plan: selectors with equal matchers whose times touch read their source once.
// Selectors register while the plan is compiled; then all selections start together, so that remote sources are
// asked in parallel.

import type { Matcher } from '../../model/index.ts'
import { formatMatcher } from '../../model/index.ts'
import type { SelectHints } from '../../storage/index.ts'
import type { Members } from '../operators/members.ts'
import type { QueryContext } from '../operators/query-context.ts'
import { Selection } from '../operators/selection.ts'

/** What a selector needs; bounds inclusive, in Unix milliseconds. */
export interface SelectionNeed {
  readonly matchers: readonly Matcher[]
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly hints: SelectHints
}

interface Shared {
  readonly key: string
  need: SelectionNeed
  readonly opened: PromiseWithResolvers<Selection>
}

/** The selections of one run. */
export class Selections {
  readonly #context: QueryContext
  readonly #shared: Shared[] = []

  constructor(context: QueryContext) {
    this.#context = context
  }

  /**
   * The selection that will serve `need`, alone or with others. `members`, where it is given, asks sources for its
   * clusters only, and for nothing where it has none.
   */
  register(need: SelectionNeed, members: Members | undefined): Promise<Selection> {
    if (members === undefined) return this.#register(need)
    if (members.sourceMatchers === undefined) return Promise.resolve(Selection.none(this.#context))
    return this.#register({ ...need, matchers: [...need.matchers, ...members.sourceMatchers] })
  }

  /** Opens everything that was registered. */
  start(): void {
    for (const { need, opened } of this.#shared) {
      Selection.open(need, this.#context).then(opened.resolve, opened.reject)
    }
  }

  #register(need: SelectionNeed): Promise<Selection> {
    const key = need.matchers.map(formatMatcher).sort().join()
    const known = this.#shared.find((shared) => shared.key === key && touches(shared.need, need))
    if (known !== undefined) {
      known.need = union(known.need, need)
      return known.opened.promise
    }
    const opened = Promise.withResolvers<Selection>()
    // A selection whose selector is never pulled must not fail the process.
    opened.promise.catch(() => undefined)
    this.#shared.push({ key, need, opened })
    return opened.promise
  }
}

// Apart by more than both are long, one request would mostly carry samples that nobody looks at.
function touches(a: SelectionNeed, b: SelectionNeed): boolean {
  return a.minTimeMs <= b.maxTimeMs + 1 && b.minTimeMs <= a.maxTimeMs + 1
}

function union(a: SelectionNeed, b: SelectionNeed): SelectionNeed {
  return {
    matchers: a.matchers,
    minTimeMs: Math.min(a.minTimeMs, b.minTimeMs),
    maxTimeMs: Math.max(a.maxTimeMs, b.maxTimeMs),
    hints: sameHints(a.hints, b.hints) ? a.hints : {},
  }
}

function sameHints(a: SelectHints, b: SelectHints): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
