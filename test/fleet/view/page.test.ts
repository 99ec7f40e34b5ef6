// Paging by keyset, against slices of the sorted list.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pageOf } from '../../../src/fleet/view/page.ts'

interface Row {
  readonly key: string
  readonly value: number | undefined
}

const order = (isReversed: boolean) => ({ isReversed, sortValueOf: ({ value }: Row) => value })

function walk(rows: readonly Row[], isReversed: boolean, limit: number): readonly Row[] {
  const seen: Row[] = []
  let cursor: string | undefined
  do {
    const page = pageOf(rows, order(isReversed), {
      limit,
      asked: 'q',
      ...(cursor === undefined ? {} : { cursor }),
    })
    seen.push(...page.rows)
    cursor = page.next
  } while (cursor !== undefined)
  return seen
}

const rowsArbitrary = fc.uniqueArray(fc.string({ maxLength: 4 }), { maxLength: 30 }).chain((keys) =>
  fc
    .array(fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }), {
      minLength: keys.length,
      maxLength: keys.length,
    })
    .map((values) => keys.map((key, i) => ({ key, value: values[i] }))),
)

describe('pages', () => {
  it('together hold every row once, in order, whatever their size', () => {
    fc.assert(
      fc.property(
        rowsArbitrary,
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        (rows, turned, n) => {
          const whole = pageOf(rows, order(turned), { limit: 100, asked: 'q' }).rows
          expect(walk(rows, turned, n)).toEqual(whole)
          expect(new Set(whole).size).toBe(rows.length)
        },
      ),
    )
  })

  it('neither repeat nor hide rows when others come and go in between', () => {
    const rows = ['a', 'b', 'c', 'd', 'e'].map((key) => ({ key, value: undefined }))
    const first = pageOf(rows, order(false), { limit: 2, asked: 'q' })
    const changed = [{ key: 'aa', value: undefined }, ...rows.slice(2)]
    const second = pageOf(changed, order(false), { limit: 2, asked: 'q', cursor: first.next! })
    expect(second.rows.map(({ key }) => key)).toEqual(['c', 'd'])
  })

  it('of another question are refused', () => {
    const rows = [
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ]
    const { next } = pageOf(rows, order(false), { limit: 1, asked: 'q' })
    const asking = (cursor: string) => () =>
      pageOf(rows, order(false), { limit: 1, asked: 'other', cursor })
    expect(asking(next!)).toThrow('it belongs to another question')
    expect(asking('a'.repeat(5000))).toThrow('it is too long')
    expect(asking(Buffer.from('{}').toString('base64url'))).toThrow('it is none of ours')
  })
})
