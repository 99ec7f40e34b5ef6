import fc from 'fast-check'
import { expect, test } from 'vitest'
import { windowFunctions } from '../../../src/promql/functions/registry.ts'
import { rowFunctions } from '../../../src/promql/functions/row-registry.ts'
import type { Notes, RowWindows, SampleWindow } from '../../../src/promql/operators/operator.ts'
import { cellAbsent, PointOut } from '../../../src/promql/operators/operator.ts'

const notes: Notes = {
  metricName: () => '',
  metricType: () => '',
  typeLabels: false,
  annotate: () => undefined,
}

function windowByWindow(name: string, row: RowWindows): (number | undefined)[] {
  const out = new PointOut()
  return Array.from({ length: row.stepCount }, (_, step) => {
    const endMs = row.firstEndMs + step * row.endStepMs
    const startMs = endMs - row.rangeMs
    const times = [...row.timestampsMs.subarray(0, row.count)]
    const from = times.filter((time) => time <= startMs).length
    const to = times.filter((time) => time <= endMs).length
    if (from === to) return undefined
    const window: SampleWindow = {
      timestampsMs: row.timestampsMs,
      values: row.values,
      startTimestampsMs: undefined,
      histograms: undefined,
      dropCounts: undefined,
      from,
      to,
      startMs,
      endMs,
      stepMs: endMs,
      selection: 'plain',
    }
    out.clear()
    windowFunctions.get(name)!(window, [], out, notes)
    return out.present === cellAbsent ? undefined : out.value
  })
}

const sample = fc.record({
  gapMs: fc.integer({ min: 1, max: 40_000 }),
  value: fc.oneof(fc.integer({ min: -3, max: 30 }), fc.double(), fc.constant(Number.NaN)),
})

test.each([...rowFunctions.keys()])(
  '%s of a whole row is that of its windows one by one, to the bit',
  (name) => {
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 40 }),
        fc.integer({ min: 1, max: 120_000 }),
        fc.integer({ min: 0, max: 60_000 }),
        (samples, rangeMs, endStepMs) => {
          let time = 0
          const timestampsMs = Float64Array.from(samples, ({ gapMs }) => {
            time += gapMs
            return time
          })
          const values = Float64Array.from(samples, ({ value }) => value)
          const dropCounts = new Uint32Array(samples.length)
          for (let i = 1; i < values.length; i++) {
            dropCounts[i] = dropCounts[i - 1]! + Number(values[i]! < values[i - 1]!)
          }
          const row: RowWindows = {
            timestampsMs,
            values,
            count: samples.length,
            dropCounts,
            firstEndMs: 10_000,
            endStepMs,
            rangeMs,
            stepCount: 20,
            check: () => undefined,
          }
          const out = new Float64Array(22)
          const present = new Uint8Array(22)
          rowFunctions.get(name)!(row, out, present, 2)
          const got = Array.from({ length: 20 }, (_, step) =>
            present[2 + step] === cellAbsent ? undefined : out[2 + step],
          )
          expect(got).toEqual(windowByWindow(name, row))
        },
      ),
      { numRuns: 500 },
    )
  },
)
