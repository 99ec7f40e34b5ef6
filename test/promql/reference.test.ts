// Random expressions over random data give what a naive evaluator gives, at every step of a range query; with names
// dropped at once, as the product does by default.
import { expect, test } from 'vitest'
import { labelsOf } from '../../src/model/index.ts'
import type { Expr, LoadSeries } from '../../src/promql/index.ts'
import {
  allParserFeatures,
  ChunkStorage,
  createEngine,
  evaluateWith,
  parseExpr,
} from '../../src/promql/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import type { ReferenceSeries } from './reference/evaluate.ts'
import { Ambiguous, keyOf, Reference } from './reference/evaluate.ts'
import { ExpressionMaker, randomFrom, randomSeries } from './reference/random-queries.ts'

const startMs = 300_000
const endMs = 1_000_000
const stepMs = 70_000
const engine = createEngine({ features: allParserFeatures })
const evaluate = evaluateWith(engine, 'random', neverCancelled)

async function storageOf(series: readonly ReferenceSeries[]): Promise<ChunkStorage> {
  const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
  await storage.append(
    series.map(
      ({ labels, samples }): LoadSeries => ({
        labels: labelsOf(labels),
        samples: samples.map(([timestampMs, value]) => ({
          timestampMs,
          startTimestampMs: 0,
          value: value === 'stale' ? { kind: 'stale' } : { kind: 'float', value },
        })),
      }),
    ),
  )
  return storage
}

type Answer = ReadonlyMap<string, number> | 'failure'

// Undefined where more than one answer is right.
function naive(reference: Reference, expr: Expr): Map<number, Answer> | undefined {
  const out = new Map<number, Answer>()
  for (let t = startMs; t <= endMs; t += stepMs) {
    try {
      out.set(t, new Map(reference.at(expr, t).map(({ labels, value }) => [keyOf(labels), value])))
    } catch (error) {
      if (error instanceof Ambiguous) return undefined
      out.set(t, 'failure')
    }
  }
  return out
}

async function ours(text: string, storage: ChunkStorage): Promise<Map<number, Answer> | 'failure'> {
  const out = new Map<number, Map<string, number>>()
  for (let t = startMs; t <= endMs; t += stepMs) out.set(t, new Map())
  try {
    const { result } = await evaluate(text, { startMs, endMs, stepMs }, storage)
    if (result.kind !== 'matrix') throw new Error('no matrix')
    for (const { labels, points } of result.series) {
      const key = keyOf(Object.fromEntries(labels.map(({ name, value }) => [name, value])))
      for (const { timestampMs, value } of points) out.get(timestampMs)!.set(key, value)
    }
    return out
  } catch (error) {
    if ((error as Error).name !== 'UserError') throw error
    return 'failure'
  }
}

// Sums of what cancels out differ by what rounding leaves; sizes are those of the data.
function near(a: number | undefined, b: number | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))
}

function differenceOf(want: ReadonlyMap<number, Answer>, got: Map<number, Answer> | 'failure') {
  const failed = [...want.values()].includes('failure')
  if (failed || got === 'failure') {
    return failed === (got === 'failure') ? undefined : `fails: naive ${failed}, ours ${!failed}`
  }
  for (const [t, answer] of want) {
    const wanted = answer as ReadonlyMap<string, number>
    const given = got.get(t) as ReadonlyMap<string, number>
    for (const key of new Set([...wanted.keys(), ...given.keys()])) {
      if (!near(wanted.get(key), given.get(key))) {
        return `at ${t} ${key}: naive ${wanted.get(key)}, ours ${given.get(key)}`
      }
    }
  }
  return undefined
}

test('random expressions give what a naive evaluator gives', async () => {
  const seed = Number(process.env.RANDOM_SEED ?? 20_261_124)
  const random = randomFrom(seed)
  const maker = new ExpressionMaker(random)
  for (let round = 0; round < 20; round++) {
    const series = randomSeries(random)
    const storage = await storageOf(series)
    const reference = new Reference(series, startMs, endMs)
    for (let i = 0; i < 25; i++) {
      const text = maker.vector(3)
      const want = naive(reference, parseExpr(text, allParserFeatures))
      if (want === undefined) continue
      const got = await ours(text, storage)
      expect(differenceOf(want, got), `seed ${seed}, round ${round}: ${text}`).toBeUndefined()
    }
  }
})
