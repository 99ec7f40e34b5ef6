import { describe, expect, test } from 'vitest'
import { formatLabels, labelsOf, windowMs, windowStartMs } from '../../../src/model/index.ts'
import { cancelWord, createCancelSignal, neverCancelled } from '../../../src/storage/index.ts'
import type { GenerationCursor } from '../../../src/tsdb/head/generation-cursor.ts'
import { SealedGeneration, windowKeyOf } from '../../../src/tsdb/head/index.ts'
import { createRandom } from '../../random.ts'
import {
  bodyOf,
  compile,
  continued,
  createHead,
  everything,
  type LogRecord,
  read,
  replayed,
  requestOf,
  type SentSeries,
  shown,
} from './head-fixture.ts'

const start = 236_000 * windowMs
const hour = 3_600_000

/** What a head must hold: a map per series, and Prometheus' rules on what may enter it. */
class Model {
  readonly series = new Map<string, Map<number, number>>()
  rejected: string[] = []

  append(
    tenant: string,
    sent: readonly SentSeries[],
    nowMs: number,
    outOfOrderWindowMs: number,
  ): void {
    this.rejected = []
    for (const { labels, samples } of sent) {
      const key = `${tenant} ${formatLabels(labelsOf(labels))}`
      const byTime = [...samples].map((sample, i) => ({ sample, i }))
      // Windows are written oldest first; within one, in the order sent, late ones after.
      byTime.sort((a, b) => windowStartMs(a.sample[0]) - windowStartMs(b.sample[0]) || a.i - b.i)
      let stored = this.series.get(key)
      for (const {
        sample: [timeMs, value],
      } of byTime) {
        if (timeMs > nowMs + 600_000) {
          this.rejected.push('too_far_in_future')
          continue
        }
        stored ??= new Map()
        this.series.set(key, stored)
        const newest = Math.max(...stored.keys())
        if (timeMs < newest - outOfOrderWindowMs) this.rejected.push('too_old')
        else if (!stored.has(timeMs)) stored.set(timeMs, value)
        else if (!Object.is(stored.get(timeMs), value)) this.rejected.push('duplicate')
      }
    }
  }

  of(tenant: string): Map<string, string[]> {
    const out = new Map<string, string[]>()
    for (const [key, samples] of this.series) {
      const [owner, labels] = [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)]
      if (owner !== tenant || samples.size === 0) continue
      const times = [...samples.keys()].sort((a, b) => a - b)
      out.set(
        labels,
        times.map((timeMs) => shown(timeMs, samples.get(timeMs)!)),
      )
    }
    return out
  }
}

const byKey = (map: Map<string, string[]>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

describe('the head', () => {
  test('looks at many values in short slices, and stops in the middle of them', async () => {
    const head = createHead([])
    const podsMax = 40_000
    for (let from = 0; from < podsMax; from += 2000) {
      const series = Array.from({ length: 2000 }, (_, i) => ({
        labels: { __name__: 'up', pod: `checkout-api-${from + i}-x1z` },
        samples: [[start, 1]] as const,
      }))
      head.append(requestOf(bodyOf(series)), start)
    }
    const words = new Int32Array(1)
    const signal = createCancelSignal(words, 0, Number.POSITIVE_INFINITY)
    const select = (value: string): GenerationCursor => {
      const matchers = [{ type: '=~', name: 'pod', value }] as const
      return head.select({ ...everything(['t']), matchers }, signal) as GenerationCursor
    }
    const cursor = select('.*-99.*z')
    let slices = 1
    while (!cursor.prepare()) slices++
    // Values found by slices are those found in one go.
    expect(slices).toBeGreaterThan(3)
    const rowsOf = async (of: GenerationCursor): Promise<number> => {
      let rows = 0
      for (let batch = await of.next(); batch !== undefined; batch = await of.next())
        rows += batch.rowCount
      return rows
    }
    // 99, 990 to 999 and 9900 to 9999.
    expect(await rowsOf(cursor)).toBe(111)
    expect(await rowsOf(select('.*-99.*z'))).toBe(111)
    const stopped = select('.*-98.*z')
    expect(stopped.prepare()).toBe(false)
    // A series that comes between two slices is in the next answer once, and in this one at most once.
    head.append(
      requestOf(bodyOf([{ labels: { __name__: 'up', pod: 'new-98-z' }, samples: [[start, 1]] }])),
      start,
    )
    const other = select('.*-98-z')
    while (!other.prepare()) stopped.prepare()
    expect(await rowsOf(other)).toBe(1)
    while (!stopped.prepare());
    expect([111, 112]).toContain(await rowsOf(stopped))
    words[0] = cancelWord.canceled
    expect(() => select('.*-97.*z').prepare()).toThrow('canceled')
  })

  test('a select brings a series of several windows once, with its chunks in order of time', async () => {
    const head = createHead([])
    const samplesAt = (...hours: number[]) => hours.map((at) => [start + at * hour, at] as const)
    head.append(
      requestOf(
        bodyOf([
          { labels: { __name__: 'up', pod: 'stays' }, samples: samplesAt(0, 1, 2, 3, 4, 5) },
          { labels: { __name__: 'up', pod: 'goes' }, samples: samplesAt(0, 1) },
          { labels: { __name__: 'up', pod: 'comes' }, samples: samplesAt(4, 5) },
        ]),
      ),
      start + 5 * hour,
    )
    const cursor = head.select(everything(['t']), neverCancelled)
    const batch = (await cursor.next())!
    expect(batch.rowCount).toBe(3)
    const windowsOfRow = [0, 1, 2].map((row) =>
      [...batch.chunks.minTimesMs.subarray(batch.chunkStarts[row], batch.chunkStarts[row + 1])].map(
        (timeMs) => (timeMs - start) / hour,
      ),
    )
    expect(windowsOfRow).toEqual([[0, 2, 4], [0], [4]])
    // up, and three pods: each pair once, whatever window it stands in.
    expect(batch.pairs.pairCount).toBe(4)
    expect(cursor.ended).toBe(true)
    expect(await cursor.next()).toBeUndefined()
  })

  test('gives back what was written, in order or late, and again after a replay', async () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    for (let round = 0; round < 25; round++) {
      const log: LogRecord[] = []
      let head = createHead(log)
      const model = new Model()
      let nowMs = start + hour
      for (let step = 0; step < 60; step++) {
        nowMs += Math.floor(random() * 600_000)
        const tenant = random() < 0.5 ? 'a' : 'b'
        const sent: SentSeries[] = []
        for (const pod of [0, 1, 2, 3, 4]) {
          if (random() < 0.4) continue
          const samples: [number, number][] = []
          let timeMs = nowMs - Math.floor(random() ** 3 * 3 * hour)
          for (let i = 0; i < random() * 6; i++) {
            samples.push([timeMs, random() < 0.2 ? Number.NaN : Math.floor(random() * 3)])
            timeMs += Math.floor(random() * 5) * 15_000
          }
          sent.push({ labels: { __name__: 'up', pod: `p${pod}`, tier: `t${pod % 2}` }, samples })
        }
        const result = head.append(requestOf(bodyOf(sent), tenant), nowMs)
        model.append(tenant, sent, nowMs, 6 * hour)
        expect(result.rejections.map(({ kind }) => kind).sort(), `seed ${number}`).toEqual(
          model.rejected.slice(0, 10).sort(),
        )
        expect(result.rejectedCount).toBe(model.rejected.length)
        if (random() < 0.05) head = continued(replayed(log), log)
      }
      for (const source of [head, replayed(log)]) {
        for (const tenant of ['a', 'b']) {
          const found = await read(source, everything([tenant], random() < 0.5))
          expect(byKey(found), `seed ${number} round ${round}`).toEqual(byKey(model.of(tenant)))
        }
      }
    }
  })

  test('refuses what is older than the out-of-order window of its own series only', () => {
    const head = createHead([])
    const send = (pod: string, timeMs: number) =>
      head.append(
        requestOf(bodyOf([{ labels: { __name__: 'up', pod }, samples: [[timeMs, 1]] }])),
        start + 9 * hour,
      )
    expect(send('a', start + 9 * hour).samplesWritten).toBe(1)
    expect(send('b', start + 1 * hour).samplesWritten).toBe(1)
    expect(send('a', start + 1 * hour).rejections[0]).toMatchObject({ kind: 'too_old' })
    expect(send('a', start + 3 * hour).samplesWritten).toBe(1)
    expect(send('b', start + 10 * hour).rejections[0]!.message).toMatch(
      /up\{pod="b"\}.*future.*clock/,
    )
  })

  test('stores the valid samples of a body and gives at most ten reasons', () => {
    const head = createHead([])
    const series = Array.from({ length: 30 }, (_, i) => ({
      labels: { __name__: 'up', pod: `p${i}` },
      samples: [
        [start, 1],
        [start, i % 2 === 0 ? 1 : 2],
      ] as [number, number][],
    }))
    const result = head.append(requestOf(bodyOf(series)), start)
    expect(result).toMatchObject({ samplesWritten: 45, rejectedCount: 15, limited: false })
    expect(result.rejections.length).toBe(10)
    expect(result.rejections[0]!.message).toContain('up{pod="p1"}: another value')
  })

  test('drops and refuses what admission says, and remembers the dropped', () => {
    let asked = 0
    const head = createHead([], {
      admit: (labels) => {
        asked += 1
        if (labels.some(({ value }) => value === 'debug')) return 'dropped'
        return labels.filter(({ name }) => name !== 'secret')
      },
    })
    const send = () =>
      head.append(
        requestOf(
          bodyOf([
            { labels: { __name__: 'debug' }, samples: [[start, 1]] },
            { labels: { __name__: 'up', secret: 'x' }, samples: [[start, 1]] },
            { labels: { pod: 'x' }, samples: [[start, 1]] },
          ]),
        ),
        start,
      )
    expect(send()).toMatchObject({ samplesWritten: 1, rejectedCount: 1 })
    expect(asked).toBe(3)
    expect(send()).toMatchObject({ samplesWritten: 1, rejectedCount: 1 })
    expect(asked).toBe(4)
    expect(head.stats().seriesCount).toBe(1)
  })

  test('refuses new series at a limit while known ones are written on', () => {
    const head = createHead([], { seriesMax: 2 })
    const send = (pod: string, timeMs: number) =>
      head.append(
        requestOf(bodyOf([{ labels: { __name__: 'up', pod }, samples: [[timeMs, 1]] }])),
        start,
      )
    send('a', start)
    send('b', start)
    expect(send('c', start)).toMatchObject({ samplesWritten: 0, limited: true, rejectedCount: 1 })
    expect(send('a', start + 1)).toMatchObject({ samplesWritten: 1, limited: false })
    const full = createHead([], { limits: { memoryBytes: 1 } })
    const refused = full.append(
      requestOf(bodyOf([{ labels: { __name__: 'x' }, samples: [[start, 1]] }])),
      start,
    )
    expect(refused).toMatchObject({ limited: true, samplesWritten: 0 })
  })

  test('refuses every body, to be retried, while windows take all memory, and goes on once one is dropped', () => {
    const head = createHead([], { limits: { memoryBytesHard: 3_000_000 } })
    const burst = (from: number) => {
      const times = Array.from({ length: 3000 }, (_, i) => start + from + i)
      const samples = times.map((t) => [t, Math.random()] as [number, number])
      return head.append(requestOf(bodyOf([{ labels: { __name__: 'up' }, samples }])), start)
    }
    let sent = 0
    const fill = () => {
      for (; sent < 1_000_000; sent += 3000) burst(sent)
    }
    expect(fill).toThrow(
      expect.objectContaining({ code: 'unavailable', message: expect.stringMatching(/retry/) }),
    )
    const before = sent
    expect(before).toBeGreaterThan(0)
    const descriptor = head.sealGeneration(head.windows()[0]!.windowKey)!
    expect(() => burst(sent)).toThrow(/--memory\.limit/)
    head.dropGeneration(descriptor.id)
    expect(burst(sent)).toMatchObject({ samplesWritten: 3000 })
  })

  test('goes on with series that are being written after an early cut although memory is full', () => {
    const head = createHead([], { limits: { memoryBytes: 10_000_000 } })
    const send = (pods: readonly string[], timeMs: number) => {
      const series = pods.map((pod) => ({
        labels: { __name__: 'up', pod },
        samples: [[timeMs, 1]] as [number, number][],
      }))
      return head.append(requestOf(bodyOf(series)), start)
    }
    send(['idle'], start)
    const known: string[] = []
    for (let i = 0; ; i++) {
      if (send([`pod-${i}`], start + 400_000).limited) break
      known.push(`pod-${i}`)
    }
    // One series has one sample only: it may be one of those that come once.
    const once = known.pop()!
    expect(known.length).toBeGreaterThan(100)
    send(known, start + 410_000)
    const { windowKey } = head.windows()[0]!
    const descriptor = head.sealGeneration(windowKey)!
    expect(head.carryOn(windowKey, start)).toBe(known.length)
    expect(known).not.toContain(once)
    head.dropGeneration(descriptor.id)
    const fill = Array.from({ length: 20_000 }, (_, i) => `new-${i}`)
    expect(send(fill, start + 430_000).limited || send(['newer'], start + 430_000).limited).toBe(
      true,
    )
    expect(send(known, start + 430_000)).toMatchObject({
      samplesWritten: known.length,
      limited: false,
    })
    expect(send(['idle'], start + 430_000)).toMatchObject({ limited: true })
  })

  test('goes on after an early cut with a series of one sample that the window before knows', () => {
    const head = createHead([], { limits: { memoryBytes: 12_000_000 } })
    const send = (pod: string, timeMs: number) => {
      const series = [{ labels: { __name__: 'up', pod }, samples: [[timeMs, 1]] as const }]
      return head.append(requestOf(bodyOf(series)), timeMs)
    }
    const nextMs = start + windowMs
    send('steady', nextMs - 30_000)
    send('steady', nextMs)
    let created = 0
    while (!send(`new-${created}`, nextMs).limited) created++
    expect(created).toBeGreaterThan(100)
    const { windowKey } = head.windows().find(({ minTimeMs }) => minTimeMs === nextMs)!
    head.sealGeneration(windowKey)
    expect(head.carryOn(windowKey, nextMs)).toBe(1)
  })

  test('selects by all kinds of matchers, and lists names and values', async () => {
    const head = createHead([])
    const series = ['a', 'b', 'c', ''].flatMap((pod) =>
      ['x', 'y'].map((name) => ({
        labels: { __name__: name, pod },
        samples: [[start, 1]] as [number, number][],
      })),
    )
    head.append(requestOf(bodyOf(series)), start)
    const select = async (...matchers: [string, string, string][]) => {
      const request = {
        ...everything(['t']),
        matchers: matchers.map(([name, type, value]) => ({ name, type: type as '=', value })),
      }
      return [...(await read(head, request)).keys()].sort()
    }
    expect(await select(['pod', '=', 'a'])).toEqual(['x{pod="a"}', 'y{pod="a"}'])
    expect(await select(['pod', '=~', 'a|b'], ['__name__', '=', 'x'])).toEqual([
      'x{pod="a"}',
      'x{pod="b"}',
    ])
    expect(await select(['pod', '=', ''])).toEqual(['x', 'y'])
    expect(await select(['pod', '!=', ''], ['__name__', '!~', 'y'])).toEqual([
      'x{pod="a"}',
      'x{pod="b"}',
      'x{pod="c"}',
    ])
    expect(await select(['pod', '!=', 'a'], ['__name__', '=', 'x'])).toEqual([
      'x',
      'x{pod="b"}',
      'x{pod="c"}',
    ])
    expect(await select(['none', '=~', '.*'], ['pod', '=~', '.+'], ['__name__', '=', 'y'])).toEqual(
      ['y{pod="a"}', 'y{pod="b"}', 'y{pod="c"}'],
    )
    expect(await select(['pod', '=', 'nope'])).toEqual([])
    head.append(
      requestOf(bodyOf([{ labels: { __name__: 'x', pod: 'aa' }, samples: [[start, 1]] }])),
      start,
    )
    expect(await select(['pod', '=~', 'a.*'], ['__name__', '=', 'x'])).toEqual([
      'x{pod="a"}',
      'x{pod="aa"}',
    ])
    const signal = { check() {} }
    const request = {
      ...everything(['t']),
      matchers: [{ name: '__name__', type: '=', value: 'x' } as const],
    }
    expect((await head.labelValues('pod', request, signal)).values).toEqual(['a', 'aa', 'b', 'c'])
    expect((await head.labelNames({ ...request, matchers: [] }, signal)).values).toEqual([
      '__name__',
      'pod',
    ])
    expect((await head.labelNames({ ...request, tenants: ['other'] }, signal)).values).toEqual([])
    expect(head.cardinality('t', 2)).toMatchObject({
      seriesCount: 9,
      seriesCountByMetricName: [
        { name: 'x', count: 5 },
        { name: 'y', count: 4 },
      ],
    })
  })

  test('sorts by labels where it is asked to, across windows', async () => {
    const head = createHead([])
    const pods = ['b', 'a', 'é', 'c', 'a😀', 'a\uffee', '']
    for (let i = 0; i < pods.length; i++) {
      const labels = { __name__: 'x', pod: pods[i]!, zone: 'z' }
      const times = i % 2 === 0 ? [start, start + windowMs] : [start + windowMs]
      head.append(
        requestOf(bodyOf([{ labels, samples: times.map((t) => [t, 1] as const) }])),
        start + windowMs,
      )
    }
    const keys = [...(await read(head, everything(['t'], true))).keys()]
    expect(keys).toEqual(
      ['a', 'a\uffee', 'a😀', 'b', 'c', 'é']
        .map((pod) => `x{pod="${pod}", zone="z"}`)
        .concat('x{zone="z"}'),
    )
  })

  test('cuts a window: sealed it answers elsewhere, late samples open another generation', async () => {
    const log: LogRecord[] = []
    const head = createHead(log)
    const send = (timeMs: number, value: number) =>
      head.append(
        requestOf(bodyOf([{ labels: { __name__: 'x', pod: 'a' }, samples: [[timeMs, value]] }])),
        start + 4 * hour,
      )
    send(start + 10, 1)
    send(start + 20, 2)
    send(start + 15, 3)
    send(start + 3 * hour, 4)
    const windowKey = windowKeyOf({ windowStartMs: start, isOutOfOrder: false })
    const descriptor = head.sealGeneration(windowKey)!
    const elsewhere = SealedGeneration.attach(structuredClone(descriptor), compile)
    expect(elsewhere.tenants).toEqual(['t'])
    const first = [shown(start + 10, 1), shown(start + 15, 3), shown(start + 20, 2)]
    expect([...(await read(elsewhere, everything(['t'], true))).values()]).toEqual([first])
    send(start + 30, 5)
    expect(head.windows().map(({ isOutOfOrder, isSealed }) => [isOutOfOrder, isSealed])).toEqual([
      [false, true],
      [true, false],
      [false, false],
    ])
    const late = shown(start + 30, 5)
    const live = shown(start + 3 * hour, 4)
    expect([...(await read(head, everything(['t']))).values()]).toEqual([[...first, late, live]])
    head.dropGeneration(descriptor.id)
    expect([...(await read(head, everything(['t']))).values()]).toEqual([[late, live]])
    const rest = log.filter((record) => record.windowKey !== windowKey)
    expect([...(await read(replayed(rest), everything(['t']))).values()]).toEqual([[late, live]])
  })

  test('replays a sealed window and its successor as one, again and again', async () => {
    const log: LogRecord[] = []
    const cutAtOnce = [start]
    let head = createHead(log, { cutWindows: cutAtOnce })
    const send = (pod: string, timeMs: number, tenant = 't') =>
      head.append(
        requestOf(
          bodyOf([{ labels: { __name__: 'x', pod }, samples: [[timeMs, timeMs - start]] }]),
          tenant,
        ),
        start + 4 * hour,
      )
    const windowKey = windowKeyOf({ windowStartMs: start, isOutOfOrder: true })
    const expected = () =>
      new Map([
        ['x{pod="a"}', [10, 15, 20, 40].map((t) => shown(start + t, t))],
        ['x{pod="b"}', [11, 12].map((t) => shown(start + t, t))],
      ])
    send('a', start + 10)
    send('a', start + 20)
    send('b', start + 11)
    head.sealGeneration(windowKey)
    send('b', start + 12, 'other')
    send('b', start + 12)
    send('a', start + 15)
    for (let round = 0; round < 3; round++) {
      head = continued(replayed(log, {}, cutAtOnce), log)
      head.finishReplay()
      send('a', start + 40)
      expect(byKey(await read(head, everything(['t'])))).toEqual(byKey(expected()))
      expect(await read(head, everything(['other']))).toEqual(
        new Map([['x{pod="b"}', [shown(start + 12, 12)]]]),
      )
    }
  })

  test('keeps bodies that came during a replay, and stores them after it, once', async () => {
    const log: LogRecord[] = []
    const series = (value: number) => [
      { labels: { __name__: 'x' }, samples: [[start + value, value]] as [number, number][] },
    ]
    createHead(log).append(requestOf(bodyOf(series(1))), start)
    const replaying = continued(replayed(log), log)
    replaying.logBody(requestOf(bodyOf(series(2))), start)
    expect(() => replaying.logBody(requestOf(new Uint8Array([10, 200])), start)).toThrow(
      /not a valid/,
    )
    const crashed = [...log]
    expect(replaying.finishReplay()).toEqual({ bodyCount: 1, rejectedCount: 0 })
    const expected = [[shown(start + 1, 1), shown(start + 2, 2)]]
    expect([...(await read(replaying, everything(['t']))).values()]).toEqual(expected)
    for (const records of [crashed, log]) {
      const again = replayed(records)
      expect(again.finishReplay().bodyCount).toBe(records === log ? 0 : 1)
      expect([...(await read(again, everything(['t']))).values()]).toEqual(expected)
    }
  })

  test('a body that comes while an older log is replayed is not taken for one of that log', async () => {
    const log: LogRecord[] = []
    const bodyAt = (value: number) =>
      requestOf(bodyOf([{ labels: { __name__: 'x' }, samples: [[start + value, value]] }]))
    const first = continued(replayed(log), log)
    first.logBody(bodyAt(1), start)
    first.finishReplay()
    const second = createHead([])
    second.logBody(bodyAt(2), start)
    for (const { record, windowKey } of log) second.replay(record, windowKey, 0)
    expect(second.finishReplay().bodyCount).toBe(1)
    const expected = [[shown(start + 1, 1), shown(start + 2, 2)]]
    expect([...(await read(second, everything(['t']))).values()]).toEqual(expected)
  })

  test('bounds the number of windows', () => {
    const head = createHead([], { limits: { generationsMax: 2 } })
    const results = [0, 1, 2, 3, 4].map((i) =>
      head.append(
        requestOf(
          bodyOf([{ labels: { __name__: 'x', i: `${i}` }, samples: [[start + i * windowMs, 1]] }]),
        ),
        start + 10 * windowMs,
      ),
    )
    expect(results.map(({ samplesWritten }) => samplesWritten)).toEqual([1, 1, 1, 1, 0])
    expect(results[4]).toMatchObject({ limited: true, rejectedCount: 1 })
  })
})
