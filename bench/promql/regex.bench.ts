// Regular expressions over a million label values, friendly and hostile ones alike.
// Run: node bench/promql/regex.bench.ts

import { createMatcherCompiler } from '../../src/promql/index.ts'
import { measure } from '../measure.ts'

const valueCount = 1_000_000
const values = Array.from(
  { length: valueCount },
  (_, i) => `checkout-api-${(i * 2_654_435_761).toString(16).slice(-9)}-x${i % 97}z.prod`,
)

const patterns = {
  'set of literals': 'checkout-api-1|checkout-api-2|checkout-api-3',
  prefix: 'checkout-api-f.*',
  'suffix and part': '.*api.*\\.prod',
  automaton: 'checkout-api-[0-9a-f]+-x.*z\\.(prod|test)',
  'without case': '(?i).*-X1Z\\.PROD',
  'unicode class': '\\pL+-\\pL+-[\\pN\\pL]+-.+\\.\\pL+',
  'word boundaries': '.*\\bapi\\b.*\\bprod',
  'hostile: nested repetition': '(.+)+-x1z!',
  'hostile: many ways': '(a|aa|.)*(.|..)*-x1z!',
  'hostile: more states than are kept': '.*[a-f].{14}1z.*',
  'hostile: large count': '(?:.?){500}z.{1,400}',
} as const

measure(
  Object.entries(patterns).map(([name, value]) => {
    const matcher = createMatcherCompiler()({ type: '=~', name: 'pod', value })
    let at = 0
    return {
      name,
      unit: 'ns/value',
      budget: name.startsWith('hostile') ? 60_000 : 2000,
      run: () => {
        let found = 0
        for (let i = 0; i < 10_000; i++) {
          if (matcher.matches(values[at]!)) found++
          at = at + 1 === valueCount ? 0 : at + 1
        }
        if (found > 10_000) throw new Error('more matches than values')
        return 10_000
      },
    }
  }),
)
