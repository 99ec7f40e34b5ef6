import { describe, expect, it } from 'vitest'
import { HeldBytes, MemoryAccount } from '../../src/storage/index.ts'

describe('memory account', () => {
  it('refuses what would go over its bound, and takes it once room was given back', () => {
    const account = new MemoryAccount(100)
    account.hold(60)
    expect(() => account.hold(41)).toThrow('the query needs more than 1 MiB of memory')
    account.hold(-20)
    account.hold(41)
    expect([account.heldBytes, account.peakBytes]).toEqual([81, 81])
  })

  it('names the options that would help', () => {
    const thread = new MemoryAccount(50)
    expect(() => new MemoryAccount(10).require(11)).toThrow('query.maxMemory')
    expect(() => new MemoryAccount(100, thread).require(51)).toThrow('query.maxMemoryTotal')
    expect(() => new MemoryAccount(10).require(11)).toThrowError(
      expect.objectContaining({ code: 'execution' }),
    )
  })

  it('bounds all callers of a thread together', () => {
    const thread = new MemoryAccount(100)
    const first = new MemoryAccount(80, thread)
    const second = new MemoryAccount(80, thread)
    first.hold(70)
    expect(() => second.hold(31)).toThrow('queries of this thread')
    expect([second.heldBytes, thread.heldBytes]).toEqual([0, 70])
    first.close()
    second.hold(31)
    expect(thread.heldBytes).toBe(31)
  })

  it('stops what still works for a caller that has ended', () => {
    const thread = new MemoryAccount(100)
    const account = new MemoryAccount(80, thread)
    account.hold(10)
    account.close()
    account.hold(-10)
    expect(thread.heldBytes).toBe(0)
    expect(() => account.hold(1)).toThrow('canceled')
  })

  it('is told the difference when a thing grows or shrinks', () => {
    const account = new MemoryAccount(100)
    const column = new HeldBytes(account)
    column.set(40)
    column.set(90)
    expect(account.heldBytes).toBe(90)
    expect(() => column.set(101)).toThrow('memory')
    column.set(0)
    expect(account.heldBytes).toBe(0)
  })
})
