// Expressions without data: the selectors in a query or in match[] parameters, formatting and the tree as JSON.

import { type Matcher, UserError } from '../model/index.ts'
import {
  allParserFeatures,
  exprToJson,
  parseExpr,
  parseSelector,
  prettifyExpr,
  selectorsOf,
} from '../promql/index.ts'

/** The selectors of match[] parameters. Throws UserError bad_data naming the parameter. */
export function parseSelectors(texts: readonly string[]): (readonly Matcher[])[] {
  return texts.map((text) => naming('match[]', () => parseSelector(text)))
}

/** The matchers of every selector in a query; for exemplars. Throws UserError bad_data. */
export function selectorsIn(query: string): (readonly Matcher[])[] {
  const expr = naming('query', () => parseExpr(query, allParserFeatures))
  return selectorsOf(expr).map((selector) => selector.matchers)
}

/** The query, pretty-printed. Throws UserError bad_data. */
export function formatQuery(query: string): string {
  return prettifyExpr(naming('query', () => parseExpr(query, allParserFeatures)))
}

/** The query's tree as /parse_query answers it. Throws UserError bad_data. */
export function parseQuery(query: string): unknown {
  return exprToJson(naming('query', () => parseExpr(query, allParserFeatures)))
}

/** Puts the parameter's name before a parse error, as the API says it. */
export function naming<T>(parameter: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'bad_data') throw error
    throw new UserError('bad_data', {
      what: `invalid parameter "${parameter}": ${error.message}`,
      cause: error,
    })
  }
}
