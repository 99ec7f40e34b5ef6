// Rows of a matrix as JSON: kernel and twin, per sample.
// Run: node bench/kernel/json-numbers.bench.ts

import { formatMatrixRow, JsonNumbers } from '../../src/kernel/index.ts'
import { measure } from '../measure.ts'

const count = 360
const kernel = JsonNumbers.create()
const timestampsMs = Float64Array.from({ length: count }, (_, i) => 1_700_000_000_000 + i * 15_000)

const shapes: readonly (readonly [string, (i: number) => number])[] = [
  ['integers', (i) => 1000 + i * 17],
  ['three decimals', (i) => (1000 + i * 17) / 1000],
  ['17 digits', (i) => Math.sin(i) * 100],
]

measure(
  shapes.flatMap(([name, valueAt]) => {
    const row = {
      timestampsMs,
      values: Float64Array.from({ length: count }, (_, i) => valueAt(i)),
      count,
    }
    const unit = 'ns/sample'
    return [
      {
        name: `${name}, kernel`,
        unit,
        budget: 200,
        run: () => kernel.writeRow(row).length && count,
      },
      {
        name: `${name}, twin`,
        unit,
        budget: 1500,
        run: () => Buffer.from(formatMatrixRow(row)).length && count,
      },
    ]
  }),
)
