// Prints expressions in canonical form: on one line (rules API, generator URLs), or pretty over several lines
// (format_query). What is printed parses to the same tree.
// Source: Prometheus 3.14 promql/parser/printer.go and prettier_rules.md.

import {
  compareUtf8,
  formatDurationMs,
  formatFloatPlain,
  formatFloatShort,
  formatMatcher,
  isLegacyLabelName,
  metricNameLabel,
  quoteGo,
} from '../../model/index.ts'
import type {
  Aggregation,
  Binary,
  DurationExpr,
  DurationOperand,
  Expr,
  MatrixSelector,
  NumberLiteral,
  Subquery,
  TimeModifiers,
  VectorSelector,
} from './ast.ts'

// Expressions that are longer, in bytes, are split.
const lineSizeBytesMax = 100

/** The canonical form on one line. */
export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'numberLiteral':
      return printNumber(expr)
    case 'stringLiteral':
      return reparseable(quoteGo(expr.value))
    case 'vectorSelector':
      return printVectorSelector(expr)
    case 'matrixSelector':
      return printMatrixSelector(expr)
    case 'subquery':
      return printExpr(expr.expr) + subqueryBrackets(expr)
    case 'call':
      return `${expr.func.name}(${expr.args.map(printExpr).join(', ')})`
    case 'aggregation':
      return `${aggregationHead(expr)}(${argumentsOf(expr).map(printExpr).join(', ')})`
    case 'binary':
      return `${printLeft(expr)} ${operatorOf(expr)} ${printExpr(expr.rhs)}`
    case 'unary':
      return expr.op + printExpr(expr.expr)
    case 'paren':
      return `(${printExpr(expr.expr)})`
  }
}

/** The form of format_query: what does not fit 100 columns is split, arguments indented by two spaces. */
export function prettifyExpr(expr: Expr): string {
  return pretty(expr, 0)
}

function pretty(expr: Expr, level: number): string {
  const indent = '  '.repeat(level)
  const line = printExpr(expr)
  const fits = Buffer.byteLength(line) <= lineSizeBytesMax
  switch (expr.kind) {
    case 'subquery':
      // A subquery that fits stands without indentation, as Prometheus prints it.
      return fits ? line : pretty(expr.expr, level) + subqueryBrackets(expr)
    case 'unary':
      return `${indent}${expr.op}${pretty(expr.expr, level).trim()}`
    case 'binary': {
      if (fits) break
      const lhs = isInfinityToPower(expr) ? `${indent}  Inf` : pretty(expr.lhs, level + 1)
      const rhs = pretty(expr.rhs, level + 1)
      return `${lhs}\n${indent}${operatorOf(expr)}\n${rhs}`
    }
    case 'call':
      if (fits) break
      return block(`${indent}${expr.func.name}`, expr.args, level)
    case 'aggregation':
      if (fits) break
      return block(`${indent}${aggregationHead(expr)}`, argumentsOf(expr), level)
    case 'paren':
      if (fits) break
      return block(indent, [expr.expr], level)
  }
  return indent + line
}

function block(head: string, inner: readonly Expr[], level: number): string {
  const lines = inner.map((expr) => pretty(expr, level + 1)).join(',\n')
  return `${head}(\n${lines}\n${'  '.repeat(level)})`
}

function argumentsOf(node: Aggregation): readonly Expr[] {
  return node.param === undefined ? [node.expr] : [node.param, node.expr]
}

function aggregationHead(node: Aggregation): string {
  if (node.without) return `${node.op} without (${printNames(node.grouping)}) `
  if (node.grouping.length > 0) return `${node.op} by (${printNames(node.grouping)}) `
  return node.op
}

function printNames(names: readonly string[]): string {
  return names.map((name) => (isLegacyLabelName(name) ? name : quoteGo(name))).join(', ')
}

function printLeft(node: Binary): string {
  return isInfinityToPower(node) ? 'Inf' : printExpr(node.lhs)
}

// `+Inf ^ x` would be read as +(Inf ^ x), so the sign is left out there.
function isInfinityToPower({ op, lhs }: Binary): boolean {
  return op === '^' && lhs.kind === 'numberLiteral' && lhs.value === Infinity
}

// The operator with everything that stands between the operands.
function operatorOf(node: Binary): string {
  const head = node.returnBool ? `${node.op} bool` : node.op
  const { matching } = node
  if (matching === undefined) return head
  const isGrouped = matching.cardinality === 'many-to-one' || matching.cardinality === 'one-to-many'
  let out: string = head
  if (matching.labels.length > 0 || matching.on || isGrouped) {
    out += ` ${matching.on ? 'on' : 'ignoring'} (${printNames(matching.labels)})`
  }
  if (isGrouped) {
    const side = matching.cardinality === 'many-to-one' ? 'left' : 'right'
    out += ` group_${side} (${printNames(matching.include)})`
  }
  const { lhs, rhs } = matching.fill
  if (lhs !== undefined && lhs === rhs) return `${out} fill (${formatFloatShort(lhs)})`
  if (lhs !== undefined) out += ` fill_left (${formatFloatShort(lhs)})`
  if (rhs !== undefined) out += ` fill_right (${formatFloatShort(rhs)})`
  return out
}

function printNumber(node: NumberLiteral): string {
  if (!node.isDuration) return formatFloatPlain(node.value)
  return formatDurationMs(Math.trunc(Math.round(node.value * 1e9) / 1e6))
}

/** The canonical form of a duration expression. */
export function printDuration(node: DurationOperand): string {
  if (node.kind === 'numberLiteral') return printNumber(node)
  const text = printOperation(node)
  return node.wrapped ? `(${text})` : text
}

function printOperation(node: DurationExpr): string {
  const lhs = node.lhs === undefined ? '' : printDuration(node.lhs)
  const rhs = node.rhs === undefined ? '' : printDuration(node.rhs)
  if (node.op === 'step' || node.op === 'range') return `${node.op}()`
  if (node.op === 'min_of' || node.op === 'max_of') return `${node.op}(${lhs}, ${rhs})`
  if (node.lhs === undefined) return node.op === '-' ? `-${rhs}` : rhs
  return `${lhs} ${node.op} ${rhs}`
}

function printVectorSelector(node: VectorSelector): string {
  return printSeries(node) + printAt(node) + printExtension(node) + printOffset(node)
}

// The modifiers stand in another order than those of an instant selector; Prometheus has it so.
function printMatrixSelector(node: MatrixSelector): string {
  const { selector } = node
  const range = printRange(node.rangeMs, node.rangeExpr)
  const modifiers = printExtension(selector) + printAt(selector) + printOffset(selector)
  return `${printSeries(selector)}[${range}]${modifiers}`
}

function subqueryBrackets(node: Subquery): string {
  const range = printRange(node.rangeMs, node.rangeExpr)
  const hasStep = node.stepMs !== 0 || node.stepExpr !== undefined
  const step = hasStep ? printRange(node.stepMs, node.stepExpr) : ''
  return `[${range}:${step}]${printAt(node)}${printOffset(node)}`
}

function printSeries(node: VectorSelector): string {
  const conditions = node.matchers
    .filter(
      ({ name, type, value }) =>
        name !== metricNameLabel || type !== '=' || value !== node.name || value === '',
    )
    .map((matcher) => reparseable(formatMatcher(matcher)))
    .sort(compareUtf8)
  return conditions.length === 0 ? node.name || '{}' : `${node.name}{${conditions.join(',')}}`
}

// Bytes that are no UTF-8 stand as lone surrogates (literals.ts), and the lexer refuses a bare U+FFFD.
function reparseable(quoted: string): string {
  return quoted.replaceAll(/\\udc([89a-f][0-9a-f])/g, '\\x$1').replaceAll('\ufffd', '\\ufffd')
}

function printAt(node: TimeModifiers): string {
  if (node.timestampMs !== undefined) return ` @ ${formatSeconds(node.timestampMs)}`
  return node.startOrEnd === undefined ? '' : ` @ ${node.startOrEnd}()`
}

// Three decimals; plain arithmetic on whole milliseconds keeps them exact.
function formatSeconds(timestampMs: number): string {
  const size = BigInt(Math.abs(timestampMs))
  const sign = timestampMs < 0 ? '-' : ''
  return `${sign}${size / 1000n}.${String(size % 1000n).padStart(3, '0')}`
}

function printExtension(node: VectorSelector): string {
  if (node.anchored) return ' anchored'
  return node.smoothed ? ' smoothed' : ''
}

function printOffset(node: TimeModifiers): string {
  if (node.offsetExpr !== undefined) return ` offset ${printDuration(node.offsetExpr)}`
  return node.offsetMs === 0 ? '' : ` offset ${formatDurationMs(node.offsetMs)}`
}

function printRange(durationMs: number, expr: DurationExpr | undefined): string {
  return expr === undefined ? formatDurationMs(durationMs) : printDuration(expr)
}
