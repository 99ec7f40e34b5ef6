import { describe, expect, test } from 'vitest'
import { planRetention } from '../../../src/tsdb/index.ts'

const blocks = [
  { ulid: 'old', maxTimeMs: 1000, sizeBytes: 10 },
  { ulid: 'new', maxTimeMs: 3000, sizeBytes: 10 },
  { ulid: 'mid', maxTimeMs: 2000, sizeBytes: 50 },
]
const none = { retentionMs: 0, sizeBytesMax: 0, otherSizeBytes: 0 }

describe('retention', () => {
  test('without bounds keeps everything', () => {
    expect(planRetention(blocks, none, 1e15)).toEqual([])
  })

  test('by time deletes blocks whose last sample is older than the retention', () => {
    expect(planRetention(blocks, { ...none, retentionMs: 500 }, 2500)).toEqual(['mid', 'old'])
    expect(planRetention(blocks, { ...none, retentionMs: 501 }, 2500)).toEqual(['old'])
  })

  test('by size deletes the oldest blocks, and no newer block than one that stays', () => {
    expect(planRetention(blocks, { ...none, sizeBytesMax: 70 }, 0)).toEqual([])
    expect(planRetention(blocks, { ...none, sizeBytesMax: 69 }, 0)).toEqual(['old'])
    expect(planRetention(blocks, { ...none, sizeBytesMax: 30 }, 0)).toEqual(['mid', 'old'])
    const withLog = { ...none, sizeBytesMax: 70, otherSizeBytes: 1 }
    expect(planRetention(blocks, withLog, 0)).toEqual(['old'])
  })
})
