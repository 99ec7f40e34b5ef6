// A naive evaluator of PromQL over floats: one step at a time, labels as plain objects, samples scanned whole.
// It exists to be compared with; it shares no code with the engine but the syntax tree. Errors carry no texts.

import type { Aggregation, Binary, Call, Expr, VectorSelector } from '../../src/promql/index.ts'
import { quantile, windowValue } from './reference-windows.ts'

/** A series of the reference: `null` is a stale marker. */
export interface ReferenceSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly (readonly [timestampMs: number, value: number | null])[]
}

interface Element {
  labels: Record<string, string>
  value: number
  dropName: boolean
}

/** What fails in the language fails here with this. */
export class ReferenceFailure extends Error {}

/** Settings of the engine that is compared. */
export interface ReferenceOptions {
  readonly lookbackMs: number
  readonly subqueryStepMs: number
  readonly delayedNameRemoval: boolean
}

/** Evaluates at one time; the result by labels as JSON, with names dropped. */
export function evaluateReference(
  expr: Expr,
  timeMs: number,
  data: readonly ReferenceSeries[],
  options: ReferenceOptions,
): Map<string, number> {
  const value = new Reference(data, options).eval(expr, timeMs)
  const elements =
    typeof value === 'number' ? [{ labels: {}, value, dropName: false }] : (value as Element[])
  const result = new Map<string, number>()
  for (const element of elements) {
    const key = keyOf(element.dropName ? unnamed(element.labels) : element.labels)
    if (result.has(key)) throw new ReferenceFailure('same labelset')
    result.set(key, element.value)
  }
  return result
}

/** Labels as a key: equal where the label sets are. */
export function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function unnamed(labels: Record<string, string>): Record<string, string> {
  return without(labels, ['__name__', '__type__', '__unit__'])
}

function without(labels: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)))
}

function only(labels: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name)))
}

class Reference {
  readonly data: readonly ReferenceSeries[]
  readonly options: ReferenceOptions

  constructor(data: readonly ReferenceSeries[], options: ReferenceOptions) {
    this.data = data
    this.options = options
  }

  eval(expr: Expr, t: number): number | Element[] {
    switch (expr.kind) {
      case 'numberLiteral':
        return expr.value
      case 'paren':
        return this.eval(expr.expr, t)
      case 'unary': {
        const value = this.eval(expr.expr, t)
        if (expr.op === '+') return value
        return typeof value === 'number'
          ? -value
          : this.named(value.map((e) => this.drop(e, -e.value)))
      }
      case 'vectorSelector':
        return this.select(expr, t)
      case 'call':
        return this.call(expr, t)
      case 'aggregation':
        return this.aggregate(expr, t)
      case 'binary':
        return this.binary(expr, t)
      default:
        throw new Error(`the reference has no ${expr.kind}`)
    }
  }

  drop(element: Element, value: number): Element {
    return this.options.delayedNameRemoval
      ? { ...element, value, dropName: true }
      : { labels: unnamed(element.labels), value, dropName: false }
  }

  named(elements: Element[]): Element[] {
    if (this.options.delayedNameRemoval) return elements
    if (new Set(elements.map((e) => keyOf(e.labels))).size < elements.length) {
      throw new ReferenceFailure('same labelset')
    }
    return elements
  }

  matching(selector: VectorSelector): ReferenceSeries[] {
    return this.data.filter((series) =>
      selector.matchers.every(({ name, type, value }) => {
        const actual = series.labels[name] ?? ''
        if (type === '=') return actual === value
        if (type === '!=') return actual !== value
        return new RegExp(`^(?:${value})$`, 's').test(actual) === (type === '=~')
      }),
    )
  }

  select(selector: VectorSelector, t: number): Element[] {
    const at = (selector.timestampMs ?? t) - selector.offsetMs
    const elements: Element[] = []
    for (const series of this.matching(selector)) {
      const last = series.samples.findLast(([time]) => time <= at)
      if (last === undefined || last[0] <= at - this.options.lookbackMs || last[1] === null)
        continue
      elements.push({ labels: { ...series.labels }, value: last[1], dropName: false })
    }
    return elements
  }

  windows(arg: Expr, t: number): { element: Element; points: [number, number][]; end: number }[] {
    if (arg.kind === 'matrixSelector') {
      const end = (arg.selector.timestampMs ?? t) - arg.selector.offsetMs
      return this.matching(arg.selector).map((series) => ({
        element: { labels: { ...series.labels }, value: 0, dropName: false },
        points: series.samples.filter(
          ([time, value]) => time > end - arg.rangeMs && time <= end && value !== null,
        ) as [number, number][],
        end,
      }))
    }
    if (arg.kind !== 'subquery') throw new Error(`the reference has no range ${arg.kind}`)
    const end = (arg.timestampMs ?? t) - arg.offsetMs
    const step = arg.stepMs || this.options.subqueryStepMs
    const rows = new Map<string, { element: Element; points: [number, number][]; end: number }>()
    for (let at = Math.ceil((end - arg.rangeMs) / step) * step; at <= end; at += step) {
      if (at <= end - arg.rangeMs) continue
      for (const element of this.eval(arg.expr, at) as Element[]) {
        const key = keyOf(element.labels)
        const row = rows.get(key) ?? { element, points: [], end }
        rows.set(key, row)
        row.points.push([at, element.value])
      }
    }
    return [...rows.values()]
  }

  call(call: Call, t: number): number | Element[] {
    const { name } = call.func
    const args = call.args
    if (name === 'time') return t / 1000
    if (name === 'vector') {
      return [{ labels: {}, value: this.eval(args[0]!, t) as number, dropName: false }]
    }
    if (name === 'scalar') {
      const elements = this.eval(args[0]!, t) as Element[]
      return elements.length === 1 ? elements[0]!.value : Number.NaN
    }
    if (name === 'absent') {
      return (this.eval(args[0]!, t) as Element[]).length > 0
        ? []
        : [{ labels: {}, value: 1, dropName: false }]
    }
    if (call.func.argTypes.includes('matrix')) return this.window(call, t)
    const [first, second] = args
    const bound = second === undefined ? 0 : (this.eval(second, t) as number)
    const compute: Record<string, (x: number) => number> = {
      abs: Math.abs,
      ceil: Math.ceil,
      floor: Math.floor,
      sqrt: Math.sqrt,
      round: (x) => Math.floor(x / bound + 0.5) * bound,
      clamp_min: (x) => (Number.isNaN(x) || Number.isNaN(bound) ? Number.NaN : Math.max(x, bound)),
      sgn: Math.sign,
    }
    const elements = this.eval(first!, t) as Element[]
    return this.named(elements.map((e) => this.drop(e, compute[name]!(e.value))))
  }

  window(call: Call, t: number): Element[] {
    const { name, argTypes } = call.func
    const rangeAt = argTypes.indexOf('matrix')
    const range = call.args[rangeAt]! as Expr & { rangeMs: number }
    const parameter = call.args.length > 1 ? (this.eval(call.args[1 - rangeAt]!, t) as number) : 0
    const keepsName = name === 'last_over_time' || name === 'first_over_time'
    const out: Element[] = []
    for (const { element, points, end } of this.windows(range, t)) {
      if (points.length === 0) continue
      const window = { startMs: end - range.rangeMs, endMs: end, timeMs: t }
      const value = windowValue(name, points, window, parameter)
      if (value === undefined) continue
      out.push(keepsName ? { ...element, value } : this.drop(element, value))
    }
    return this.named(out)
  }

  aggregate(node: Aggregation, t: number): Element[] {
    const input = this.eval(node.expr, t) as Element[]
    const parameter = node.param === undefined ? 0 : (this.eval(node.param, t) as number)
    const groups = new Map<string, { labels: Record<string, string>; members: Element[] }>()
    for (const element of input) {
      const labels = node.without
        ? without(element.labels, [...node.grouping, '__name__'])
        : only(element.labels, node.grouping)
      const group = groups.get(keyOf(labels)) ?? { labels, members: [] }
      groups.set(keyOf(labels), group)
      group.members.push(element)
    }
    const out: Element[] = []
    for (const { labels, members } of groups.values()) {
      if (node.op === 'topk' || node.op === 'bottomk') {
        const sign = node.op === 'topk' ? -1 : 1
        const rank = (e: Element) =>
          Number.isNaN(e.value) ? Number.POSITIVE_INFINITY : sign * e.value
        const sorted = members.toSorted((a, b) => rank(a) - rank(b) || 0)
        out.push(...sorted.slice(0, Math.max(0, Math.trunc(parameter))))
        continue
      }
      const values = members.map((e) => e.value)
      const dropName = members.some((e) => e.dropName)
      out.push({ labels, value: aggregateValue(node.op, values, parameter), dropName })
    }
    return out
  }

  binary(node: Binary, t: number): number | Element[] {
    const lhs = this.eval(node.lhs, t)
    const rhs = this.eval(node.rhs, t)
    if (typeof lhs === 'number' && typeof rhs === 'number') return Number(apply(node.op, lhs, rhs))
    if (typeof lhs === 'number' || typeof rhs === 'number') return this.scalarBinary(node, lhs, rhs)
    return this.vectorBinary(node, lhs, rhs)
  }

  scalarBinary(node: Binary, lhs: number | Element[], rhs: number | Element[]): Element[] {
    const vector = (typeof lhs === 'number' ? rhs : lhs) as Element[]
    const out: Element[] = []
    for (const element of vector) {
      const a = typeof lhs === 'number' ? lhs : element.value
      const b = typeof rhs === 'number' ? rhs : element.value
      const value = apply(node.op, a, b)
      if (typeof value === 'number') out.push(this.drop(element, value))
      else if (node.returnBool) out.push(this.drop(element, Number(value)))
      else if (value) out.push(element)
    }
    return this.named(out)
  }

  vectorBinary(node: Binary, lhs: Element[], rhs: Element[]): Element[] {
    const matching = node.matching!
    const signature = (e: Element) =>
      keyOf(
        matching.on
          ? only(e.labels, matching.labels)
          : without(e.labels, [...matching.labels, '__name__']),
      )
    const left = new Set(lhs.map(signature))
    const right = new Set(rhs.map(signature))
    if (node.op === 'and') return lhs.filter((e) => right.has(signature(e)))
    if (node.op === 'unless') return lhs.filter((e) => !right.has(signature(e)))
    if (node.op === 'or') return this.named([...lhs, ...rhs.filter((e) => !left.has(signature(e)))])
    const swapped = matching.cardinality === 'one-to-many'
    const [many, one] = swapped ? [rhs, lhs] : [lhs, rhs]
    const oneOf = new Map<string, Element>()
    if (many.length > 0) {
      for (const e of one) {
        if (oneOf.has(signature(e))) throw new ReferenceFailure('duplicates on the one side')
        oneOf.set(signature(e), e)
      }
    }
    const used = new Set<string>()
    const out: Element[] = []
    for (const e of many) {
      const other = oneOf.get(signature(e))
      if (other === undefined) continue
      const [a, b] = swapped ? [other, e] : [e, other]
      const value = apply(node.op, a.value, b.value)
      const labels = this.resultLabels(node, e, other, typeof value === 'number')
      const slot =
        matching.cardinality === 'one-to-one' ? signature(e) : signature(e) + keyOf(labels)
      if (used.has(slot)) throw new ReferenceFailure('several matches')
      used.add(slot)
      const kept = typeof value === 'number' ? value : node.returnBool ? Number(value) : a.value
      if (typeof value === 'boolean' && !value && !node.returnBool) continue
      out.push({ labels, value: kept, dropName: node.returnBool })
    }
    if (new Set(out.map((e) => keyOf(e.labels))).size < out.length) {
      throw new ReferenceFailure('same labelset')
    }
    return out
  }

  resultLabels(node: Binary, many: Element, one: Element, arithmetic: boolean) {
    const matching = node.matching!
    let labels: Record<string, string> = { ...many.labels }
    if (arithmetic || (node.returnBool && !this.options.delayedNameRemoval))
      labels = unnamed(labels)
    if (matching.cardinality === 'one-to-one') {
      labels = matching.on ? only(labels, matching.labels) : without(labels, matching.labels)
    }
    for (const name of matching.include) {
      labels = without(labels, [name])
      if (one.labels[name] !== undefined) labels[name] = one.labels[name]
    }
    return labels
  }
}

function aggregateValue(op: string, values: readonly number[], parameter: number): number {
  const sum = values.reduce((a, b) => a + b, 0)
  const mean = sum / values.length
  switch (op) {
    case 'sum':
      return sum
    case 'avg':
      return mean
    case 'count':
      return values.length
    case 'group':
      return 1
    case 'min':
      return values.reduce((a, b) => (b < a || Number.isNaN(a) ? b : a))
    case 'max':
      return values.reduce((a, b) => (b > a || Number.isNaN(a) ? b : a))
    case 'stdvar':
      return values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
    case 'stddev':
      return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
    case 'quantile':
      return quantile(parameter, values)
    default:
      throw new Error(`the reference has no ${op}`)
  }
}

function apply(op: string, a: number, b: number): number | boolean {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
    case '^':
      // Unlike JavaScript, Go has (±1)^±Inf = 1 and 1^NaN = 1.
      return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b
    case 'atan2':
      return Math.atan2(a, b)
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '>':
      return a > b
    case '<':
      return a < b
    case '>=':
      return a >= b
    case '<=':
      return a <= b
    default:
      throw new Error(`the reference has no ${op}`)
  }
}
