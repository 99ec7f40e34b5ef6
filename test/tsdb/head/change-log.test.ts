import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChangeLog } from '../../../src/tsdb/head/change-log.ts'

describe('change log', () => {
  it('knows the oldest time written since a mark, for each mark its own', () => {
    const log = new ChangeLog()
    const first = log.since(['t'], undefined).mark
    log.note('t', 500)
    log.note('t', 400)
    log.note('other', 1)
    const second = log.since(['t'], first)
    expect(second.oldestMs).toBe(400)
    log.note('t', 900)
    expect(log.since(['t'], second.mark).oldestMs).toBe(900)
    expect(log.since(['t'], first).oldestMs).toBe(400)
    expect(log.since(['t', 'other'], first).oldestMs).toBe(1)
    expect(log.since(['nobody'], first).oldestMs).toBe(Infinity)
  })

  it('never says later than the truth, however many marks there are, and is exact while they are few', () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 0, max: 1000 }) }),
      fc.record({ ask: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const log = new ChangeLog()
        const writes: number[] = []
        const marks: { readonly mark: number; readonly from: number }[] = []
        for (const one of steps) {
          if ('write' in one) {
            writes.push(one.write)
            log.note('t', one.write)
            continue
          }
          const known = marks.length === 0 ? undefined : marks[one.ask % marks.length]!
          const { mark, oldestMs } = log.since(['t'], known?.mark)
          const truth = Math.min(Infinity, ...writes.slice(known?.from ?? 0))
          if (marks.length < 60) expect(oldestMs).toBe(truth)
          else expect(oldestMs).toBeLessThanOrEqual(truth)
          marks.push({ mark, from: writes.length })
        }
      }),
    )
  })
})
