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
import { SampleAccount } from './sample-account.ts'

/** How expressions are evaluated. */
export interface EvaluationOptions {
  /** How far back an instant selector looks. */
  readonly lookbackMs: number
  /** The step of subqueries that write none. */
  readonly subqueryStepMs: number
  /** Most samples that may be held at once. */
  readonly maxSamples: number
  /** The option that sets it, for the error of a query that needs more. */
  readonly maxSamplesOption?: string
  /** Metric names go at the end of the query rather than at once. */
  readonly delayedNameRemoval: boolean
  /** rate and friends, and start_timestamp(), see start timestamps. */
  readonly useStartTimestamps: boolean
  /** stats=all tells figures of each step. */
  readonly perStepStats: boolean
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
    /** How many steps the query has, where figures are asked for each. */
    readonly figuresOfSteps?: number | undefined
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
    this.samples = new SampleAccount(parts.options, parts.figuresOfSteps)
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

/** Fails the query with a message for its author. */
export function failQuery(what: string): never {
  throw new UserError('execution', { what })
}
