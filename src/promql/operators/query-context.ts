// Query context: what all operators of one running query share: options, label dictionary, selected series,
// annotations, accounts of samples and memory, and the signal that stops it.

import type { HashSeed, RowKernel, XorDecoder } from '../../kernel/index.ts'
import { type MembershipHistory, UserError } from '../../model/index.ts'
import type {
  CancelSignal,
  MatcherCompiler,
  MemoryAccount,
  Queryable,
} from '../../storage/index.ts'
import { unboundedAccount } from '../../storage/index.ts'
import { Annotations } from './annotations.ts'
import { LabelDictionary } from './label-dictionary.ts'

/** How expressions are evaluated. */
export interface EvaluationOptions {
  /** How far back an instant selector looks. */
  readonly lookbackMs: number
  /** The step of subqueries that write none. */
  readonly subqueryStepMs: number
  /** Most samples that may be held at once. */
  readonly maxSamples: number
  /** Metric names go at the end of the query rather than at once. */
  readonly delayedNameRemoval: boolean
  /** rate and friends, and start_timestamp(), see start timestamps. */
  readonly useStartTimestamps: boolean
  /** `__type__` decides what is a counter, rather than the suffix of the name. */
  readonly typeAndUnitLabels: boolean
}

/** Shared state of one run. */
export class QueryContext {
  readonly options: EvaluationOptions
  readonly queryable: Queryable
  readonly tenants: readonly string[]
  readonly signal: CancelSignal
  readonly compileMatcher: MatcherCompiler
  readonly xorDecoder: XorDecoder
  readonly rowKernel: RowKernel | undefined
  /** What virtual labels are decided from. */
  readonly membership: MembershipHistory
  readonly dictionary: LabelDictionary
  readonly annotations = new Annotations()
  readonly samples: SampleAccount
  /** Counts chunks, cells, columns and result rows that the query holds. */
  readonly memory: MemoryAccount
  #lastPauseMs = performance.now()

  constructor(parts: {
    readonly options: EvaluationOptions
    readonly queryable: Queryable
    readonly tenants: readonly string[]
    readonly signal: CancelSignal
    readonly compileMatcher: MatcherCompiler
    readonly xorDecoder: XorDecoder
    readonly rowKernel?: RowKernel | undefined
    readonly hashSeed: HashSeed
    readonly membership: MembershipHistory
  }) {
    this.options = parts.options
    this.queryable = parts.queryable
    this.tenants = parts.tenants
    this.signal = parts.signal
    this.compileMatcher = parts.compileMatcher
    this.xorDecoder = parts.xorDecoder
    this.rowKernel = parts.rowKernel
    this.membership = parts.membership
    this.memory = parts.signal.memory ?? unboundedAccount()
    this.dictionary = new LabelDictionary(parts.hashSeed, this.memory)
    this.samples = new SampleAccount(parts.options.maxSamples)
  }

  /** Between batches: stops a cancelled query and lets the thread's other queries and messages have their turn. */
  async pause(): Promise<void> {
    this.signal.check()
    if (performance.now() - this.#lastPauseMs < pauseEveryMs) return
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#lastPauseMs = performance.now()
    this.signal.check()
  }
}

// Long enough that the pause costs nothing, short enough that a query beside it does not notice.
const pauseEveryMs = 10

/** Counts samples held and read. */
export class SampleAccount {
  /** Samples held now. */
  live = 0
  peak = 0
  /** Samples that windows and selections looked at, each time they did. */
  queryable = 0
  /** Samples decoded from storage. */
  read = 0
  readonly #max: number

  constructor(maxSamples: number) {
    this.#max = maxSamples
  }

  /** Takes room for `count` samples (negative: gives it back); throws UserError execution above the limit. */
  hold(count: number): void {
    this.live += count
    if (this.live > this.peak) this.peak = this.live
    if (this.live <= this.#max) return
    throw new UserError('execution', {
      what: 'query processing would load too many samples into memory in query execution',
    })
  }
}

/** Fails the query with a message for its author. */
export function failQuery(what: string): never {
  throw new UserError('execution', { what })
}
