// A naive evaluator: one expression at one time over plain objects, written from the documentation alone and for
// reading, not for speed. Floats only; metric names are dropped at once.
import type { Aggregation, Binary, Call, Expr, TimeModifiers } from '../../../src/promql/index.ts'
import { windowValue } from './windows.ts'

export type LabelSet = Readonly<Record<string, string>>

export interface ReferenceSeries {
  readonly labels: LabelSet
  /** [Unix milliseconds, value]; 'stale' ends the series for a while. */
  readonly samples: readonly (readonly [number, number | 'stale'])[]
}

export interface Element {
  readonly labels: LabelSet
  readonly value: number
}

type Sample = readonly [number, number]
type Value =
  | { readonly kind: 'scalar'; readonly value: number }
  | { readonly kind: 'vector'; readonly elements: readonly Element[] }

const lookbackMs = 300_000
const subqueryStepMs = 60_000

export class Reference {
  readonly #series: readonly ReferenceSeries[]
  readonly #queryStartMs: number
  readonly #queryEndMs: number

  constructor(series: readonly ReferenceSeries[], startMs: number, endMs: number) {
    this.#series = series
    this.#queryStartMs = startMs
    this.#queryEndMs = endMs
  }

  /** The vector (a scalar is one without labels) of `expr` at `timeMs`; throws what the query would fail with. */
  at(expr: Expr, timeMs: number): readonly Element[] {
    const value = this.#eval(expr, timeMs)
    return value.kind === 'scalar' ? [{ labels: {}, value: value.value }] : value.elements
  }

  #eval(expr: Expr, timeMs: number): Value {
    switch (expr.kind) {
      case 'numberLiteral':
        return { kind: 'scalar', value: expr.value }
      case 'paren':
        return this.#eval(expr.expr, timeMs)
      case 'unary': {
        const inner = this.#eval(expr.expr, timeMs)
        if (expr.op === '+') return inner
        if (inner.kind === 'scalar') return { kind: 'scalar', value: -inner.value }
        return vector(inner.elements.map((e) => ({ labels: nameless(e.labels), value: -e.value })))
      }
      case 'vectorSelector': {
        const at = this.#timeOf(expr, timeMs)
        return vector(
          this.#select(expr.matchers).flatMap(({ labels, samples }) => {
            const last = samples.filter(([t]) => t > at - lookbackMs && t <= at).at(-1)
            return last === undefined || last[1] === 'stale' ? [] : [{ labels, value: last[1] }]
          }),
        )
      }
      case 'call':
        return this.#call(expr, timeMs)
      case 'aggregation':
        return vector(this.#aggregate(expr, timeMs))
      case 'binary':
        return this.#binary(expr, timeMs)
      default:
        throw new Error(`no value: ${expr.kind}`)
    }
  }

  #timeOf(modifiers: TimeModifiers, timeMs: number): number {
    const edges = { start: this.#queryStartMs, end: this.#queryEndMs }
    const fixed = modifiers.startOrEnd && edges[modifiers.startOrEnd]
    return (modifiers.timestampMs ?? fixed ?? timeMs) - modifiers.offsetMs
  }

  #select(
    matchers: readonly { readonly type: string; readonly name: string; readonly value: string }[],
  ): ReferenceSeries[] {
    return this.#series.filter(({ labels }) =>
      matchers.every(({ type, name, value }) => {
        const actual = labels[name] ?? ''
        if (type === '=') return actual === value
        if (type === '!=') return actual !== value
        return new RegExp(`^(?:${value})$`).test(actual) === (type === '=~')
      }),
    )
  }

  // The samples of a range by series, and the window they come from.
  #range(expr: Expr, timeMs: number): { labels: LabelSet; samples: Sample[]; endMs: number }[] {
    if (expr.kind === 'matrixSelector') {
      const endMs = this.#timeOf(expr.selector, timeMs)
      return this.#select(expr.selector.matchers).map(({ labels, samples }) => ({
        labels,
        endMs,
        samples: samples.filter(
          (s): s is Sample => s[0] > endMs - expr.rangeMs && s[0] <= endMs && s[1] !== 'stale',
        ),
      }))
    }
    if (expr.kind !== 'subquery') throw new Error('no range')
    const endMs = this.#timeOf(expr, timeMs)
    const stepMs = expr.stepMs === 0 ? subqueryStepMs : expr.stepMs
    const rows = new Map<string, { labels: LabelSet; samples: Sample[]; endMs: number }>()
    const first = Math.floor((endMs - expr.rangeMs) / stepMs) * stepMs + stepMs
    for (let t = first; t <= endMs; t += stepMs) {
      for (const { labels, value } of this.at(expr.expr, t)) {
        const key = keyOf(labels)
        if (!rows.has(key)) rows.set(key, { labels, samples: [], endMs })
        rows.get(key)!.samples.push([t, value])
      }
    }
    return [...rows.values()]
  }

  #call(call: Call, timeMs: number): Value {
    const { name } = call.func
    const numbers = (from: number): number[] =>
      call.args.slice(from).map((arg) => this.#scalar(arg, timeMs))
    if (name === 'time') return { kind: 'scalar', value: timeMs / 1000 }
    if (name === 'vector') return vector([{ labels: {}, value: numbers(0)[0]! }])
    if (name === 'scalar') {
      const elements = this.at(call.args[0]!, timeMs)
      return { kind: 'scalar', value: elements.length === 1 ? elements[0]!.value : Number.NaN }
    }
    const rangeAt = call.func.argTypes.indexOf('matrix')
    if (rangeAt >= 0) {
      const range = call.args[rangeAt]!
      const scalar = call.args.length > 1 ? this.#scalar(call.args[1 - rangeAt]!, timeMs) : 0
      const rangeMs = 'rangeMs' in range ? range.rangeMs : 0
      const keepsName = name === 'last_over_time' || name === 'first_over_time'
      return vector(
        this.#range(range, timeMs).flatMap(({ labels, samples, endMs }) => {
          const window = { startMs: endMs - rangeMs, endMs, timeMs }
          const value = samples.length > 0 ? windowValue(name, samples, window, scalar) : undefined
          if (value === undefined) return []
          return [{ labels: keepsName ? labels : nameless(labels), value }]
        }),
      )
    }
    const scalars = numbers(1)
    return vector(
      this.at(call.args[0]!, timeMs).flatMap(({ labels, value }) => {
        const result = elementValue(name, value, scalars)
        return result === undefined ? [] : [{ labels: nameless(labels), value: result }]
      }),
    )
  }

  #scalar(expr: Expr, timeMs: number): number {
    const value = this.#eval(expr, timeMs)
    if (value.kind !== 'scalar') throw new Error('a scalar was expected')
    return value.value
  }

  #aggregate(aggregation: Aggregation, timeMs: number): Element[] {
    const { op, grouping, without } = aggregation
    const param = aggregation.param && this.#scalar(aggregation.param, timeMs)
    const groups = new Map<string, { labels: LabelSet; elements: Element[] }>()
    for (const element of this.at(aggregation.expr, timeMs)) {
      const labels = pick(element.labels, (name) =>
        without ? name !== '__name__' && !grouping.includes(name) : grouping.includes(name),
      )
      const key = keyOf(labels)
      if (!groups.has(key)) groups.set(key, { labels, elements: [] })
      groups.get(key)!.elements.push(element)
    }
    return [...groups.values()].flatMap(({ labels, elements }) => {
      if (op !== 'topk' && op !== 'bottomk') {
        return [{ labels, value: aggregateValue(op, elements, param) }]
      }
      return ranked(elements, op === 'topk' ? -1 : 1, Math.max(0, Math.trunc(param!)))
    })
  }

  #binary(binary: Binary, timeMs: number): Value {
    const left = this.#eval(binary.lhs, timeMs)
    const right = this.#eval(binary.rhs, timeMs)
    if (left.kind === 'scalar' && right.kind === 'scalar') {
      return { kind: 'scalar', value: Number(operate(binary.op, left.value, right.value)) }
    }
    if (left.kind === 'vector' && right.kind === 'vector') {
      return vector(joinVectors(binary, left.elements, right.elements))
    }
    const elements =
      left.kind === 'vector'
        ? left.elements
        : (right as typeof left & Value & { elements: Element[] }).elements
    return vector(
      elements.flatMap(({ labels, value }) => {
        const result =
          left.kind === 'scalar'
            ? operate(binary.op, left.value, value)
            : operate(binary.op, value, (right as { value: number }).value)
        return outcome(binary, labels, value, result)
      }),
    )
  }
}

function vector(elements: readonly Element[]): Value {
  const keys = new Set(elements.map(({ labels }) => keyOf(labels)))
  if (keys.size < elements.length) throw new Error('two elements with the same labels')
  return { kind: 'vector', elements }
}

export function keyOf(labels: LabelSet): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function pick(labels: LabelSet, keep: (name: string) => boolean): LabelSet {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => keep(name)))
}

function nameless(labels: LabelSet): LabelSet {
  return pick(labels, (name) => name !== '__name__')
}

/** The answer depends on an order that the language leaves open. */
export class Ambiguous extends Error {}

function ranked(elements: readonly Element[], sign: 1 | -1, count: number): Element[] {
  const numbers = elements
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => sign * (a.value - b.value))
  const sorted = numbers.concat(elements.filter(({ value }) => Number.isNaN(value)))
  const [last, next] = [sorted[count - 1]?.value, sorted[count]?.value]
  if (last !== undefined && next !== undefined && Object.is(last, next)) throw new Ambiguous()
  return sorted.slice(0, count)
}

function elementValue(name: string, value: number, scalars: readonly number[]): number | undefined {
  const [first, second] = scalars
  switch (name) {
    case 'abs':
      return Math.abs(value)
    case 'ceil':
      return Math.ceil(value)
    case 'floor':
      return Math.floor(value)
    case 'sgn':
      return Math.sign(value)
    case 'sqrt':
      return Math.sqrt(value)
    case 'round':
      return Math.floor(value / (first ?? 1) + 0.5) * (first ?? 1)
    case 'clamp_min':
      return Math.max(value, first!)
    case 'clamp':
      return second! < first! ? undefined : Math.max(first!, Math.min(second!, value))
    default:
      throw new Error(`no such function: ${name}`)
  }
}

function aggregateValue(
  op: string,
  elements: readonly Element[],
  param: number | undefined,
): number {
  const values = elements.map(({ value }) => value)
  const sum = values.reduce((a, b) => a + b, 0)
  const mean = sum / values.length
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
  const numbers = values.filter((value) => !Number.isNaN(value))
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
      return numbers.length === 0 ? Number.NaN : Math.min(...numbers)
    case 'max':
      return numbers.length === 0 ? Number.NaN : Math.max(...numbers)
    case 'stddev':
      return Math.sqrt(variance)
    case 'stdvar':
      return variance
    case 'quantile':
      return quantile(param!, values)
    default:
      throw new Error(`no such aggregation: ${op}`)
  }
}

export function quantile(phi: number, values: readonly number[]): number {
  if (Number.isNaN(phi)) return Number.NaN
  if (phi < 0) return -Infinity
  if (phi > 1) return Infinity
  const order = (value: number): number => (Number.isNaN(value) ? -Infinity : value)
  const sorted = [...values].sort((a, b) => order(a) - order(b) || 0)
  const rank = phi * (sorted.length - 1)
  const low = Math.floor(rank)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low]! * (1 - (rank - low)) + sorted[high]! * (rank - low)
}

// A number for arithmetic, whether it holds for comparisons.
function operate(op: string, a: number, b: number): number | boolean {
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
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    default:
      throw new Error(`no such operator: ${op}`)
  }
}

// A comparison without bool keeps the element, names and all.
function outcome(
  binary: Binary,
  labels: LabelSet,
  kept: number,
  result: number | boolean,
): Element[] {
  if (typeof result === 'number') return [{ labels: nameless(labels), value: result }]
  if (binary.returnBool) return [{ labels: nameless(labels), value: Number(result) }]
  return result ? [{ labels, value: kept }] : []
}

function joinVectors(
  binary: Binary,
  left: readonly Element[],
  right: readonly Element[],
): Element[] {
  const { cardinality, labels, on, include } = binary.matching!
  const signature = (element: Element): string =>
    keyOf(
      pick(element.labels, (name) =>
        on ? labels.includes(name) : name !== '__name__' && !labels.includes(name),
      ),
    )
  const leftKeys = new Set(left.map(signature))
  const rightKeys = new Set(right.map(signature))
  if (binary.op === 'and') return left.filter((element) => rightKeys.has(signature(element)))
  if (binary.op === 'unless') return left.filter((element) => !rightKeys.has(signature(element)))
  if (binary.op === 'or') {
    return [...left, ...right.filter((element) => !leftKeys.has(signature(element)))]
  }
  if (left.length === 0 || right.length === 0) return []
  const swapped = cardinality === 'one-to-many'
  const [many, one] = swapped ? [right, left] : [left, right]
  const partners = new Map<string, Element>()
  for (const element of one) {
    const key = signature(element)
    if (partners.has(key)) throw new Error('many-to-many')
    partners.set(key, element)
  }
  const matched = new Set<string>()
  return many.flatMap((element) => {
    const key = signature(element)
    const partner = partners.get(key)
    if (partner === undefined) return []
    const [a, b] = swapped ? [partner, element] : [element, partner]
    const result = operate(binary.op, a.value, b.value)
    let out = element.labels
    if (cardinality === 'one-to-one') {
      out = pick(out, (name) => (on ? labels.includes(name) : !labels.includes(name)))
    }
    for (const name of include) {
      const { [name]: _old, ...rest } = out
      const value = partner.labels[name]
      out = value === undefined ? rest : { ...rest, [name]: value }
    }
    const shown = typeof result === 'number' || binary.returnBool ? nameless(out) : out
    const unique = cardinality === 'one-to-one' ? key : key + keyOf(shown)
    if (matched.has(unique)) throw new Error('multiple matches')
    matched.add(unique)
    return outcome(binary, out, a.value, result)
  })
}
