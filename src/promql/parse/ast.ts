// The syntax tree of PromQL, as the parser builds it and the checker leaves it. Nodes never change.
// Units: positions are byte offsets into the UTF-8 query, end exclusive; times and durations in milliseconds,
// number literals in the unit they were written (durations as seconds).
// Source: Prometheus 3.14 promql/parser.

import type { Matcher } from '../../model/index.ts'

/** Where a node stands in the query: byte offsets, half-open. */
export interface PosRange {
  readonly start: number
  readonly end: number
}

/** What an expression evaluates to; `vector` is an instant vector, `matrix` a range vector. */
export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string'

/** `@ start()` or `@ end()`. */
export type StartOrEnd = 'start' | 'end'

/** Arithmetic between floats and histograms. */
export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2'

/** Comparisons: they filter, or with `bool` give 0 or 1. */
export type ComparisonOp = '==' | '!=' | '<' | '<=' | '>' | '>='

/** Set operators between two vectors. */
export type SetOp = 'and' | 'or' | 'unless'

/** Histogram trimming: `</` drops what lies above, `>/` what lies below. */
export type TrimOp = '</' | '>/'

/** Every binary operator. */
export type BinaryOp = ArithmeticOp | ComparisonOp | SetOp | TrimOp

/** Every aggregation. */
export type AggregationOp =
  | 'avg'
  | 'bottomk'
  | 'count'
  | 'count_values'
  | 'group'
  | 'limit_ratio'
  | 'limitk'
  | 'max'
  | 'min'
  | 'quantile'
  | 'stddev'
  | 'stdvar'
  | 'sum'
  | 'topk'

/** Name, argument types and result of a function. */
export interface FunctionSignature {
  readonly name: string
  /** With `variadic` not 0, the last type is the one of all further arguments. */
  readonly argTypes: readonly ValueType[]
  /** 0: exactly `argTypes`; n > 0: from one fewer than `argTypes` to n more than that; -1: no upper bound. */
  readonly variadic: number
  readonly returnType: ValueType
  readonly experimental: boolean
}

/** `1`, `0x1f`, `5m` (then `value` is in seconds and `isDuration` keeps how it was written). */
export interface NumberLiteral {
  readonly kind: 'numberLiteral'
  readonly value: number
  readonly isDuration: boolean
  readonly pos: PosRange
}

/** A string in any of the three quotes, unquoted. */
export interface StringLiteral {
  readonly kind: 'stringLiteral'
  readonly value: string
  readonly pos: PosRange
}

/** The time modifiers of a selector or subquery, as written. */
export interface TimeModifiers {
  /** Positive looks back; 0 when absent or when `offsetExpr` says it. */
  readonly offsetMs: number
  readonly offsetExpr: DurationExpr | undefined
  /** `@ 1234.5`, in milliseconds. */
  readonly timestampMs: number | undefined
  readonly startOrEnd: StartOrEnd | undefined
}

/** `name{label="value"} @ t offset d`. */
export interface VectorSelector extends TimeModifiers {
  readonly kind: 'vectorSelector'
  /** The name written before the braces, or ''. */
  readonly name: string
  /** Every condition; the one of `name`, when there is one, comes last. */
  readonly matchers: readonly Matcher[]
  readonly anchored: boolean
  readonly smoothed: boolean
  /** The second argument of info() may consist of matchers that all accept the empty string. */
  readonly allowsEmptyMatchers: boolean
  readonly pos: PosRange
}

/** `selector[range]`; offset, `@`, anchored and smoothed live on `selector`. */
export interface MatrixSelector {
  readonly kind: 'matrixSelector'
  readonly selector: VectorSelector
  /** 0 when `rangeExpr` says it. */
  readonly rangeMs: number
  readonly rangeExpr: DurationExpr | undefined
  readonly pos: PosRange
}

/** `expr[range:step]`. */
export interface Subquery extends TimeModifiers {
  readonly kind: 'subquery'
  readonly expr: Expr
  /** 0 when `rangeExpr` says it. */
  readonly rangeMs: number
  readonly rangeExpr: DurationExpr | undefined
  /** 0 for the engine's default step, or when `stepExpr` says it. */
  readonly stepMs: number
  readonly stepExpr: DurationExpr | undefined
  readonly pos: PosRange
}

/** A function call whose arity and argument types were checked. */
export interface Call {
  readonly kind: 'call'
  readonly func: FunctionSignature
  readonly args: readonly Expr[]
  readonly pos: PosRange
}

/** `sum by (a) (expr)`, `topk(3, expr)`. */
export interface Aggregation {
  readonly kind: 'aggregation'
  readonly op: AggregationOp
  readonly expr: Expr
  readonly param: Expr | undefined
  readonly grouping: readonly string[]
  readonly without: boolean
  readonly pos: PosRange
}

/** How many samples of one side may meet one of the other. */
export type Cardinality = 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'

/** How the two vectors of a binary operation are joined. */
export interface VectorMatching {
  /** `many-to-one` is group_left, `one-to-many` group_right, `many-to-many` a set operator. */
  readonly cardinality: Cardinality
  /** The labels of on() or ignoring(). */
  readonly labels: readonly string[]
  readonly on: boolean
  /** The labels of group_left() or group_right(). */
  readonly include: readonly string[]
  /** What stands in for a missing series of that side. */
  readonly fill: { readonly lhs: number | undefined; readonly rhs: number | undefined }
}

/** `lhs op rhs`. */
export interface Binary {
  readonly kind: 'binary'
  readonly op: BinaryOp
  readonly lhs: Expr
  readonly rhs: Expr
  readonly returnBool: boolean
  /** Undefined unless both sides are vectors. */
  readonly matching: VectorMatching | undefined
  readonly pos: PosRange
}

/** `-expr`, `+expr` (number literals take their sign instead). */
export interface Unary {
  readonly kind: 'unary'
  readonly op: '+' | '-'
  readonly expr: Expr
  readonly pos: PosRange
}

/** `(expr)`. */
export interface Paren {
  readonly kind: 'paren'
  readonly expr: Expr
  readonly pos: PosRange
}

/** Any expression. */
export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | Binary
  | Unary
  | Paren

/** Operators of duration expressions; `step` and `range` have no operands, unary `+` and `-` only `rhs`. */
export type DurationOp = '+' | '-' | '*' | '/' | '%' | '^' | 'step' | 'range' | 'min_of' | 'max_of'

/** Arithmetic on durations inside range, step and offset; evaluates to seconds. */
export interface DurationExpr {
  readonly kind: 'durationExpr'
  readonly op: DurationOp
  readonly lhs: DurationOperand | undefined
  readonly rhs: DurationOperand | undefined
  /** Written in parentheses. */
  readonly wrapped: boolean
  readonly pos: PosRange
}

/** What a duration expression is made of. */
export type DurationOperand = NumberLiteral | DurationExpr

/** The type an expression evaluates to. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'numberLiteral':
      return 'scalar'
    case 'stringLiteral':
      return 'string'
    case 'vectorSelector':
    case 'aggregation':
      return 'vector'
    case 'matrixSelector':
    case 'subquery':
      return 'matrix'
    case 'call':
      return expr.func.returnType
    case 'paren':
    case 'unary':
      return typeOf(expr.expr)
    case 'binary':
      return typeOf(expr.lhs) === 'scalar' && typeOf(expr.rhs) === 'scalar' ? 'scalar' : 'vector'
  }
}

/** The direct children of a node, in Prometheus' order (an aggregation's expression before its parameter). */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
    case 'vectorSelector':
      return []
    case 'matrixSelector':
      return [expr.selector]
    case 'call':
      return expr.args
    case 'aggregation':
      return expr.param === undefined ? [expr.expr] : [expr.expr, expr.param]
    case 'binary':
      return [expr.lhs, expr.rhs]
    case 'subquery':
    case 'paren':
    case 'unary':
      return [expr.expr]
  }
}

/** Every vector selector of an expression, those inside matrix selectors and subqueries included. */
export function selectorsOf(expr: Expr): VectorSelector[] {
  const found: VectorSelector[] = []
  const pending: Expr[] = [expr]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.kind === 'vectorSelector') found.push(node)
    for (const child of childrenOf(node).toReversed()) pending.push(child)
  }
  return found
}
