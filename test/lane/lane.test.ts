import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { connectLane, type LaneConnection, LaneServer } from '../../src/lane/index.ts'
import { CorruptionError, UserError } from '../../src/model/index.ts'
import {
  type AppendRequest,
  type AppendResult,
  type CancelSignal,
  cancelWord,
  createCancelSignal,
  neverCancelled,
  type Queryable,
  type SelectRequest,
  type SeriesBatch,
} from '../../src/storage/index.ts'

const request: SelectRequest = {
  tenants: ['a'],
  matchers: [{ type: '=', name: 'job', value: 'x' }],
  minTimeMs: 0,
  maxTimeMs: 1,
  sorted: true,
  hints: {},
}
const labelRequest = { tenants: ['a'], matchers: [], minTimeMs: 0, maxTimeMs: 1 }
const written: AppendResult = {
  samplesWritten: 3,
  histogramsWritten: 0,
  exemplarsWritten: 0,
  rejectedCount: 0,
  rejections: [],
  limited: false,
}

function batchOf(rowCount: number): SeriesBatch {
  return {
    rowCount,
    hashes: new Uint32Array(4 * rowCount).fill(rowCount),
    pairStarts: new Uint32Array(rowCount + 1),
    pairIds: new Uint32Array(0),
    pairs: {
      pairCount: 0,
      bytes: Buffer.from('abc'),
      offsets: new Uint32Array(1),
      hashes: new Uint32Array(0),
    },
    chunkStarts: new Uint32Array(rowCount + 1),
    chunks: {
      chunkCount: 0,
      encodings: new Uint8Array(0),
      minTimesMs: new Float64Array(0),
      maxTimesMs: new Float64Array(0),
      offsets: new Uint32Array(0),
      sizes: new Uint32Array(0),
      bytes: new Uint8Array(rowCount),
    },
  }
}

class FakeStorage implements Queryable {
  readonly closed: number[] = []
  readonly events: string[] = []
  batchCount = 3
  failAt = Number.POSITIVE_INFINITY
  /** Whether cursors tell with their last batch that it is the last. */
  tellsEnd = false
  #cursors = 0

  select(_request: SelectRequest, signal: CancelSignal) {
    const number = ++this.#cursors
    let pulled = 0
    const { tellsEnd, batchCount } = this
    return {
      get ended() {
        return tellsEnd && pulled >= batchCount
      },
      warnings: ['something is missing'],
      next: async () => {
        signal.check()
        this.events.push(`pull ${number}`)
        if (++pulled > this.failAt)
          throw new UserError('limit_exceeded', { what: 'too many series', fix: 'ask for less' })
        return pulled > this.batchCount ? undefined : batchOf(pulled)
      },
      close: () => this.closed.push(number),
    }
  }

  async labelNames() {
    return { values: ['job'], warnings: [] }
  }

  async labelValues(name: string) {
    if (name === 'corrupt')
      throw new CorruptionError({ file: 'f', offset: 1, expected: 'a', found: 'b' })
    return { values: [`${name}-value`], warnings: ['w'] }
  }
}

describe('the lane port', () => {
  const connections: LaneConnection[] = []
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close()
  })

  function start(append?: (request: AppendRequest) => Promise<AppendResult>) {
    const storage = new FakeStorage()
    const server = new LaneServer({
      queryable: storage,
      appendable: { append: append ?? (async () => written) },
      control: { double: (value: number) => 2 * value, stuck: () => new Promise(() => {}) },
      clock: Date.now,
    })
    const connect = (): LaneConnection => {
      const { port1, port2 } = new MessageChannel()
      server.serve(port1)
      const connection = connectLane(port2)
      connections.push(connection)
      return connection
    }
    return { storage, connect }
  }

  it('hands over all batches of a select, then its warnings', async () => {
    const { storage, connect } = start()
    const cursor = connect().queryable.select(request, neverCancelled)
    const rows: number[] = []
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
      rows.push(batch.rowCount)
      expect(batch.hashes[0]).toBe(batch.rowCount)
      expect(Buffer.from(batch.pairs.bytes).toString()).toBe('abc')
    }
    expect(rows).toEqual([1, 2, 3])
    expect(cursor.warnings).toEqual(['something is missing'])
    expect(await cursor.next()).toBeUndefined()
    expect(storage.closed).toEqual([1])
  })

  it('asks no more once a cursor has told that a batch was its last', async () => {
    const { storage, connect } = start()
    storage.tellsEnd = true
    const cursor = connect().queryable.select(request, neverCancelled)
    for (let rows = 1; rows <= 3; rows++) expect((await cursor.next())!.rowCount).toBe(rows)
    expect(cursor.warnings).toEqual(['something is missing'])
    expect(await cursor.next()).toBeUndefined()
    expect(storage.events).toEqual(['pull 1', 'pull 1', 'pull 1'])
    expect(storage.closed).toEqual([1])
  })

  it('serves several clients, each with cursors of its own', async () => {
    const { connect } = start()
    const cursors = [connect(), connect()].map((c) => c.queryable.select(request, neverCancelled))
    for (let round = 1; round <= 3; round++)
      for (const cursor of cursors) expect((await cursor.next())?.rowCount).toBe(round)
  })

  it('closes the storage cursor when the client closes early, even before the first batch came', async () => {
    const { storage, connect } = start()
    const { queryable, call } = connect()
    const first = queryable.select(request, neverCancelled)
    await first.next()
    first.close()
    expect(await first.next()).toBeUndefined()
    const second = queryable.select(request, neverCancelled)
    const pull = second.next().catch((error: UserError) => error.code)
    second.close()
    expect(await pull).toBe('canceled')
    await call('double', 1)
    await queryable.labelNames(labelRequest, neverCancelled)
    expect(storage.closed).toEqual([1])
    const third = queryable.select(request, neverCancelled)
    third.close()
    expect(await third.next()).toBeUndefined()
  })

  it('frees the cursors of a client that has gone', async () => {
    const { storage, connect } = start()
    const connection = connect()
    await connection.queryable.select(request, neverCancelled).next()
    connection.close()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(storage.closed).toEqual([1])
  })

  it('keeps the code and message of an error', async () => {
    const { storage, connect } = start()
    storage.failAt = 1
    const { queryable, call } = connect()
    const cursor = queryable.select(request, neverCancelled)
    await cursor.next()
    const error = await cursor.next().catch((thrown) => thrown)
    expect(error).toBeInstanceOf(UserError)
    expect(error).toMatchObject({
      code: 'limit_exceeded',
      message: 'too many series; ask for less',
    })
    await expect(
      queryable.labelValues('corrupt', labelRequest, neverCancelled),
    ).rejects.toMatchObject({ name: 'CorruptionError', message: expect.stringContaining('f is') })
    await expect(call('unknown')).rejects.toMatchObject({ code: 'internal' })
    await expect(call('toString')).rejects.toMatchObject({ code: 'internal' })
  })

  it('lists names and values, and makes named calls', async () => {
    const { connect } = start()
    const { queryable, call } = connect()
    expect((await queryable.labelNames(labelRequest, neverCancelled)).values).toEqual(['job'])
    expect(await queryable.labelValues('job', labelRequest, neverCancelled)).toEqual({
      values: ['job-value'],
      warnings: ['w'],
    })
    expect(await call('double', 21)).toBe(42)
  })

  it('takes a write body along and answers what became of it', async () => {
    let seen: AppendRequest | undefined
    const { connect } = start(async (r) => {
      seen = r
      return written
    })
    const body = new Uint8Array([1, 2, 3])
    const result = await connect().appendable.append({
      tenant: 'a',
      sender: { key: '', labels: {} },
      format: 'remote-write-1',
      compression: 'snappy',
      body,
    })
    expect(result).toEqual(written)
    expect([...seen!.body]).toEqual([1, 2, 3])
    expect(body.length).toBe(0)
  })

  it('lets a write that arrives go ahead of the reads that wait', async () => {
    const order: string[] = []
    const { storage, connect } = start(async () => {
      order.push(`write after ${storage.events.length} reads`)
      return written
    })
    const reader = connect()
    const writer = connect()
    const reads = Array.from({ length: 50 }, () =>
      reader.queryable.select(request, neverCancelled).next(),
    )
    const write = writer.appendable.append({
      tenant: 'a',
      sender: { key: '', labels: {} },
      format: 'remote-write-1',
      compression: 'none',
      body: new Uint8Array(1),
    })
    await Promise.all([...reads, write])
    expect(Number(/\d+/.exec(order[0]!)![0])).toBeLessThan(10)
  })

  it('stops in the lane when the word is set or the deadline passes', async () => {
    const { storage, connect } = start()
    const words = new Int32Array(new SharedArrayBuffer(8))
    const { queryable } = connect()
    const cursor = queryable.select(request, createCancelSignal(words, 1, Number.POSITIVE_INFINITY))
    await cursor.next()
    const pull = cursor.next()
    Atomics.store(words, 1, cancelWord.canceled)
    await expect(pull).rejects.toMatchObject({ code: 'canceled' })
    expect(storage.closed).toEqual([1])
    const late = createCancelSignal(words, 0, Date.now() - 1, () => 0)
    await expect(queryable.labelNames(labelRequest, late)).rejects.toMatchObject({
      code: 'timeout',
    })
  })

  it('rejects what waits when the lane ends', async () => {
    const { port1, port2 } = new MessageChannel()
    new LaneServer({
      queryable: new FakeStorage(),
      appendable: { append: () => new Promise(() => {}) },
      control: { stuck: () => new Promise(() => {}) },
      clock: Date.now,
    }).serve(port1)
    const { call, queryable } = connectLane(port2)
    const waiting = call('stuck')
    port1.close()
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
    await expect(queryable.select(request, neverCancelled).next()).rejects.toMatchObject({
      code: 'unavailable',
    })
  })
})
