// Window functions over floats: 240 samples 15 s apart, 60 steps of a minute, windows of five minutes.
// Run: node bench/promql/window-functions.bench.ts

import { windowFunctions } from '../../src/promql/functions/registry.ts'
import type { Notes, SampleWindow } from '../../src/promql/operators/operator.ts'
import { PointOut } from '../../src/promql/operators/operator.ts'
import { measure } from '../measure.ts'

const rowCount = 100
const sampleCount = 240
const stepCount = 60
const silent: Notes = {
  metricName: () => 'requests_total',
  metricType: () => '',
  typeLabels: false,
  annotate: () => {},
}

const rows = Array.from({ length: rowCount }, (_, row) => ({
  timestampsMs: Float64Array.from({ length: sampleCount }, (_, i) => i * 15_000 + row * 100),
  values: Float64Array.from({ length: sampleCount }, (_, i) => ((i * 7 + row) % 200) + i),
}))
const out = new PointOut()
let checksum = 0

function walk(name: string, scalars: readonly number[]): number {
  const call = windowFunctions.get(name)!
  for (const { timestampsMs, values } of rows) {
    const window: SampleWindow = {
      timestampsMs,
      values,
      startTimestampsMs: undefined,
      histograms: undefined,
      dropCounts: undefined,
      from: 0,
      to: 0,
      startMs: 0,
      endMs: 0,
      stepMs: 0,
      selection: 'plain',
    }
    for (let step = 0; step < stepCount; step++) {
      const endMs = step * 60_000
      while (window.to < sampleCount && timestampsMs[window.to]! <= endMs) window.to++
      while (window.from < window.to && timestampsMs[window.from]! <= endMs - 300_000) window.from++
      if (window.from === window.to) continue
      window.startMs = endMs - 300_000
      window.endMs = endMs
      window.stepMs = endMs
      out.clear()
      call(window, scalars, out, silent)
      checksum += out.value
    }
  }
  return rowCount * sampleCount
}

const benched = (name: string, budget: number, scalars: readonly number[] = []) => ({
  name,
  unit: 'ns/sample',
  budget,
  run: () => walk(name, scalars),
})

measure([
  benched('increase', 80),
  benched('sum_over_time', 100),
  benched('avg_over_time', 80),
  benched('max_over_time', 40),
  benched('count_over_time', 10),
  benched('changes', 40),
  benched('stddev_over_time', 120),
  benched('quantile_over_time', 150, [0.9]),
  benched('predict_linear', 120, [3600]),
])
if (Number.isNaN(checksum)) process.exitCode = 1
