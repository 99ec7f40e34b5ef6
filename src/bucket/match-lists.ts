// Matching in a bucket: first which lists of series ids the matchers need, from the postings table alone; then all of
// them at once; then their intersection. The rules are those of local blocks: a matcher that accepts the empty value
// takes away the series whose value it refuses.

import type { CompiledMatcher } from '../storage/index.ts'
import {
  intersect,
  type ListPlace,
  type PostingsTable,
  readListAt,
  readU32,
  subtract,
  union,
} from '../tsdb/index.ts'
import { fetchRecords } from './fetched-records.ts'
import type { BucketIndex } from './index-header.ts'
import { Turns } from './limiter.ts'
import type { PageReader, ReadBudget } from './page-reader.ts'

/** Values looked at before others get a turn. */
const valuesPerSlice = 1024

/** The lists of one matcher. */
interface MatcherLists {
  readonly excludes: boolean
  readonly places: readonly ListPlace[]
}

/** Ids of the series that satisfy all matchers, ascending. `object` is the block's index. */
export async function matchSeries(
  pages: PageReader,
  object: string,
  index: BucketIndex,
  matchers: readonly CompiledMatcher[],
  budget: ReadBudget,
): Promise<Uint32Array> {
  const plan = await planLists(index.postings, matchers, budget)
  const selecting = plan.filter((lists) => !lists.excludes)
  if (selecting.some((lists) => lists.places.length === 0)) return new Uint32Array(0)
  const read = await fetchLists(pages, object, index, plan, budget)
  const turns = new Turns()
  let ids: Uint32Array | undefined
  for (const lists of selecting) {
    const accepted = await read(lists.places)
    ids = ids === undefined ? accepted : intersect(ids, accepted)
    await turns.give()
  }
  for (const lists of plan) {
    if (!lists.excludes || ids!.length === 0) continue
    ids = subtract(ids!, await read(lists.places))
    await turns.give()
  }
  return ids!
}

async function planLists(
  table: PostingsTable,
  matchers: readonly CompiledMatcher[],
  budget: ReadBudget,
): Promise<MatcherLists[]> {
  const plan: MatcherLists[] = []
  for (const compiled of matchers) {
    const { type, name, value } = compiled.matcher
    if (compiled.matchesEmpty) {
      const places =
        type === '!='
          ? placesOf(table, name, [value])
          : await scan(table, name, '', (candidate) => !compiled.matches(candidate), budget)
      plan.push({ excludes: true, places })
    } else if (compiled.setValues !== undefined) {
      plan.push({ excludes: false, places: placesOf(table, name, compiled.setValues) })
    } else {
      const wanted = (candidate: string): boolean => compiled.matches(candidate)
      const places = await scan(table, name, compiled.prefix ?? '', wanted, budget)
      plan.push({ excludes: false, places })
    }
  }
  // Without anything to select by, all series are what the others take away from.
  if (plan.every((lists) => lists.excludes))
    plan.push({ excludes: false, places: placesOf(table, '', ['']) })
  return plan
}

function placesOf(table: PostingsTable, name: string, values: readonly string[]): ListPlace[] {
  return values.flatMap((value) => table.placeOf(name, value) ?? [])
}

async function scan(
  table: PostingsTable,
  name: string,
  prefix: string,
  wanted: (value: string) => boolean,
  budget: ReadBudget,
): Promise<ListPlace[]> {
  const places: ListPlace[] = []
  const turns = new Turns()
  let from: number | undefined
  do {
    budget.signal.check()
    const part = { from, countMax: valuesPerSlice }
    from = table.forEachValue(
      name,
      prefix,
      (value, listOffset, entryEnd) => {
        if (wanted(value)) places.push(table.place(listOffset, entryEnd))
      },
      part,
    )
    await turns.give()
  } while (from !== undefined)
  return places
}

// Fetches all lists of the plan; what is returned unites some of them.
async function fetchLists(
  pages: PageReader,
  object: string,
  index: BucketIndex,
  plan: readonly MatcherLists[],
  budget: ReadBudget,
): Promise<(places: readonly ListPlace[]) => Promise<Uint32Array>> {
  const turns = new Turns()
  const ends = new Map<number, number>()
  for (const { places } of plan) {
    for (const [i, { offset, end }] of places.entries()) {
      ends.set(offset, end)
      if (i % valuesPerSlice === 0) await turns.give()
    }
  }
  const offsets = Float64Array.from(ends.keys()).sort()
  const sizesBytes = offsets.map((offset) => ends.get(offset)! - offset)
  await turns.give()
  const window = await fetchRecords(
    pages,
    {
      object,
      offsets,
      sizesBytes,
      sizeOf: (reader) => {
        reader.need(4)
        return 4 + readU32(reader.bytes, reader.offset) + 4
      },
      fileEnd: index.toc.postingsTable,
    },
    budget,
  )
  return async (places) => {
    const lists: Uint32Array[] = []
    for (const { offset } of places) {
      lists.push(readListAt(window, offset))
      if (turns.due) budget.signal.check()
      await turns.give()
    }
    return union(lists)
  }
}
