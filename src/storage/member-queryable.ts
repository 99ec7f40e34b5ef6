// Virtual labels where there are no steps: listings, federation and remote read. A request's series are those of the
// clusters that are members at the end of its range, for all of the range.
// Expressions do not come here with virtual labels: promql masks them step by step.

import {
  isMembershipLabel,
  isMembershipMatcher,
  type Matcher,
  type MembershipHistory,
} from '../model/index.ts'
import { clusterMask, sourceMatchers } from './cluster-mask.ts'
import type { MatcherCompiler } from './matcher-compiler.ts'
import type {
  CancelSignal,
  LabelAnswer,
  LabelRequest,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from './queryable.ts'

type Asked = Pick<SelectRequest, 'matchers' | 'maxTimeMs'>

/** A queryable that knows virtual labels; a request without them passes as it is. */
export class MemberQueryable implements Queryable {
  readonly #inner: Queryable
  readonly #history: MembershipHistory
  readonly #compile: MatcherCompiler

  constructor(inner: Queryable, history: MembershipHistory, compileMatcher: MatcherCompiler) {
    this.#inner = inner
    this.#history = history
    this.#compile = compileMatcher
  }

  /** Series of the clusters that pass. Throws UserError forbidden, limit_exceeded. */
  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    const { matchers, warnings } = this.#rewritten(request)
    if (matchers === undefined) return { next: async () => undefined, close() {}, warnings }
    const cursor = this.#inner.select({ ...request, matchers }, signal)
    return {
      next: () => cursor.next(),
      close: () => cursor.close(),
      get warnings() {
        return [...warnings, ...cursor.warnings]
      },
    }
  }

  /** Label names of those series. */
  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, (matchers) =>
      this.#inner.labelNames({ ...request, matchers }, signal),
    )
  }

  /** Label values of those series; of a virtual label itself the names that are known. */
  async labelValues(
    name: string,
    request: LabelRequest,
    signal: CancelSignal,
  ): Promise<LabelAnswer> {
    if (isMembershipLabel(name)) {
      return { values: [...this.#history.names(name)].sort(), warnings: [] }
    }
    return this.#list(request, (matchers) =>
      this.#inner.labelValues(name, { ...request, matchers }, signal),
    )
  }

  async #list(
    request: LabelRequest,
    ask: (matchers: readonly Matcher[]) => Promise<LabelAnswer>,
  ): Promise<LabelAnswer> {
    const { matchers, warnings } = this.#rewritten(request)
    if (matchers === undefined) return { values: [], warnings }
    const answer = await ask(matchers)
    return { ...answer, warnings: [...warnings, ...answer.warnings] }
  }

  #rewritten({ matchers, maxTimeMs }: Asked): {
    readonly matchers: readonly Matcher[] | undefined
    readonly warnings: readonly string[]
  } {
    const conditions = matchers.filter(isMembershipMatcher)
    if (conditions.length === 0) return { matchers, warnings: [] }
    const parts = { history: this.#history, compileMatcher: this.#compile }
    const range = { minTimeMs: maxTimeMs, maxTimeMs }
    const { mask, warnings } = clusterMask(conditions, range, parts)
    const members = sourceMatchers(mask, range)
    if (members === undefined) return { matchers: undefined, warnings }
    const others = matchers.filter((matcher) => !isMembershipMatcher(matcher))
    return { matchers: [...others, ...members], warnings }
  }
}
