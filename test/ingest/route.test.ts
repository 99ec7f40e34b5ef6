import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { laneOf, routeTo } from '../../src/ingest/index.ts'
import type { AppendRequest, AppendResult } from '../../src/storage/index.ts'

const nobody = { key: '', labels: {} }

describe('the lane of a request', () => {
  it('is one of the lanes and always the same', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 64 }), (tenant, count) => {
        const lane = laneOf(tenant, nobody, count)
        expect(lane).toBeGreaterThanOrEqual(0)
        expect(lane).toBeLessThan(count)
        expect(laneOf(tenant, { key: 'other', labels: {} }, count)).toBe(lane)
      }),
    )
  })

  it('spreads tenants, and the clusters of one tenant, evenly', () => {
    const byTenant = new Array<number>(4).fill(0)
    const byCluster = new Array<number>(4).fill(0)
    for (let i = 0; i < 4000; i++) {
      byTenant[laneOf(`team-${i}`, nobody, 4)]! += 1
      byCluster[laneOf('t', { key: '', labels: { cluster: `cluster-${i}` } }, 4)]! += 1
    }
    for (const count of [...byTenant, ...byCluster])
      expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('gets the whole request', async () => {
    const seen: number[] = []
    const lane = (index: number) => ({
      append: (request: AppendRequest) => {
        seen.push(index)
        return Promise.resolve({ ...stored, samplesWritten: request.body.length })
      },
    })
    const router = routeTo([lane(0), lane(1), lane(2)])
    const request = {
      tenant: 'team-a',
      sender: nobody,
      format: 'remote-write-1',
      compression: 'snappy',
      body: new Uint8Array(7),
    } as const
    expect((await router.append(request)).samplesWritten).toBe(7)
    expect(seen).toEqual([laneOf('team-a', nobody, 3)])
  })
})

const stored: AppendResult = {
  samplesWritten: 0,
  histogramsWritten: 0,
  exemplarsWritten: 0,
  rejectedCount: 0,
  rejections: [],
  limited: false,
}
