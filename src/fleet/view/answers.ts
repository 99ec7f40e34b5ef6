// Answers to what readers ask of the fleet: from a view and a call to encoded bytes. Pure but for what is remembered
// of earlier views, which makes answers fast and never different.
// Invariants: equal views and calls give equal bytes; a list's entries are bounded by its limit.

import { createHash } from 'node:crypto'
import { scopeKey, UserError } from '../../model/index.ts'
import type { FleetAnswer, FleetCall, FleetFilter, FleetList, FleetListCall } from './call.ts'
import { ClusterTable } from './cluster-table.ts'
import { csvOf } from './csv.ts'
import { eventPage } from './event-list.ts'
import { explainItem } from './explain.ts'
import { checkPaths, type Item, pick, valueAt } from './fields.ts'
import { filteredRows, policiesWanted } from './filter.ts'
import { FlapCounter } from './flap-counter.ts'
import type { FleetView } from './fleet-view.ts'
import { hubWarnings } from './hub-warnings.ts'
import { KeptAnswers } from './kept-answers.ts'
import { listFields, listFilters, summaryFilters } from './list-fields.ts'
import { objectItem } from './object.ts'
import { type Order, pageOf, type SortValue } from './page.ts'
import type { Context, Row } from './row.ts'
import { Sight } from './sight.ts'
import { summaryItem } from './summary.ts'

/** Bounds of answers. */
export interface AnswerOptions {
  /** Most entries of one page. */
  readonly limitMax: number
  /** Flaps are counted over so long a time. */
  readonly flapWindowMs: number
}

/** Defaults: pages of up to 5,000 entries; flaps of one day. */
export const answerDefaults: AnswerOptions = { limitMax: 5000, flapWindowMs: 86_400_000 }

/** Answers calls about one fleet as it goes on. */
export class FleetAnswers {
  readonly #options: AnswerOptions
  readonly #flaps: FlapCounter
  readonly #kept = new KeptAnswers()
  #table = new ClusterTable()

  constructor(options: AnswerOptions = answerDefaults) {
    this.#options = options
    this.#flaps = new FlapCounter(options.flapWindowMs)
  }

  /** Answers. Throws UserError bad_data (filter, order, cursor, limit, fields, manifest) and not_found. */
  answer(view: FleetView, call: FleetCall): FleetAnswer {
    return this.#kept.get(view, call, () => this.#make(view, call))
  }

  #make(view: FleetView, call: FleetCall): FleetAnswer {
    if (call.kind === 'explain') {
      const hubs = call.hub === undefined ? undefined : [call.hub]
      return json(explainItem(view, call), hubWarnings(view, hubs, call.scope))
    }
    const context = this.#contextOf(view, call)
    const warnings = hubWarnings(view, call.filter.hub, call.scope)
    if (call.kind === 'summary') {
      checkFilter(call.filter, summaryFilters, 'summary')
      return json(summaryItem(context, call.filter.hub), warnings)
    }
    checkLimit(call.limit, this.#options.limitMax)
    if (call.kind === 'object') {
      const { item, next } = objectItem(context, call)
      return { ...json(item, warnings), ...(next === undefined ? {} : { next }) }
    }
    return listAnswer(context, call, warnings)
  }

  #contextOf(view: FleetView, call: Exclude<FleetCall, { kind: 'explain' }>): Context {
    // Clusters that are gone keep their numbers; when these are the most, numbering starts anew.
    const { clusters } = view.fleet
    if (this.#table.size > 4 * clusters.length + 10_000) this.#table = new ClusterTable()
    this.#flaps.catchUp(view.events)
    const sight = new Sight(this.#table, view.fleet, call.scope, sightFilter(call))
    const policies = policiesWanted(view.fleet.policies, call.filter)
    return { view, sight, flaps: this.#flaps, policies }
  }
}

// The placements filter of the list of placements means these placements, not their clusters.
function sightFilter(call: Exclude<FleetCall, { kind: 'explain' }>): FleetFilter {
  if (call.kind !== 'list' || call.list !== 'placements') return call.filter
  const { placement: _, ...rest } = call.filter
  return rest
}

function listAnswer(
  context: Context,
  call: FleetListCall,
  warnings: readonly string[],
): FleetAnswer {
  const { list, filter, format, sort, limit, cursor } = call
  checkFilter(filter, listFilters[list], list)
  const known = Object.keys(listFields[list])
  checkPaths('fields', call.fields ?? [], known)
  const asked = [list, filter, sort ?? '', scopeKey(call.scope)]
  const options = { limit, asked, ...(cursor === undefined ? {} : { cursor }) }
  if (list === 'events') {
    if (sort !== undefined && sort !== '-id') throw noOrder(sort)
    const page = eventPage(context.view.events, filter, context.sight, options)
    const { oldestId, newestId } = context.view.events
    const about = { next: page.next, oldestId, newestId }
    return encode(page.items as unknown as Item[], format, call, { about, warnings })
  }
  const rows = filteredRows(context, call)
  const page = pageOf(rows, orderOf(list, sort, known), options)
  const items = page.rows.map(({ item }) => item())
  return encode(items, format, call, { about: { total: rows.length, next: page.next }, warnings })
}

function orderOf(list: FleetList, sort: string | undefined, known: readonly string[]): Order<Row> {
  if (sort === undefined) return { isReversed: false }
  const isReversed = sort.startsWith('-')
  const path = isReversed ? sort.slice(1) : sort
  checkPaths('sort', [path], known)
  if (path === 'name' || path === 'hub') return { isReversed, sortValueOf: (row) => row[path] }
  if (path === 'namespace' && list !== 'addons')
    return { isReversed, sortValueOf: (row) => row.namespace }
  return {
    isReversed,
    sortValueOf({ item }) {
      const value = valueAt(item(), path)
      if (Array.isArray(value)) return value.length
      return typeof value === 'object' ? undefined : (value as SortValue)
    },
  }
}

function encode(
  items: readonly Item[],
  format: 'json' | 'csv',
  { list, fields }: FleetListCall,
  {
    about,
    warnings,
  }: {
    readonly about: Item & { readonly next: string | undefined }
    readonly warnings: readonly string[]
  },
): FleetAnswer {
  const chosen = fields === undefined ? items : items.map((item) => pick(item, fields))
  const next = about.next === undefined ? {} : { next: about.next }
  if (format === 'json') return { ...json({ items: chosen, ...about }, warnings), ...next }
  const columns = fields ?? Object.keys(listFields[list])
  const body = Buffer.from(csvOf(chosen, columns))
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    etag: tagOf(body),
    body,
    ...next,
  }
}

function json(data: Item, warnings: readonly string[]): FleetAnswer {
  const notes = warnings.length === 0 ? {} : { warnings }
  const body = Buffer.from(JSON.stringify({ status: 'success', data, ...notes }))
  return { contentType: 'application/json; charset=utf-8', etag: tagOf(body), body }
}

function tagOf(body: Uint8Array): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
}

function checkLimit(limit: number, limitMax: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= limitMax) return
  throw new UserError('bad_data', {
    what: `invalid parameter "limit": ${limit} is not a number from 1 to ${limitMax}`,
    fix: 'ask for pages, and follow their cursors',
  })
}

function checkFilter(
  filter: FleetFilter,
  known: readonly (keyof FleetFilter)[],
  what: string,
): void {
  const bad = Object.entries(filter).find(
    ([name, value]) => value !== undefined && !known.includes(name as keyof FleetFilter),
  )
  if (bad === undefined) return
  throw new UserError('bad_data', {
    what: `${what} cannot be filtered by "${bad[0]}"`,
    fix: known.length === 0 ? 'leave it out' : `use ${known.join(', ')}`,
  })
}

function noOrder(sort: string): UserError {
  return new UserError('bad_data', {
    what: `invalid parameter "sort": events cannot be sorted by "${sort}"`,
    fix: 'events are always newest first',
  })
}
