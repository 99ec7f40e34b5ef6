// From matchers to series: which lists of an index to read, to intersect and to take away.
// A missing label counts as empty, so a matcher that accepts '' cannot select by lists: it takes away the series
// whose value it refuses. Source: Prometheus querier semantics (facts: matchers that match empty subtract).

import type { CancelSignal, CompiledMatcher } from '../../storage/index.ts'
import { ascending, intersect, subtract, union } from './postings.ts'
import { U32List } from './u32-list.ts'

/** What an index offers to matchers. */
export interface PostingsSource {
  allPostings(): Uint32Array
  postings(name: string, value: string): Uint32Array
  forEachValue(
    name: string,
    prefix: string,
    visit: (value: string, list: () => Uint32Array) => void,
  ): void
  /** The same, pausing now and then; for indexes whose thread has other things to do. */
  visitInSlices?(
    name: string,
    prefix: string,
    visit: (value: string, list: () => Uint32Array) => void,
  ): Slices<void>
}

/** Work that pauses often, for whoever does it to look at the clock. */
export type Slices<T> = Generator<void, T, void>

/** Does sliced work in one go. */
export function inOneGo<T>(slices: Slices<T>): T {
  let step = slices.next()
  while (step.done !== true) step = slices.next()
  return step.value
}

/** Ids of the series that satisfy all matchers, ascending. */
export function matchPostings(
  source: PostingsSource,
  matchers: readonly CompiledMatcher[],
  signal: CancelSignal,
): Uint32Array {
  return inOneGo(matchInSlices(source, matchers, signal))
}

/** The same in slices, where the source has them: a pattern may have to look at a million values. */
export function* matchInSlices(
  source: PostingsSource,
  matchers: readonly CompiledMatcher[],
  signal: CancelSignal,
): Slices<Uint32Array> {
  let ids: Uint32Array | undefined
  // Exact lookups first: they are cheap, and when they leave nothing the scans are spared.
  const selecting = matchers.filter((matcher) => !matcher.matchesEmpty)
  selecting.sort((a, b) => scanCost(a) - scanCost(b))
  for (const matcher of selecting) {
    const list = yield* accepted(source, matcher, signal)
    ids = ids === undefined ? list : intersect(ids, list)
    if (ids.length === 0) return ids
  }
  ids ??= source.allPostings()
  for (const matcher of matchers) {
    if (!matcher.matchesEmpty || ids.length === 0) continue
    ids = subtract(ids, yield* refused(source, matcher, signal))
  }
  return ids
}

function scanCost(matcher: CompiledMatcher): number {
  if (matcher.setValues !== undefined) return 0
  return matcher.prefix !== undefined && matcher.prefix !== '' ? 1 : 2
}

function* accepted(
  source: PostingsSource,
  matcher: CompiledMatcher,
  signal: CancelSignal,
): Slices<Uint32Array> {
  const { name } = matcher.matcher
  if (matcher.setValues !== undefined)
    return union(matcher.setValues.map((value) => source.postings(name, value)))
  return yield* scan(source, name, matcher.prefix ?? '', (value) => matcher.matches(value), signal)
}

function* refused(
  source: PostingsSource,
  matcher: CompiledMatcher,
  signal: CancelSignal,
): Slices<Uint32Array> {
  const { type, name, value } = matcher.matcher
  if (type === '!=') return source.postings(name, value)
  return yield* scan(source, name, '', (candidate) => !matcher.matches(candidate), signal)
}

function* scan(
  source: PostingsSource,
  name: string,
  prefix: string,
  wanted: (value: string) => boolean,
  signal: CancelSignal,
): Slices<Uint32Array> {
  // Flat, not a list of lists: a label may have a million values, but a series has one of them.
  const ids = new U32List()
  let visited = 0
  const visit = (value: string, list: () => Uint32Array): void => {
    if ((++visited & 255) === 0) signal.check()
    if (wanted(value)) ids.pushAll(list())
  }
  if (source.visitInSlices === undefined) source.forEachValue(name, prefix, visit)
  else yield* source.visitInSlices(name, prefix, visit)
  return ascending(ids.view())
}
