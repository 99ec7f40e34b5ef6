// Threads of one process that collect their garbage at the same time.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

it('threads collect at the same time, and none takes the means from another', async () => {
  const module = new URL('../../src/roles/collect-garbage.ts', import.meta.url).href
  const code = `const { collectGarbage } = await import(${JSON.stringify(module)})
    for (let i = 0; i < 20; i++) collectGarbage()`
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`)
  const workers = Array.from({ length: 4 }, () => new Worker(url))
  const ends = await Promise.all(workers.map((worker) => once(worker, 'exit')))
  expect(ends.map(([code]) => code)).toEqual([0, 0, 0, 0])
})
