// Classic histograms as native ones with custom buckets: what `load_with_nhcb` adds to a load.
// Series NAME_bucket{le}, NAME_count and NAME_sum with the same other labels become one series NAME.
// Source: Prometheus util/convertnhcb; promql/promqltest/test.go (appendCustomHistogram).

import type { FloatHistogram, Labels } from '../../model/index.ts'
import { labelValue, metricNameLabel, sortLabels, UserError } from '../../model/index.ts'
import { parseBound } from '../functions/classic-histogram.ts'
import { compact } from '../histogram/layout.ts'
import type { LoadSample, LoadSeries } from './script.ts'

/** The classic samples of one time. */
interface Parts {
  /** Cumulative counts by bound. */
  readonly buckets: Map<number, number>
  count: number | undefined
  sum: number
}

interface Group {
  readonly labels: Labels
  readonly byTime: Map<number, Parts>
}

/** The native series of all classic histograms among `series`; throws UserError bad_data for counts that fall. */
export function customHistogramsOf(series: readonly LoadSeries[]): LoadSeries[] {
  const groups = new Map<string, Group>()
  for (const { labels, samples } of series) {
    const name = labelValue(labels, metricNameLabel)
    const suffix = /_(bucket|count|sum)$/.exec(name)?.[1]
    if (suffix === undefined) continue
    const bound = suffix === 'bucket' ? parseBound(labelValue(labels, 'le')) : Number.NaN
    if (suffix === 'bucket' && (bound === undefined || Number.isNaN(bound))) continue
    const group = groupOf(groups, labels, name.slice(0, -suffix.length - 1))
    for (const { timestampMs, value } of samples) {
      if (value.kind === 'float') collect(partsAt(group, timestampMs), suffix, bound!, value.value)
    }
  }
  return [...groups.values()].map(({ labels, byTime }) => ({
    labels,
    samples: [...byTime]
      .sort(([a], [b]) => a - b)
      .map(([timeMs, parts]) => sampleOf(timeMs, parts)),
  }))
}

function groupOf(groups: Map<string, Group>, labels: Labels, name: string): Group {
  const rest = labels.filter((label) => label.name !== 'le' && label.name !== metricNameLabel)
  const base = sortLabels([...rest, { name: metricNameLabel, value: name }])
  const key = JSON.stringify(base)
  const known = groups.get(key)
  if (known !== undefined) return known
  const group = { labels: base, byTime: new Map<number, Parts>() }
  groups.set(key, group)
  return group
}

function partsAt(group: Group, timestampMs: number): Parts {
  const known = group.byTime.get(timestampMs)
  if (known !== undefined) return known
  const parts = { buckets: new Map<number, number>(), count: undefined, sum: 0 }
  group.byTime.set(timestampMs, parts)
  return parts
}

function collect(parts: Parts, suffix: string, bound: number, value: number): void {
  if (suffix === 'count') parts.count = value
  else if (suffix === 'sum') parts.sum = value
  else if (!parts.buckets.has(bound)) parts.buckets.set(bound, value)
}

function sampleOf(timestampMs: number, parts: Parts): LoadSample {
  const histogram = histogramOf(parts)
  return {
    timestampMs,
    startTimestampMs: 0,
    value: { kind: 'histogram', histogram, hintGiven: false },
  }
}

function histogramOf({ buckets, count, sum }: Parts): FloatHistogram {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  const total = count ?? sorted.at(-1)?.[1] ?? 0
  if (sorted.at(-1)?.[0] !== Infinity) sorted.push([Infinity, total])
  const counts = new Float64Array(sorted.length)
  let below = 0
  for (const [i, [bound, upTo]] of sorted.entries()) {
    if (!(upTo >= below)) {
      throw new UserError('bad_data', {
        what: `bucket counts of a classic histogram fall at le="${bound}": ${upTo} < ${below}`,
      })
    }
    counts[i] = upTo - below
    below = upTo
  }
  if (total !== below) {
    throw new UserError('bad_data', {
      what: `the count ${total} of a classic histogram is not that of its highest bucket, ${below}`,
    })
  }
  return compact({
    counterResetHint: 'unknown',
    schema: -53,
    zeroThreshold: 0,
    zeroCount: 0,
    count: total,
    sum,
    stale: false,
    positiveSpans: [{ offset: 0, length: counts.length }],
    negativeSpans: [],
    positiveBuckets: counts,
    negativeBuckets: new Float64Array(0),
    customValues: Float64Array.from(sorted.slice(0, -1), ([bound]) => bound),
  })
}
