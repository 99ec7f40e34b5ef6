// Read limits: how much one reader may ask, and how much may be asked of one tenant: calls at a time and in a minute,
// samples and range of one call. Looked at where calls are admitted, so that every way of asking meets them; what
// depends on the expression travels with the call as its bounds (call-bounds.ts).
// Rules have limits of their own; their calls pass.
// Units: milliseconds. 0 = unlimited everywhere.

import { LRUCache } from 'lru-cache'
import { formatDurationMs, UserError } from '../model/index.ts'
import type { CallBounds, QueryCall } from './call.ts'

/** Limits of one reader or tenant. */
export interface ReadLimits {
  /** Calls at a time, waiting ones included. */
  readonly queriesInFlight: number
  /** Calls in a minute; a minute's worth may come at once. */
  readonly queriesPerMinute: number
  /** Samples that one call may hold at a time. */
  readonly samplesPerQuery: number
  /** The range of one call, and how far beyond it its selectors may look. */
  readonly queryRangeMs: number
}

/** Limits of all, and of some by name. */
export interface LimitsByName {
  readonly default: ReadLimits
  readonly named: Readonly<Record<string, Partial<ReadLimits>>>
}

/** Limits of readers and of tenants. */
export interface ReadLimitsOptions {
  readonly readers: LimitsByName
  readonly tenants: LimitsByName
}

const none: LimitsByName = {
  default: { queriesInFlight: 0, queriesPerMinute: 0, samplesPerQuery: 0, queryRangeMs: 0 },
  named: {},
}

/** No limits. */
export const unlimitedReads: ReadLimitsOptions = { readers: none, tenants: none }

// Whose limits are looked at, and where they stand in the configuration.
interface Party {
  readonly who: string
  readonly limits: ReadLimits
  readonly section: string
}

interface Bucket {
  tokens: number
  atMs: number
}

const bucketsMax = 10_000
const minuteMs = 60_000

/** Looks at calls before they are admitted. */
export class ReadLimiter {
  #options: ReadLimitsOptions
  readonly #buckets = new LRUCache<string, Bucket>({ max: bucketsMax })

  constructor(options: ReadLimitsOptions) {
    this.#options = options
  }

  /** Other limits from now on; what was asked within the last minute still counts. */
  reload(options: ReadLimitsOptions): void {
    this.#options = options
  }

  /** Throws UserError limit_exceeded where the call is one too many; counts it otherwise. */
  admit(call: QueryCall, underWay: readonly QueryCall[], nowMs: number): void {
    const parties = this.#partiesOf(call)
    for (const party of parties) {
      const { who, limits, section } = party
      const max = limits.queriesInFlight
      if (max === 0 || underWay.filter((other) => concerns(other, party)).length < max) continue
      throw new UserError('limit_exceeded', {
        what: `${max} queries of ${who} are under way, the most there may be`,
        fix: `wait for them, or raise ${section}.queriesInFlight`,
      })
    }
    const buckets = parties
      .filter(({ limits }) => limits.queriesPerMinute > 0)
      .map((party) => this.#filled(party, nowMs))
    for (const bucket of buckets) bucket.tokens--
  }

  /** The call with what its limits bound. Throws UserError execution where its range is too long. */
  bounded(call: QueryCall, nowMs: number): QueryCall {
    const bounds = boundsOf(this.#partiesOf(call))
    const { range } = bounds
    if (range === undefined) return bounds.samples === undefined ? call : { ...call, bounds }
    if (call.kind === 'series' || call.kind === 'labelNames' || call.kind === 'labelValues') {
      const minTimeMs = Math.min(call.maxTimeMs, nowMs) - range.maxMs
      if (call.minTimeMs >= minTimeMs) return { ...call, bounds }
      const shown = `the list begins ${formatDurationMs(range.maxMs)} before its end, by ${range.option}`
      return { ...call, bounds, minTimeMs, warnings: [...(call.warnings ?? []), shown] }
    }
    if (call.kind === 'range' && call.endMs - call.startMs > range.maxMs) {
      throw new UserError('execution', {
        what: `the query ranges over ${formatDurationMs(call.endMs - call.startMs)}, and at most ${formatDurationMs(range.maxMs)} may be asked for at a time`,
        fix: `ask for a shorter range, or raise ${range.option}`,
      })
    }
    return { ...call, bounds }
  }

  #partiesOf(call: QueryCall): readonly Party[] {
    if (call.kind === 'vector') return []
    const { readers, tenants } = this.#options
    const ofTenants = call.tenants.map((tenant): Party => {
      const own = `tenants.overrides.${tenant}.queryLimits`
      return { who: `tenant ${tenant}`, ...limitsOf(tenants, tenant, 'query.limits', own) }
    })
    const { reader } = call
    const ofReader = limitsOf(readers, reader, 'access.limits', `access.readers.${reader}`)
    return [{ who: `reader ${reader}`, ...ofReader }, ...ofTenants]
  }

  // The party's bucket with at least one token in it. Throws UserError limit_exceeded.
  #filled({ who, limits, section }: Party, nowMs: number): Bucket {
    const size = limits.queriesPerMinute
    const known = this.#buckets.get(who)
    const bucket = known ?? { tokens: size, atMs: nowMs }
    const gained = (Math.max(0, nowMs - bucket.atMs) * size) / minuteMs
    bucket.tokens = Math.min(size, bucket.tokens + gained)
    bucket.atMs = nowMs
    if (known === undefined) this.#buckets.set(who, bucket)
    if (bucket.tokens >= 1) return bucket
    throw new UserError('limit_exceeded', {
      what: `${who} has had the ${size} queries that there may be in a minute`,
      fix: `ask less often, or raise ${section}.queriesPerMinute`,
    })
  }
}

function concerns(call: QueryCall, { who }: Party): boolean {
  if (call.kind === 'vector') return false
  return who === `reader ${call.reader}` || call.tenants.some((name) => who === `tenant ${name}`)
}

function limitsOf(
  { default: all, named }: LimitsByName,
  name: string,
  ofAll: string,
  own: string,
): Pick<Party, 'limits' | 'section'> {
  if (!Object.hasOwn(named, name)) return { limits: all, section: ofAll }
  return { limits: { ...all, ...named[name] }, section: own }
}

// The narrowest of all parties.
function boundsOf(parties: readonly Party[]): CallBounds {
  let bounds: CallBounds = {}
  for (const { limits, section } of parties) {
    const { samplesPerQuery: max, queryRangeMs: maxMs } = limits
    if (max > 0 && max < (bounds.samples?.max ?? Infinity))
      bounds = { ...bounds, samples: { max, option: `${section}.samplesPerQuery` } }
    if (maxMs > 0 && maxMs < (bounds.range?.maxMs ?? Infinity))
      bounds = { ...bounds, range: { maxMs, option: `${section}.queryRange` } }
  }
  return bounds
}
