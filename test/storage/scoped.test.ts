import { describe, expect, it } from 'vitest'
import type { ClusterScope, Matcher, Scope } from '../../src/model/index.ts'
import { createMatcherCompiler } from '../../src/promql/index.ts'
import type { LabelRequest, Queryable, SelectRequest } from '../../src/storage/index.ts'
import { scoped } from '../../src/storage/index.ts'
import { drain, type PlainSeries, queryableOf } from './series-fixture.ts'

const signal = { check: () => {} }
const request: LabelRequest = { tenants: ['t'], matchers: [], minTimeMs: 0, maxTimeMs: 100 }
const select: SelectRequest = { ...request, sorted: true, hints: { limit: 1 } }

const labels = [
  { __name__: 'up', cluster: 'east', namespace: 'shop', east_only: '1' },
  { __name__: 'up', cluster: 'east' },
  { __name__: 'up', cluster: 'west', namespace: 'shop' },
  { __name__: 'up', cluster: 'west', namespace: 'kube-system', hidden: 'canary' },
  { __name__: 'up', cluster: 'west', hidden: 'canary' },
  { __name__: 'up', cluster: 'a.b', namespace: 'shop', dotted: '1' },
  { __name__: 'up', cluster: 'aXb', namespace: 'shop', hidden: 'canary' },
  { __name__: 'up', namespace: 'shop', hidden: 'canary' },
]
const series: readonly PlainSeries[] = labels.map((one, i) => ({
  labels: one as unknown as Record<string, string>,
  chunks: [[[10 + i, i]], [[50 + i, i]]],
}))
const scope: Scope = {
  clusters: new Map<string, ClusterScope>([
    ['east', 'all'],
    ['west', new Set(['shop'])],
    ['a.b', new Set(['shop'])],
    ['nowhere', new Set()],
  ]),
}
const visible = [0, 1, 2, 5]

// A source that keeps to the matchers, as real ones do.
function matching(): Queryable {
  const compile = createMatcherCompiler()
  const kept = (matchers: readonly Matcher[]): Queryable =>
    queryableOf(
      series.filter((one) =>
        matchers.every((matcher) => compile(matcher).matches(one.labels[matcher.name] ?? '')),
      ),
    )
  return {
    select: (asked, cancel) => kept(asked.matchers).select(asked, cancel),
    labelNames: (asked, cancel) => kept(asked.matchers).labelNames(asked, cancel),
    labelValues: (name, asked, cancel) => kept(asked.matchers).labelValues(name, asked, cancel),
  }
}

describe('a scoped source', () => {
  it('is the source itself where everything is visible', () => {
    const source = matching()
    expect(scoped(source, 'all')).toBe(source)
  })

  it('gives the rows of visible clusters and namespaces with all their samples', async () => {
    const all = await drain(queryableOf(series).select({ ...select, sorted: false }, signal))
    const rows = await drain(scoped(matching(), scope).select({ ...select, sorted: false }, signal))
    expect(rows).toEqual(visible.map((i) => all[i]))
  })

  it('drops what is not visible even where a source ignores the matcher', async () => {
    const all = await drain(queryableOf(series).select({ ...select, sorted: false }, signal))
    const leaky = scoped(queryableOf(series), scope)
    const rows = await drain(leaky.select({ ...select, sorted: false }, signal))
    expect(rows).toEqual(visible.map((i) => all[i]))
  })

  it('asks its source for all rows, as some are dropped here', () => {
    const asked: SelectRequest[] = []
    const source: Queryable = {
      ...matching(),
      select(one, cancel) {
        asked.push(one)
        return matching().select(one, cancel)
      },
    }
    scoped(source, scope).select(select, signal)
    expect(asked[0]?.hints.limit).toBeUndefined()
  })

  it('lists names and values of visible series only', async () => {
    const source = scoped(matching(), scope)
    expect((await source.labelNames(request, signal)).values).toEqual([
      '__name__',
      'cluster',
      'dotted',
      'east_only',
      'namespace',
    ])
    expect((await source.labelValues('cluster', request, signal)).values).toEqual([
      'a.b',
      'east',
      'west',
    ])
    const limited = await source.labelValues('cluster', { ...request, limit: 1 }, signal)
    expect(limited.values).toEqual(['a.b'])
  })

  it('shows nothing to a scope without clusters', async () => {
    const source = scoped(matching(), { clusters: new Map() })
    expect(await drain(source.select(select, signal))).toEqual([])
    expect((await source.labelNames(request, signal)).values).toEqual([])
  })
})
