// Checks what the grammar cannot say: types, arities, vector matching, empty matchers, names given twice.
// The first fault found is thrown; the order is Prometheus' own, so that the same one is found first.
// Source: Prometheus 3.14 promql/parser/parse.go checkAST.

import { metricNameLabel, quoteGo } from '../../model/index.ts'
import type { MatcherCompiler } from '../../storage/index.ts'
import type { Aggregation, Binary, Call, Expr, ValueType, VectorSelector } from './ast.ts'
import { typeOf } from './ast.ts'
import { parseError } from './parse-error.ts'

const comparisons: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>='])
const setOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless'])

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Checks a tree just parsed and finishes it: drops `matching` where no two vectors meet, makes set operators
 * many-to-many, marks the selector of info(). Throws UserError bad_data.
 */
export function checkExpr(query: string, expr: Expr, compile: MatcherCompiler): void {
  new Checker(query, compile).check(expr)
}

class Checker {
  readonly #query: string
  readonly #compile: MatcherCompiler

  constructor(query: string, compile: MatcherCompiler) {
    this.#query = query
    this.#compile = compile
  }

  check(expr: Expr): ValueType {
    switch (expr.kind) {
      case 'aggregation':
        return this.#aggregation(expr)
      case 'binary':
        return this.#binary(expr)
      case 'call':
        return this.#call(expr)
      case 'paren':
        return this.check(expr.expr)
      case 'unary': {
        const type = this.check(expr.expr)
        if (type === 'scalar' || type === 'vector') return type
        throw this.#fault(
          expr,
          `unary expression only allowed on expressions of type scalar or instant vector, got "${nameOf(type)}"`,
        )
      }
      case 'subquery': {
        const type = this.check(expr.expr)
        if (type === 'vector') return 'matrix'
        throw this.#fault(expr, `subquery is only allowed on instant vector, got ${type} instead`)
      }
      case 'matrixSelector':
        this.#selector(expr.selector)
        return 'matrix'
      case 'vectorSelector':
        this.#selector(expr)
        return 'vector'
      default:
        return typeOf(expr)
    }
  }

  #aggregation(node: Aggregation): ValueType {
    this.#expect(node.expr, 'vector', 'aggregation expression')
    if (node.param !== undefined) {
      const wanted = node.op === 'count_values' ? 'string' : 'scalar'
      this.#expect(node.param, wanted, 'aggregation parameter')
    }
    return 'vector'
  }

  #expect(expr: Expr, wanted: ValueType, context: string): void {
    const type = this.check(expr)
    if (type === wanted) return
    throw this.#fault(expr, `expected type ${nameOf(wanted)} in ${context}, got ${nameOf(type)}`)
  }

  #binary(node: Mutable<Binary>): ValueType {
    const left = this.check(node.lhs)
    const right = this.check(node.rhs)
    const isComparison = comparisons.has(node.op)
    if (node.returnBool && !isComparison) {
      throw this.#operatorFault(node, 'bool modifier can only be used on comparison operators')
    }
    if (isComparison && !node.returnBool && left === 'scalar' && right === 'scalar') {
      throw this.#operatorFault(node, 'comparisons between scalars must use BOOL modifier')
    }
    this.#sharedLabels(node)
    for (const [side, type] of [
      [node.lhs, left],
      [node.rhs, right],
    ] as const) {
      if (type === 'scalar' || type === 'vector') continue
      throw this.#fault(side, 'binary expression must contain only scalar and instant vector types')
    }
    if (left !== 'vector' || right !== 'vector') this.#noMatching(node)
    else if (setOperators.has(node.op)) this.#setOperation(node)
    return left === 'scalar' && right === 'scalar' ? 'scalar' : 'vector'
  }

  #sharedLabels(node: Binary): void {
    const matching = node.matching!
    if (!matching.on) return
    const shared = matching.labels.find((label) => matching.include.includes(label))
    if (shared === undefined) return
    throw this.#operatorFault(
      node,
      `label ${quoteGo(shared)} must not occur in ON and GROUP clause at once`,
    )
  }

  #noMatching(node: Mutable<Binary>): void {
    const { labels, fill } = node.matching!
    if (labels.length > 0) {
      throw this.#fault(node, 'vector matching only allowed between instant vectors')
    }
    if (fill.lhs !== undefined || fill.rhs !== undefined) {
      throw this.#fault(node, 'filling in missing series only allowed between instant vectors')
    }
    node.matching = undefined
    if (setOperators.has(node.op)) {
      throw this.#fault(node, `set operator "${node.op}" not allowed in binary scalar expression`)
    }
  }

  #setOperation(node: Mutable<Binary>): void {
    const { cardinality, fill } = node.matching!
    if (cardinality !== 'one-to-one') {
      throw this.#fault(node, `no grouping allowed for "${node.op}" operation`)
    }
    if (fill.lhs !== undefined || fill.rhs !== undefined) {
      throw this.#fault(node, 'filling in missing series not allowed for set operators')
    }
    node.matching = { ...node.matching!, cardinality: 'many-to-many' }
  }

  #call(node: Call): ValueType {
    this.#arity(node)
    if (node.func.name === 'info' && node.args.length > 1) this.#infoSelector(node)
    const { argTypes } = node.func
    for (const [index, arg] of node.args.entries()) {
      const wanted = argTypes[Math.min(index, argTypes.length - 1)]!
      this.#expect(arg, wanted, `call to function ${quoteGo(node.func.name)}`)
    }
    return node.func.returnType
  }

  #arity(node: Call): void {
    const { name, argTypes, variadic } = node.func
    const count = node.args.length
    const fail = (bound: string, wanted: number) =>
      this.#fault(
        node,
        `expected ${bound}${wanted} argument(s) in call to ${quoteGo(name)}, got ${count}`,
      )
    if (variadic === 0) {
      if (count !== argTypes.length) throw fail('', argTypes.length)
      return
    }
    const countMin = argTypes.length - 1
    if (count < countMin) throw fail('at least ', countMin)
    if (variadic > 0 && count > countMin + variadic) throw fail('at most ', countMin + variadic)
  }

  #infoSelector(node: Call): void {
    const second = node.args[1]!
    const type = typeOf(second)
    if (type !== 'vector') {
      throw this.#fault(
        node,
        `expected type instant vector in call to function "info", got ${nameOf(type)}`,
      )
    }
    if (second.kind !== 'vectorSelector') {
      throw this.#fault(second, 'expected label selectors only')
    }
    if (second.name !== '') {
      throw this.#fault(second, 'expected label selectors only, got vector selector instead')
    }
    const selector: Mutable<VectorSelector> = second
    selector.allowsEmptyMatchers = true
  }

  #selector(node: VectorSelector): void {
    if (node.name !== '') {
      const second = node.matchers.slice(0, -1).find((matcher) => matcher.name === metricNameLabel)
      if (second === undefined) return
      const names = `${quoteGo(node.name)} or ${quoteGo(second.value)}`
      throw this.#fault(node, `metric name must not be set twice: ${names}`)
    }
    if (node.allowsEmptyMatchers) return
    if (node.matchers.some((matcher) => !this.#compile(matcher).matchesEmpty)) return
    throw this.#fault(node, 'vector selector must contain at least one non-empty matcher')
  }

  // Positions of faults of an operator start at the operator itself.
  #operatorFault(node: Binary, reason: string): Error {
    const bytes = Buffer.from(this.#query)
    let start = node.lhs.pos.end
    while (isBlank(bytes[start]!)) start++
    return parseError(this.#query, start, reason)
  }

  #fault(node: Expr, reason: string): Error {
    return parseError(this.#query, node.pos.start, reason)
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

function nameOf(type: ValueType): string {
  if (type === 'vector') return 'instant vector'
  return type === 'matrix' ? 'range vector' : type
}
