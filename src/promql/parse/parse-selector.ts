// Selectors and label lists: what stands between braces, and label names between parentheses.
// Source: Prometheus 3.14 promql/parser/generated_parser.y, vector_selector and grouping_labels.

import {
  type Label,
  type Matcher,
  type MatcherType,
  metricNameLabel,
  quoteGo,
} from '../../model/index.ts'
import type { VectorSelector } from './ast.ts'
import { unquote } from './literals.ts'
import type { TokenStream } from './token-stream.ts'
import { labelWords, metricWords, type Token } from './tokens.ts'

const matcherTypes: ReadonlySet<string> = new Set(['=', '!=', '=~', '!~'])

/** Whether the token can be a metric name before braces. */
export function isMetricName(token: Token): boolean {
  return (
    token.kind === 'IDENTIFIER' || token.kind === 'METRIC_IDENTIFIER' || metricWords.has(token.kind)
  )
}

/** Reads a vector selector; the metric name, when there is one, was taken already. */
export function parseVectorSelector(stream: TokenStream, name: Token | undefined): VectorSelector {
  const matchers: Matcher[] = []
  const first = name ?? stream.peek()
  let end = first.end
  if (stream.at('{')) {
    stream.take()
    end = parseMatchers(stream, matchers)
  } else if (name === undefined) throw stream.unexpected()
  if (name !== undefined) matchers.push({ type: '=', name: metricNameLabel, value: name.text })
  return {
    kind: 'vectorSelector',
    name: name?.text ?? '',
    matchers,
    offsetMs: 0,
    offsetExpr: undefined,
    timestampMs: undefined,
    startOrEnd: undefined,
    anchored: false,
    smoothed: false,
    allowsEmptyMatchers: false,
    pos: { start: first.start, end },
  }
}

// Returns the end of the closing brace.
function parseMatchers(stream: TokenStream, into: Matcher[]): number {
  if (stream.at('}')) return stream.take().end
  for (;;) {
    into.push(parseMatcher(stream))
    if (stream.accept(',') === undefined) break
    if (stream.at('}')) break
  }
  if (!stream.at('}')) throw stream.unexpected('label matching', '"," or "}"')
  return stream.take().end
}

function parseMatcher(stream: TokenStream): Matcher {
  const first = stream.peek()
  if (first.kind !== 'IDENTIFIER' && first.kind !== 'STRING') {
    throw stream.unexpected('label matching', 'identifier or "}"')
  }
  stream.take()
  const isQuoted = first.kind === 'STRING'
  const name = isQuoted ? unquote(first.text) : first.text
  const operator = stream.peek()
  if (!matcherTypes.has(operator.kind)) {
    if (isQuoted) return { type: '=', name: metricNameLabel, value: name }
    throw stream.unexpected('label matching', 'label matching operator')
  }
  stream.take()
  if (!stream.at('STRING')) throw stream.unexpected('label matching', 'string')
  const value = unquote(stream.take().text)
  const matcher = { type: operator.kind as MatcherType, name, value }
  const fault = regexFaultOf(stream, matcher)
  if (fault !== undefined) throw stream.fault(first.start, fault)
  return matcher
}

function regexFaultOf(stream: TokenStream, matcher: Matcher): string | undefined {
  if (matcher.type === '=' || matcher.type === '!=') return undefined
  try {
    stream.compile(matcher)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Reads `(a, "b.c", d)` as by, without, on, ignoring, group_left and group_right have it. */
export function parseLabelNames(stream: TokenStream): string[] {
  if (!stream.at('(')) throw stream.unexpected('grouping opts', '"("')
  stream.take()
  const names: string[] = []
  if (stream.accept(')')) return names
  for (;;) {
    names.push(parseLabelName(stream))
    if (stream.accept(',') === undefined) break
    if (stream.at(')')) break
  }
  if (!stream.at(')')) throw stream.unexpected('grouping opts', '"," or ")"')
  stream.take()
  return names
}

function parseLabelName(stream: TokenStream): string {
  const token = stream.peek()
  const isWord =
    token.kind === 'IDENTIFIER' || token.kind === 'METRIC_IDENTIFIER' || labelWords.has(token.kind)
  if (!isWord && token.kind !== 'STRING') throw stream.unexpected('grouping opts', 'label')
  stream.take()
  const name = isWord ? token.text : unquote(token.text)
  if (name === '' || !name.isWellFormed()) {
    throw stream.fault(token.start, `invalid label name for grouping: ${quoteGo(name)}`)
  }
  return name
}

/** Reads the labels of a series, `{a="b", "c.d"="e", "metric.name"}`; the next token is the opening brace. */
export function parseLabelSet(stream: TokenStream): Label[] {
  const labels: Label[] = []
  stream.expect('{')
  if (stream.accept('}')) return labels
  for (;;) {
    labels.push(parseLabelSetItem(stream))
    if (stream.accept(',') === undefined) break
    if (stream.at('}')) break
  }
  if (!stream.at('}')) throw stream.unexpected('label set', '"," or "}"')
  stream.take()
  return labels
}

function parseLabelSetItem(stream: TokenStream): Label {
  const first = stream.peek()
  if (first.kind !== 'IDENTIFIER' && first.kind !== 'STRING') {
    throw stream.unexpected('label set', 'identifier or "}"')
  }
  stream.take()
  const isQuoted = first.kind === 'STRING'
  const name = isQuoted ? unquote(first.text) : first.text
  if (!stream.at('=')) {
    if (isQuoted) return { name: metricNameLabel, value: name }
    throw stream.unexpected('label set', '"="')
  }
  stream.take()
  if (!stream.at('STRING')) throw stream.unexpected('label set', 'string')
  return { name, value: unquote(stream.take().text) }
}
