import { describe, expect, it } from 'vitest'
import { cancelWord, createCancelSignal, SharedCancelSignal } from '../../src/storage/index.ts'

describe('a cancel signal', () => {
  const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(16))

  it('lets work go on until the word says otherwise', () => {
    const shared = words()
    const signal = createCancelSignal(shared, 2, Number.POSITIVE_INFINITY)
    signal.check()
    Atomics.store(shared, 2, cancelWord.canceled)
    expect(() => signal.check()).toThrow(expect.objectContaining({ code: 'canceled' }))
  })

  it('stops at the deadline and tells every other thread the same reason', () => {
    const shared = words()
    let nowMs = 1000
    const early = createCancelSignal(shared, 0, 1000, () => nowMs)
    early.check()
    nowMs = 1001
    expect(() => early.check()).toThrow(expect.objectContaining({ code: 'timeout' }))
    const elsewhere = new SharedCancelSignal(early.place, () => 0)
    expect(() => elsewhere.check()).toThrow(expect.objectContaining({ code: 'timeout' }))
  })

  it('keeps the reason that came first', () => {
    const shared = words()
    const signal = createCancelSignal(shared, 0, 5, () => 10)
    Atomics.store(shared, 0, cancelWord.canceled)
    expect(() => signal.check()).toThrow(expect.objectContaining({ code: 'canceled' }))
  })
})
