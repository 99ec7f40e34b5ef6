// The engine: text to result. A query is parsed, planned and optimised when it is prepared; running it compiles the
// plan for one source of series and pulls.
// Here: preparing. Elsewhere: one evaluation (query-run.ts); admission, caching and encoding (query room); access
// (storage's decorators).

import type { HashSeed, RowKernel, XorDecoder } from '../kernel/index.ts'
import { xorDecoderTwin } from '../kernel/index.ts'
import { type MembershipHistory, noMembership, UserError } from '../model/index.ts'
import type { CancelSignal, MatcherCompiler, Queryable } from '../storage/index.ts'
import type { ExplainNode } from './explain.ts'
import { explainTree } from './explain.ts'
import type { EvaluationOptions } from './operators/query-context.ts'
import { QueryContext } from './operators/query-context.ts'
import type { Expr, ValueType } from './parse/ast.ts'
import { typeOf } from './parse/ast.ts'
import type { ParserFeatures } from './parse/features.ts'
import { defaultParserFeatures } from './parse/features.ts'
import { parseExpr } from './parse/parser.ts'
import { printExpr } from './parse/printer.ts'
import { buildPlan } from './plan/build.ts'
import { foldConstants } from './plan/fold-constants.ts'
import { dropUnusedBuckets } from './plan/histogram-stats.ts'
import { membershipKey } from './plan/membership-key.ts'
import type { PlanNode, PlanRule } from './plan/node.ts'
import { pushHints } from './plan/push-hints.ts'
import { wrapStepInvariant } from './plan/step-invariant.ts'
import { type StepReach, stepReach } from './plan/step-reach.ts'
import type { QueryResult } from './query-result.ts'
import type { QueryRange } from './query-run.ts'
import { gridOf, QueryRun } from './query-run.ts'
import { createMatcherCompiler } from './regex/matcher-compiler.ts'

/** How an engine evaluates. */
export interface EngineOptions extends EvaluationOptions {
  /** Which experimental parts of the grammar are accepted. */
  readonly features: ParserFeatures
  readonly compileMatcher: MatcherCompiler
  /** Decodes float chunks: the thread's kernel, where it has one. */
  readonly xorDecoder: XorDecoder
  /** Takes rows of plain floats as a whole: the thread's kernel, where it has one. */
  readonly rowKernel?: RowKernel | undefined
  /** Hashes label pairs inside a query; random, so that nobody can aim for a collision. */
  readonly hashSeed: HashSeed
}

/** What Prometheus 3.14 does without flags. */
export const defaultEngineOptions: EvaluationOptions & { readonly features: ParserFeatures } = {
  lookbackMs: 5 * 60_000,
  subqueryStepMs: 60_000,
  maxSamples: 50_000_000,
  delayedNameRemoval: false,
  useStartTimestamps: false,
  perStepStats: false,
  typeAndUnitLabels: false,
  features: defaultParserFeatures,
}

/** A query that may be run, any number of times, over any source. */
export interface PreparedQuery {
  /** The type of the expression, before a range turns scalars and vectors into a matrix. */
  readonly type: ValueType
  /** Equal as long as virtual labels mean the same; '' without any. Throws UserError forbidden. */
  membershipKey(): string
  /** How far each step looks; undefined where a step's answer depends on more than its time. */
  readonly reach: StepReach | undefined
  /** Runs the query. Throws UserError: execution (the query's fault or a limit), canceled, timeout. */
  run(queryable: Queryable, tenants: readonly string[], signal: CancelSignal): Promise<QueryResult>
  /** Runs the query and tells what each operator did. */
  analyze(
    queryable: Queryable,
    tenants: readonly string[],
    signal: CancelSignal,
  ): Promise<{ readonly result: QueryResult; readonly tree: ExplainNode }>
  /** The tree of operators, without running anything. */
  explain(queryable: Queryable, tenants: readonly string[]): ExplainNode
}

/** Prepares queries. */
export interface Engine {
  readonly options: EngineOptions
  /** Parses and plans; `membership` is what virtual labels mean. Throws UserError bad_data. */
  prepare(query: string | Expr, range: QueryRange, membership?: MembershipHistory): PreparedQuery
}

/** Creates an engine; what is not given is as in Prometheus 3.14 without flags. */
export function createEngine(options: Partial<EngineOptions> = {}): Engine {
  const complete: EngineOptions = {
    ...defaultEngineOptions,
    compileMatcher: createMatcherCompiler(),
    xorDecoder: xorDecoderTwin,
    hashSeed: crypto.getRandomValues(new Uint32Array(4)),
    ...options,
  }
  return {
    options: complete,
    prepare(query, range, membership = noMembership) {
      const text = typeof query === 'string' ? query : printExpr(query)
      const expr =
        typeof query === 'string'
          ? parseExpr(query, complete.features, complete.compileMatcher)
          : query
      return new Prepared({ text, expr, range, membership }, complete)
    },
  }
}

const rules: readonly PlanRule[] = [
  foldConstants,
  dropUnusedBuckets,
  wrapStepInvariant,
  (plan) => pushHints(plan),
]

const documentedTypes: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar',
  string: 'string',
  vector: 'instant vector',
  matrix: 'range vector',
}

interface PreparedParts {
  readonly text: string
  readonly expr: Expr
  readonly range: QueryRange
  readonly membership: MembershipHistory
}

class Prepared implements PreparedQuery {
  readonly type: ValueType
  readonly reach: StepReach | undefined
  readonly #parts: PreparedParts
  readonly #options: EngineOptions
  readonly #plan: PlanNode
  readonly #preparationMs: number

  constructor(parts: PreparedParts, options: EngineOptions) {
    const startMs = performance.now()
    const { expr, range } = parts
    this.type = typeOf(expr)
    this.reach = stepReach(expr)
    this.#parts = parts
    this.#options =
      range.lookbackMs === undefined ? options : { ...options, lookbackMs: range.lookbackMs }
    checkRange(this.type, range)
    let plan = buildPlan(expr, timesOf(range))
    for (const rule of rules) plan = rule(plan)
    this.#plan = plan
    this.#preparationMs = performance.now() - startMs
  }

  membershipKey(): string {
    const { expr, membership: history } = this.#parts
    return membershipKey(expr, { history, compileMatcher: this.#options.compileMatcher })
  }

  async run(
    queryable: Queryable,
    tenants: readonly string[],
    signal: CancelSignal,
  ): Promise<QueryResult> {
    return this.#compile(queryable, tenants, signal, false).finish()
  }

  async analyze(
    queryable: Queryable,
    tenants: readonly string[],
    signal: CancelSignal,
  ): Promise<{ result: QueryResult; tree: ExplainNode }> {
    const run = this.#compile(queryable, tenants, signal, true)
    const result = await run.finish()
    return { result, tree: explainTree(run.root) }
  }

  explain(queryable: Queryable, tenants: readonly string[]): ExplainNode {
    return explainTree(this.#compile(queryable, tenants, neverCancelled, false).root)
  }

  #compile(
    queryable: Queryable,
    tenants: readonly string[],
    signal: CancelSignal,
    measured: boolean,
  ): QueryRun {
    const options = this.#options
    const { compileMatcher, xorDecoder, rowKernel, hashSeed } = options
    const { text, range, membership } = this.#parts
    const context = new QueryContext({
      options,
      queryable,
      tenants,
      signal,
      compileMatcher,
      xorDecoder,
      rowKernel,
      hashSeed,
      figuresOfSteps: range.perStep === true ? gridOf(range).count : undefined,
      membership,
    })
    return new QueryRun(context, {
      plan: this.#plan,
      text,
      range,
      measured,
      preparationMs: this.#preparationMs,
    })
  }
}

const neverCancelled: CancelSignal = { check: () => undefined }

function checkRange(type: ValueType, range: QueryRange): void {
  if (range.kind === 'instant') return
  if (!(range.stepMs > 0)) {
    throw new UserError('bad_data', {
      what: 'zero or negative query resolution step widths are not accepted. Try a positive integer',
    })
  }
  if (type === 'scalar' || type === 'vector') return
  throw new UserError('bad_data', {
    what: `invalid expression type "${documentedTypes[type]}" for range query, must be Scalar or instant Vector`,
  })
}

function timesOf(range: QueryRange): { startMs: number; endMs: number; stepMs: number } {
  if (range.kind === 'range') return range
  return { startMs: range.timeMs, endMs: range.timeMs, stepMs: 0 }
}
