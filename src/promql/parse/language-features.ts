// What the language can do here, as /api/v1/features tells it: keywords, operators, functions.
// Source: Prometheus 3.14 promql/parser/features.go.

import type { ParserFeatures } from './features.ts'
import { functionSignatures } from './functions.ts'
import { aggregators, keywords, operators } from './tokens.ts'

/** Names and whether each is on, by the groups of Prometheus' API. */
export interface LanguageFeatures {
  readonly promql: Readonly<Record<string, boolean>>
  readonly promql_operators: Readonly<Record<string, boolean>>
  readonly promql_functions: Readonly<Record<string, boolean>>
}

/** What is on with these features. What the engine adds (delayed_name_removal and the like) is not in it. */
export function languageFeatures(features: ParserFeatures): LanguageFeatures {
  const { experimentalFunctions, extendedRangeSelectors, fillModifiers } = features
  const promql: Record<string, boolean> = { duration_expr: true }
  for (const word of keywords) {
    if (word === 'anchored' || word === 'smoothed') promql[word] = extendedRangeSelectors
    else promql[word] = word.startsWith('fill') ? fillModifiers : true
  }
  const isOperatorOn = (name: string) => experimentalFunctions || !name.startsWith('limit')
  return {
    promql,
    promql_operators: Object.fromEntries(
      [...operators, ...aggregators].map((name) => [name, isOperatorOn(name)]),
    ),
    promql_functions: Object.fromEntries(
      [...functionSignatures].map(([name, { experimental }]) => [
        name,
        experimentalFunctions || !experimental,
      ]),
    ),
  }
}
