// Attempts to get round a scope: whatever is asked over a store with a cluster that the reader must not see, the answer
// is the one that a store without it gives, and nothing of the canary comes out, in data, warnings or errors.

import fc from 'fast-check'
import snappy from 'snappyjs'
import { beforeAll, expect, test } from 'vitest'
import type { CallParts } from '../../src/api/index.ts'
import { prometheus } from '../../src/encoding/index.ts'
import { JsonNumbers } from '../../src/kernel/index.ts'
import { type ClusterScope, labelsOf, type Scope } from '../../src/model/index.ts'
import { allParserFeatures, ChunkStorage, createEngine } from '../../src/promql/index.ts'
import { createCallRunner, type QueryCall } from '../../src/query/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'

const runs = Number(process.env.SCOPE_FUZZ_RUNS ?? 200)

const scope: Scope = {
  clusters: new Map<string, ClusterScope>([
    ['east', 'all'],
    ['west', new Set(['shop'])],
  ]),
}
const visible: readonly Record<string, string>[] = [
  { __name__: 'up', cluster: 'east', namespace: 'shop', job: 'a' },
  { __name__: 'up', cluster: 'east', job: 'b' },
  { __name__: 'up', cluster: 'west', namespace: 'shop', job: 'a' },
  { __name__: 'requests_total', cluster: 'east', namespace: 'pay', job: 'a' },
  { __name__: 'requests_total', cluster: 'west', namespace: 'shop', job: 'b' },
  { __name__: 'target_info', cluster: 'east', namespace: 'shop', job: 'a', build: 'v1' },
]
const hidden: readonly Record<string, string>[] = [
  { __name__: 'up', cluster: 'canary', namespace: 'shop', job: 'a' },
  { __name__: 'up', cluster: 'west', namespace: 'canary-ns', job: 'a' },
  { __name__: 'up', cluster: 'west', job: 'canary-job' },
  { __name__: 'up', namespace: 'shop', job: 'canary-homeless' },
  { __name__: 'canary_only', cluster: 'canary', namespace: 'shop', canary_label: 'x' },
  { __name__: 'requests_total', cluster: 'canary', namespace: 'pay', job: 'a' },
  {
    __name__: 'target_info',
    cluster: 'canary',
    namespace: 'shop',
    job: 'a',
    build: 'canary-build',
  },
]

const engine = createEngine({ features: allParserFeatures })
const newStorage = () => new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
const whole = newStorage()
const visibleOnly = newStorage()

beforeAll(async () => {
  const seriesOf = (labels: Record<string, string>, base: number) => ({
    labels: labelsOf(labels),
    samples: Array.from({ length: 20 }, (_, i) => ({
      timestampMs: i * 30_000,
      startTimestampMs: 0,
      value: { kind: 'float', value: base + i * 7, stale: false } as const,
    })),
  })
  const shown = visible.map((labels, i) => seriesOf(labels, i))
  await visibleOnly.append(shown)
  await whole.append(shown)
  // Large enough that any sum which holds one of them shows it.
  await whole.append(hidden.map((labels, i) => seriesOf(labels, (i + 1) * 4e15)))
})

async function answer(storage: ChunkStorage, seen: Scope, parts: CallParts): Promise<string> {
  const runner = createCallRunner({
    engine,
    replicas: storage,
    deduplicated: (source) => source,
    numbers: JsonNumbers.create(),
  })
  const pieces: Uint8Array[] = []
  const call = { ...parts, tenants: ['t'], scope: seen, reader: 'mallory', deadlineMs: Infinity }
  try {
    await runner(call as QueryCall, neverCancelled, {
      head: () => undefined,
      write: async (bytes) => void pieces.push(bytes.slice()),
    })
  } catch (error) {
    return `error: ${(error as Error).message}`
  }
  return Buffer.concat(pieces).toString('latin1')
}

const limited = 'the answer holds only clusters and namespaces that you may see'

// The warning apart, which says that there is a scope.
function plain(text: string): unknown {
  if (!text.startsWith('{')) return text
  const { warnings = [], ...rest } = JSON.parse(text) as { warnings?: string[] }
  return { ...rest, warnings: warnings.filter((warning) => warning !== limited) }
}

async function checkSame(parts: CallParts): Promise<void> {
  const shown = await answer(whole, scope, parts)
  // Naming hidden clusters alone is refused; the store without them would answer with nothing.
  if (shown.startsWith('error: the query names no cluster that you may see')) return
  const expected = await answer(visibleOnly, 'all', parts)
  expect(plain(shown)).toEqual(plain(expected))
}

const matcher = fc.constantFrom(
  ...['cluster="canary"', 'cluster!="east"', 'cluster=~".+"', 'cluster=~"|canary"', 'cluster=""'],
  ...['cluster!~"east|west"', 'namespace=""', 'namespace=~".*"', 'namespace!="shop"', 'job=~".*"'],
  ...[
    '__name__=~".+"',

    'cluster=~"c[a]n.*|east"',
    'canary_label=""',
    'build!=""',
  ],
)
const name = fc.constantFrom('up', 'requests_total', 'canary_only', 'target_info', '')
const time = fc.constantFrom('', ' offset 1m', ' offset -1m', ' @ 60', ' @ end()')
const selector = fc
  .tuple(name, fc.array(matcher, { maxLength: 3 }), time)
  .map(([metric, matchers, at]) => {
    const all = metric === '' && matchers.length === 0 ? ['__name__=~".+"'] : matchers
    return `${metric}{${all.join(',')}}${at}`
  })
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'scope' },
    selector,
    selector.map((inner) => `absent(${inner})`),
    selector.map((inner) => `info(${inner}, {build=~".+"})`),
    fc
      .tuple(
        fc.constantFrom('rate', 'last_over_time', 'absent_over_time', 'count_over_time', 'changes'),
        tie('expression'),
      )
      .map(([call, inner]) => `${call}((${inner})[2m:30s])`),
    fc
      .tuple(
        fc.constantFrom('or', 'and', 'unless', '+', '> bool', '* on () group_left ()'),
        tie('expression'),
        tie('expression'),
      )
      .map(([operator, left, right]) => `(${left}) ${operator} (${right})`),
    fc
      .tuple(
        fc.constantFrom('sum', 'count', 'max', 'topk', 'count_values', 'quantile', 'group'),
        fc.constantFrom('', 'by (cluster)', 'without (cluster)', 'by (__name__)'),
        tie('expression'),
      )
      .map(([call, grouping, inner]) => {
        const parameters: Record<string, string> = {
          topk: '3, ',
          count_values: '"v", ',
          quantile: '1, ',
        }
        const parameter = parameters[call] ?? ''
        return `${call} ${grouping} (${parameter}${inner})`
      }),
    tie('expression').map((inner) => `label_replace(${inner}, "cluster", "$1", "job", "(.*)")`),
    tie('expression').map((inner) => `label_join(${inner}, "cluster", "", "namespace")`),
    tie('expression').map((inner) => `sort_desc(${inner})`),
    tie('expression').map((inner) => `scalar(${inner})`),
  ),
}))

const evaluation = { lookbackMs: undefined, limit: 0, stats: 'totals', explain: 'none' } as const

test('no expression answers more than a store without the hidden series does', async () => {
  await fc.assert(
    fc.asyncProperty(expression, async (query) => {
      // Timings differ; samples must not, so they are compared, and times are not asked for.
      const quiet = { ...evaluation, stats: 'none' } as const
      await checkSame({ kind: 'instant', query, timeMs: 300_000, ...quiet })
      const bounds = { startMs: 0, endMs: 300_000, stepMs: 60_000, useCache: false }
      await checkSame({ kind: 'range', query, ...bounds, ...quiet })
    }),
    { numRuns: runs },
  )
}, 60_000)

test('no listing, federation, remote read or cardinality does', async () => {
  const bounds = { minTimeMs: 0, maxTimeMs: 600_000, limit: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(selector, { maxLength: 2 }), async (texts) => {
      const selectors = texts.map((text) => text.replace(/ (offset|@).*$/, ''))
      await checkSame({ kind: 'series', selectors, ...bounds })
      await checkSame({ kind: 'labelNames', selectors, ...bounds })
      for (const label of ['cluster', 'namespace', 'job', '__name__', 'build', 'canary_label'])
        await checkSame({ kind: 'labelValues', name: label, selectors, ...bounds })
      const timeMs = 300_000
      await checkSame({ kind: 'federate', selectors, timeMs, externalLabels: {} })
    }),
    { numRuns: Math.ceil(runs / 4) },
  )
  await checkSame({ kind: 'cardinality', ...bounds, limit: 100 })
})

test('remote read hands out neither names nor values', async () => {
  const types = prometheus.ReadRequest.ResponseType
  for (const form of [types.SAMPLES, types.STREAMED_XOR_CHUNKS]) {
    const query = {
      startTimestampMs: 0,
      endTimestampMs: 600_000,
      matchers: [{ type: 2, name: '__name__', value: '.+' }],
    }
    const message = { queries: [query], acceptedResponseTypes: [form] }
    const request = new Uint8Array(prometheus.ReadRequest.encode(message).finish())
    const parts = { kind: 'remoteRead', request, externalLabels: {} } as const
    const shown = await answer(whole, scope, parts)
    const text =
      form === types.SAMPLES
        ? Buffer.from(snappy.uncompress(Buffer.from(shown, 'latin1'))).toString('latin1')
        : shown
    expect(text).toContain('east')
    expect(text).not.toContain('canary')
    expect(shown).toBe(await answer(visibleOnly, 'all', parts))
  }
})

test('clusters that the reader may not see are refused alike, whether they exist or not', async () => {
  const ask = (query: string) =>
    answer(whole, scope, { kind: 'instant', query, timeMs: 300_000, ...evaluation })
  const refused = await ask('up{cluster="canary"}')
  expect(refused).toMatch(/^error: the query names no cluster that you may see/)
  expect(await ask('up{cluster="nowhere"}')).toBe(refused)
  expect(await ask('absent(up{cluster=~"can.*"})')).toBe(refused)
  expect(await ask('up{cluster="canary"} or up{cluster="east"}')).toContain('"cluster":"east"')
})
