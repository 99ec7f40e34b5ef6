// What the front tells query threads about memberships, and when.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { type MembershipColumns, membershipColumns, readMembership } from '../../src/model/index.ts'
import { type PoolThread, type QueryCall, QueryPool, type ToThread } from '../../src/query/index.ts'
import { unlimitedReads } from '../../src/query/read-limits.ts'

const ports: MessagePort[] = []
afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

const columns = (name: string): MembershipColumns =>
  membershipColumns([{ label: '__placement__', name, revision: 1, members: new Map() }], {
    sinceMs: 0,
    intervalsMax: 1,
  })

/** A thread that answers every call at once and keeps what it was told. */
function thread(): { readonly thread: PoolThread; readonly told: string[]; die(): void } {
  const { port1, port2 } = new MessageChannel()
  ports.push(port1)
  const told: string[] = []
  let died: ((successor: PoolThread) => void) | undefined
  port2.on('message', (message: ToThread) => {
    if (message.type === 'membership')
      told.push(readMembership(message.columns).names('__placement__')[0]!)
    if (message.type !== 'run') return
    told.push('run')
    const report = { samplesRead: 0, peakSamples: 0, evaluationMs: 0, steps: 0, cachedSteps: 0 }
    port2.postMessage({ type: 'head', id: message.id, headers: {} })
    port2.postMessage({ type: 'end', id: message.id, report })
  })
  port2.unref()
  return {
    thread: {
      port: port1,
      cancelWords: new Int32Array(new SharedArrayBuffer(16)),
      start: (hear) => {
        died = hear
      },
    },
    told,
    die: () => died!(successor.thread),
  }
}
let successor = thread()

it('a thread learns the newest history before its first call, every newer one at once, and so does its successor', async () => {
  const one = thread()
  successor = thread()
  const options = { maxConcurrent: 4, maxWaiting: 4, limits: unlimitedReads }
  const pool = new QueryPool([one.thread], options, () => undefined)
  const ask = async () => {
    const base = { tenants: ['t'], scope: 'all', reader: '', deadlineMs: Infinity }
    const call = { kind: 'vector', query: '1', ...base } as unknown as QueryCall
    const { body } = await pool.ask(call, new AbortController().signal)
    for await (const _ of body);
  }
  pool.setMembership(columns('n/old'))
  pool.setMembership(columns('n/first'))
  await ask()
  expect(one.told).toEqual(['n/first', 'run'])
  pool.setMembership(columns('n/second'))
  await ask()
  expect(one.told).toEqual(['n/first', 'run', 'n/second', 'run'])
  one.die()
  await ask()
  expect(successor.told).toEqual(['n/second', 'run'])
})
