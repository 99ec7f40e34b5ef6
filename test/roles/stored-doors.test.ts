// Exemplars by virtual labels: lanes are asked for the clusters that are members at the end of the range.

import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import type { Matcher } from '../../src/model/index.ts'
import type { QueryCall, QueryPool } from '../../src/query/index.ts'
import { storedDoor } from '../../src/roles/stored-doors.ts'
import type { Threads } from '../../src/roles/threads.ts'

const name: Matcher = { type: '=', name: '__name__', value: 'up' }
const placement: Matcher = { type: '=', name: '__placement__', value: 'n/p' }
const range = { minTimeMs: 5, maxTimeMs: 10 }
const reader = { name: 'r', scope: 'all' } as const

function doorOf(clusters: readonly string[]) {
  const asked: QueryCall[] = []
  const selectors: unknown[] = []
  const pool = {
    ask: async (call: QueryCall) => {
      asked.push(call)
      const body = Readable.from([Buffer.from(JSON.stringify({ data: clusters }))])
      return { headers: {}, body }
    },
  } as unknown as QueryPool
  const lane = {
    call: async (_: string, question: { selectors: unknown }) => {
      selectors.push(question.selectors)
      return []
    },
  }
  const threads = { lanes: [lane] } as unknown as Threads
  return { door: storedDoor({ threads, pool, timeoutMs: 1000 }), asked, selectors }
}

it('lanes get the clusters of a selector with virtual labels, and other selectors as they are', async () => {
  const { door, asked, selectors } = doorOf(['a', 'b'])
  await door.exemplars(['t'], [[name, placement], [name]], range, reader)
  expect(asked).toMatchObject([
    {
      kind: 'labelValues',
      name: 'cluster',
      selectors: ['{__name__="up",__placement__="n/p"}'],
      ...range,
    },
  ])
  expect(selectors).toEqual([[[name, { type: '=~', name: 'cluster', value: 'a|b' }], [name]]])
})

it('without members no lane is asked', async () => {
  const { door, selectors } = doorOf([])
  expect(await door.exemplars(['t'], [[name, placement]], range, reader)).toEqual([])
  expect(selectors).toEqual([])
})
