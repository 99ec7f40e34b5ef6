// Turns matchers into something an index can ask: exact values where there are few, else a regular expression
// that runs in time linear in the value.
// Here: the cache and the meaning of the four operators. Elsewhere: the expressions themselves.

import { RE2JS } from 're2js'
import { type Matcher, UserError } from '../../model/index.ts'
import type { CompiledMatcher, MatcherCompiler } from '../../storage/index.ts'

/** A compiler that remembers the expressions it compiled last, up to `cacheCountMax` of them. */
export function createMatcherCompiler(
  options: { readonly cacheCountMax?: number } = {},
): MatcherCompiler {
  const cache = new Map<string, CompiledMatcher>()
  const cacheCountMax = options.cacheCountMax ?? 1000
  return (matcher) => {
    if (matcher.type === '=' || matcher.type === '!=') return compileMatcher(matcher)
    const key = `${matcher.type}${matcher.name}\0${matcher.value}`
    const known = cache.get(key)
    if (known !== undefined) return known
    const compiled = compileMatcher(matcher)
    if (cache.size >= cacheCountMax) cache.delete(cache.keys().next().value!)
    cache.set(key, compiled)
    return compiled
  }
}

/** Compiles one matcher; throws UserError bad_data for a bad regular expression. */
export function compileMatcher(matcher: Matcher): CompiledMatcher {
  const { value } = matcher
  switch (matcher.type) {
    case '=':
      return {
        matcher,
        matches: (text) => text === value,
        matchesEmpty: value === '',
        setValues: [value],
      }
    case '!=':
      return { matcher, matches: (text) => text !== value, matchesEmpty: value !== '' }
    case '=~': {
      const regex = compileRegex(value)
      return { matcher, matches: (text) => regex.matches(text), matchesEmpty: regex.matches('') }
    }
    case '!~': {
      const regex = compileRegex(value)
      return { matcher, matches: (text) => !regex.matches(text), matchesEmpty: !regex.matches('') }
    }
  }
}

function compileRegex(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL)
  } catch (cause) {
    throw new UserError('bad_data', { what: (cause as Error).message, cause })
  }
}
