// A range query has at each of its steps what an instant query has at that time: for every expression of our scripts
// and of $CONFORMANCE_DIR/promqltest, at seven steps around the time it is written for.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  ChunkStorage,
  createScriptEngine,
  evaluateWith,
  type LoadSeries,
} from '../../src/promql/index.ts'
import type { Answer, AnswerPoint } from '../../src/promql/promqltest/answer.ts'
import { formatPoint } from '../../src/promql/promqltest/answer.ts'
import { customHistogramsOf } from '../../src/promql/promqltest/classic-to-custom.ts'
import { histogramsNearlyEqual, nearlyEqual } from '../../src/promql/promqltest/compare.ts'
import { parseScript } from '../../src/promql/promqltest/parse-script.ts'
import { scriptFilesOf } from '../../src/promql/promqltest/run-files.ts'
import type { EvalCommand, EvalTimes } from '../../src/promql/promqltest/script.ts'
import { neverCancelled } from '../../src/storage/index.ts'

const stepCount = 7
const engine = createScriptEngine()
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
const evaluate = evaluateWith(engine, 'scripts', neverCancelled)

async function ask(expr: string, times: EvalTimes): Promise<Answer | 'failure'> {
  try {
    return await evaluate(expr, times, storage)
  } catch (error) {
    if ((error as Error).name !== 'UserError') throw error
    return 'failure'
  }
}

// The points of an answer at one time, by labels.
function pointsAt(answer: Answer, timeMs: number): Map<string, AnswerPoint> {
  const { result } = answer
  const points = new Map<string, AnswerPoint>()
  if (result.kind === 'scalar') {
    points.set('[]', { timestampMs: timeMs, value: result.value, histogram: undefined })
  } else if (result.kind !== 'string') {
    for (const series of result.series) {
      const point = series.points.find(({ timestampMs }) => timestampMs === timeMs)
      if (point !== undefined) points.set(JSON.stringify(series.labels), point)
    }
  }
  return points
}

function equal(a: AnswerPoint | undefined, b: AnswerPoint | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a.histogram === undefined || b.histogram === undefined) {
    return a.histogram === b.histogram && nearlyEqual(a.value, b.value)
  }
  return histogramsNearlyEqual(a.histogram, b.histogram, true)
}

async function differences(command: EvalCommand, stepMs: number): Promise<string[]> {
  const { expr } = command
  const startMs = command.times.startMs - 3 * stepMs
  const endMs = startMs + (stepCount - 1) * stepMs
  const range = await ask(expr, { startMs, endMs, stepMs })
  const found: string[] = []
  let failedCount = 0
  for (let timeMs = startMs; timeMs <= endMs; timeMs += stepMs) {
    const instant = await ask(expr, { startMs: timeMs, endMs: timeMs, stepMs: 0 })
    // Range vectors and strings are no results of range queries.
    if (instant !== 'failure' && /matrix|string/.test(instant.result.kind)) return []
    if (instant === 'failure') failedCount++
    if (instant === 'failure' || range === 'failure') continue
    const wanted = pointsAt(instant, timeMs)
    const got = pointsAt(range, timeMs)
    for (const key of new Set([...wanted.keys(), ...got.keys()])) {
      const [a, b] = [wanted.get(key), got.get(key)]
      const shown = [a, b].map((point) => (point === undefined ? 'nothing' : formatPoint(point)))
      if (!equal(a, b)) found.push(`${key}: instant ${shown[0]}, range ${shown[1]}`)
    }
  }
  if ((range === 'failure') !== failedCount > 0) found.push('only one of the two fails')
  return found
}

async function load(series: readonly LoadSeries[], withCustomBuckets: boolean): Promise<void> {
  await storage.append(series)
  if (withCustomBuckets) await storage.append(customHistogramsOf(series))
}

const folders = ['test/promql/scripts']
if (process.env.CONFORMANCE_DIR !== undefined) {
  folders.push(`${process.env.CONFORMANCE_DIR}/promqltest`)
}

test.each(folders)('expressions of %s mean the same in range queries', async (folder) => {
  for (const file of scriptFilesOf(folder)) {
    await storage.clear()
    for (const command of parseScript(readFileSync(file, 'utf8'))) {
      if (command.kind === 'clear') await storage.clear()
      else if (command.kind === 'load') await load(command.series, command.withCustomBuckets)
      else if (!/\b(start|end|range|step)\(|\bstep\b/i.test(command.expr)) {
        const stepMs = command.isRange ? command.times.stepMs : 37_000
        const place = `${file}:${command.line}: ${command.expr}`
        expect(await differences(command, stepMs), place).toEqual([])
      }
    }
  }
})
