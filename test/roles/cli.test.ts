import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { UserError } from '../../src/model/index.ts'
import { mistakeOf } from '../../src/roles/cli.ts'

function failureOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

test('what the user or the surroundings did wrong is told in a line', async () => {
  expect(mistakeOf(new UserError('bad_data', { what: 'no', fix: 'yes' }))).toBe('no; yes')
  const absent = failureOf(() => readFileSync('/does/not/exist'))
  expect(mistakeOf(absent)).toMatch(/^ENOENT: no such file.*\/does\/not\/exist/)
  const refused = await fetch('http://127.0.0.1:59998/').catch((error: unknown) => error)
  expect(mistakeOf(refused)).toMatch(/^fetch failed: .*ECONNREFUSED/)
})

test('a mistake of ours keeps its stack', () => {
  expect(mistakeOf(new TypeError('undefined is not a function'))).toBeUndefined()
  expect(mistakeOf(new Error('assertion failed'))).toBeUndefined()
})
