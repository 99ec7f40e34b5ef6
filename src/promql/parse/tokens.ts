// The tokens of PromQL, and how messages name them. A token's kind is its own lower-cased text for operators,
// punctuation and keywords, and one of the capitalised words for everything else.
// Source: Prometheus 3.14 promql/parser/lex.go.

import { quoteGo } from '../../model/index.ts'

/** One token; `start` and `end` are byte offsets, `text` is what was written. */
export interface Token {
  readonly kind: string
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Words with a meaning of their own outside braces, by group. */
export const aggregators: ReadonlySet<string> = words(
  'sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio',
)

/** Modifiers. */
export const keywords: ReadonlySet<string> = words(
  'offset smoothed anchored by without on ignoring group_left group_right fill fill_left fill_right bool',
)

/** Words that may open a call with parentheses, but are no functions to the lexer. */
export const preprocessors: ReadonlySet<string> = words('start end step range max_of min_of')

/** Binary operators written as words. */
export const wordOperators: ReadonlySet<string> = words('and or unless atan2')

/** Every operator, those of matchers and `@` included. */
export const operators: ReadonlySet<string> = words(
  '+ - * / % ^ == != < <= > >= </ >/ =~ !~ @ and or unless atan2',
)

/** Words that stand for numbers. */
export const numberWords: ReadonlySet<string> = words('inf nan')

/** What a parser may take as a metric name although the word has a meaning. */
export const metricWords: ReadonlySet<string> = new Set([
  ...aggregators,
  ...preprocessors,
  ...words('by offset without fill fill_left fill_right anchored smoothed and or unless'),
])

/** What may stand in by(), on() and their like although the word has a meaning. */
export const labelWords: ReadonlySet<string> = new Set([
  ...metricWords.values().filter((word) => word !== 'without'),
  ...words('bool group_left group_right ignoring on atan2'),
])

function words(text: string): Set<string> {
  return new Set(text.split(' '))
}

const classNames: Readonly<Record<string, string>> = {
  IDENTIFIER: 'identifier',
  METRIC_IDENTIFIER: 'metric identifier',
  STRING: 'string',
  NUMBER: 'number',
  DURATION: 'duration',
}

/** A token as a message names it: `<op:+>`, `identifier "foo"`, `end of input`. */
export function describeToken(token: Token): string {
  if (token.kind === 'EOF') return 'end of input'
  const className = classNames[token.kind]
  if (className !== undefined) return `${className} ${quoted(token)}`
  if (keywords.has(token.kind)) return `<${token.text}>`
  if (operators.has(token.kind)) return `<op:${token.text}>`
  if (aggregators.has(token.kind)) return `<aggr:${token.text}>`
  return quoted(token)
}

// Names are shown whole, everything else up to ten characters.
function quoted(token: Token): string {
  const isName = token.kind === 'IDENTIFIER' || token.kind === 'METRIC_IDENTIFIER'
  if (isName || Buffer.byteLength(token.text) <= 10) return quoteGo(token.text)
  return `${quoteGo([...token.text].slice(0, 10).join(''))}...`
}

/** A character as Go's %q shows it: in single quotes. */
export function quoteChar(char: string): string {
  if (char === "'") return "'\\''"
  if (char === '"') return `'"'`
  return `'${quoteGo(char).slice(1, -1)}'`
}
