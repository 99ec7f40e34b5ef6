import { describe, expect, test } from 'vitest'
import { SpareBuilders } from '../../../src/tsdb/block/spare-builders.ts'

const seed = Uint32Array.of(1, 2, 3, 4)
const text = Buffer.from('aliceblue')

function fill(builder: ReturnType<SpareBuilders['take']>, chunkSizeBytes: number) {
  builder.beginRow()
  builder.addPair(builder.makePair(text, 0, 5, 5, 9))
  builder.addChunk(1, 10, 20, new Uint8Array(chunkSizeBytes).fill(7), 0, chunkSizeBytes)
  builder.endChunks()
}

describe('spare builders', () => {
  test('lend a builder again, empty, without touching what it made', () => {
    const builders = new SpareBuilders(seed)
    const builder = builders.take()
    fill(builder, 3)
    const batch = builder.finish()
    builders.give(builder)
    const again = builders.take()
    expect(again).toBe(builder)
    fill(again, 5)
    const next = again.finish()
    expect([batch.rowCount, batch.chunks.bytes.length, next.chunks.bytes.length]).toEqual([1, 3, 5])
    expect(next.hashes).toEqual(batch.hashes)
    expect([...batch.chunkStarts]).toEqual([0, 1])
    expect(Buffer.from(batch.pairs.bytes).toString()).toBe('aliceblue')
  })

  test('keep none that is not empty, and none that one answer made large', () => {
    const builders = new SpareBuilders(seed)
    const [half, large] = [builders.take(), builders.take()]
    half.beginRow()
    fill(large, 8 * 2 ** 20)
    large.finish()
    builders.give(half)
    builders.give(large)
    expect([half, large]).not.toContain(builders.take())
  })
})
