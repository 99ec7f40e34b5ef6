// Turns matchers into something an index can ask: exact values where there are few, else a regular expression
// that runs in time linear in the value. User patterns never reach RegExp.
// Here: the cache and the meaning of the four operators. Elsewhere: the expressions themselves (regex.ts).

import type { Matcher } from '../../model/index.ts'
import type { CompiledMatcher, MatcherCompiler } from '../../storage/index.ts'
import { compileRegex, type Regex } from './regex.ts'

/** Bounds of the cache of compiled expressions. */
export interface MatcherCompilerOptions {
  readonly cacheCountMax: number
  readonly cacheSizeBytesMax: number
}

/** A thousand expressions, 32 MiB. */
export const matcherCompilerDefaults: MatcherCompilerOptions = {
  cacheCountMax: 1000,
  cacheSizeBytesMax: 32 << 20,
}

/** A compiler that remembers the expressions it used last. Not shared between threads. */
export function createMatcherCompiler(
  options: Partial<MatcherCompilerOptions> = {},
): MatcherCompiler {
  const cache = new RegexCache({ ...matcherCompilerDefaults, ...options })
  return (matcher) => compileWith(matcher, (pattern) => cache.get(pattern))
}

function compileWith(matcher: Matcher, regexOf: (pattern: string) => Regex): CompiledMatcher {
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
    case '=~':
      return positive(matcher, regexOf(value))
    case '!~': {
      const regex = regexOf(value)
      return { matcher, matches: (text) => !regex.matches(text), matchesEmpty: !regex.matches('') }
    }
  }
}

function positive(matcher: Matcher, regex: Regex): CompiledMatcher {
  const { set, prefix } = regex.shape
  return {
    matcher,
    matches: (text) => regex.matches(text),
    matchesEmpty: regex.matches(''),
    ...(set === undefined ? {} : { setValues: set }),
    ...(prefix === '' ? {} : { prefix }),
  }
}

// Expressions in order of last use; automata grow while they are used, so sizes are summed anew on each miss.
class RegexCache {
  readonly #byPattern = new Map<string, Regex>()
  readonly #options: MatcherCompilerOptions

  constructor(options: MatcherCompilerOptions) {
    this.#options = options
  }

  get(pattern: string): Regex {
    const known = this.#byPattern.get(pattern)
    if (known !== undefined) {
      this.#byPattern.delete(pattern)
      this.#byPattern.set(pattern, known)
      return known
    }
    const regex = compileRegex(pattern)
    this.#byPattern.set(pattern, regex)
    this.#evict()
    return regex
  }

  #evict(): void {
    let sizeBytes = 0
    for (const regex of this.#byPattern.values()) sizeBytes += regex.sizeBytes()
    for (const [pattern, regex] of this.#byPattern) {
      const isSmall =
        this.#byPattern.size <= this.#options.cacheCountMax &&
        sizeBytes <= this.#options.cacheSizeBytesMax
      if (isSmall || this.#byPattern.size === 1) return
      sizeBytes -= regex.sizeBytes()
      this.#byPattern.delete(pattern)
    }
  }
}
