// Parts in little memory: what is shared, and what is let go.

import { expect, test } from 'vitest'
import { readObject } from '../../../src/fleet/index.ts'
import { compactPart, TextPool } from '../../../src/fleet/service/compact-part.ts'
import { fixtureObjects } from '../fixture-fleet.ts'

test('a compact part equals the one that was read', () => {
  const pool = new TextPool()
  for (const object of fixtureObjects()) {
    const part = readObject(object)
    if (part !== undefined) expect(compactPart(readObject(object)!, pool)).toEqual(part)
  }
})

test('of a long history the newest entries stay', () => {
  const history = Array.from({ length: 10 }, (_, i) => ({ message: `Compliant; ${i}` }))
  const object = {
    apiVersion: 'policy.open-cluster-management.io/v1',
    kind: 'Policy',
    metadata: {
      name: 'a.b',
      namespace: 'one',
      labels: { 'policy.open-cluster-management.io/root-policy': 'a.b' },
    },
    status: { compliant: 'Compliant', details: [{ templateMeta: { name: 't' }, history }] },
  }
  const part = compactPart(readObject(object)!, new TextPool())
  expect(part).toMatchObject({
    details: [{ history: history.slice(0, 3), compliance: 'compliant' }],
  })
})

test('a pool forgets rather than grow without bound', () => {
  const pool = new TextPool()
  for (let i = 0; i < 120_000; i++) pool.of(`text ${i}`)
  expect(pool.of('text 119999')).toBe('text 119999')
  expect(pool.size).toBeLessThanOrEqual(50_000)
})
