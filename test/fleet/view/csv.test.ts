// CSV as RFC 4180 has it, safe to open in a spreadsheet.
import { describe, expect, it } from 'vitest'
import { csvOf } from '../../../src/fleet/view/csv.ts'

describe('CSV', () => {
  it('has a header, ends lines with CR LF, and quotes commas, quotes and line ends', () => {
    const text = csvOf([{ a: 'x,y', b: 'say "hi"\nthere' }], ['a', 'b'])
    expect(text).toBe('a,b\r\n"x,y","say ""hi""\nthere"\r\n')
  })

  it('flattens maps to dotted columns and joins lists', () => {
    const items = [{ name: 'n', counts: { bad: 1, good: 2 }, sets: ['p', 'q'] }, { name: 'm' }]
    expect(csvOf(items, ['name', 'counts', 'sets'])).toBe(
      'name,counts.bad,counts.good,sets\r\nn,1,2,p;q\r\nm,,,\r\n',
    )
  })

  it('never lets a text be a formula, and leaves numbers alone', () => {
    const items = ['=1+1', '+1', '-1', '@x', '\tx', '\rx', 'plain'].map((text) => ({ text }))
    const cells = csvOf(items, ['text']).split('\r\n').slice(1, -1)
    expect(cells).toEqual(["'=1+1", "'+1", "'-1", "'@x", "'\tx", `"'\rx"`, 'plain'])
    expect(csvOf([{ n: -5 }], ['n'])).toBe('n\r\n-5\r\n')
  })

  it('keeps columns that no entry has', () => {
    expect(csvOf([], ['name', 'state'])).toBe('name,state\r\n')
  })
})
