import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { io } from '../../../src/encoding/index.ts'
import { windowMs } from '../../../src/model/index.ts'
import { neverCancelled, type Queryable } from '../../../src/storage/index.ts'
import type { Block } from '../../../src/tsdb/block/block.ts'
import { openBlock } from '../../../src/tsdb/block/block.ts'
import { mergeBlocks } from '../../../src/tsdb/block/merge-blocks.ts'
import { writeBlock } from '../../../src/tsdb/block/write-block.ts'
import { type Head, SealedGeneration } from '../../../src/tsdb/head/index.ts'
import { createRandom } from '../../random.ts'
import { blockOptions, temporaryDirectory, ulidA } from '../block/block-fixtures.ts'
import {
  anonymous,
  compile,
  createHead,
  everything,
  type LogRecord,
  read,
  replayed,
  shown,
} from './head-fixture.ts'

const start = 236_000 * windowMs
const now = start + 2 * windowMs

interface Sent {
  readonly timeMs: number
  readonly startMs: number
  readonly value: number
  readonly isHistogram: boolean
}

function send(head: Head, sent: readonly Sent[]) {
  const samples = sent
    .filter(({ isHistogram }) => !isHistogram)
    .map(({ timeMs, startMs, value }) => ({
      timestamp: timeMs,
      startTimestamp: startMs,
      value,
    }))
  const histograms = sent
    .filter(({ isHistogram }) => isHistogram)
    .map(({ timeMs, startMs, value }) => ({
      timestamp: timeMs,
      startTimestamp: startMs,
      countInt: value,
      sum: 2 * value,
      schema: 1,
      positiveSpans: [{ offset: 0, length: 1 }],
      positiveDeltas: [value],
    }))
  const body = io.prometheus.write.v2.Request.encode({
    symbols: ['', '__name__', 'x'],
    timeseries: [{ labelsRefs: [1, 2], samples, histograms }],
  }).finish()
  const compression = 'none' as const
  const format = 'remote-write-2' as const
  return head.append({ tenant: 't', sender: anonymous, format, compression, body }, now)
}

const float = (timeMs: number, value: number, startMs = 0): Sent => {
  return { timeMs, startMs, value, isHistogram: false }
}

function shownWithStart({ timeMs, startMs, value, isHistogram }: Sent): string {
  const text = isHistogram ? `${timeMs}:h${value}/${2 * value}` : shown(timeMs, value)
  return startMs === 0 ? text : `${text}@${startMs}`
}

async function samplesOf(source: Parameters<typeof read>[0]): Promise<string[]> {
  return [...(await read(source, everything(['t'], true))).values()].flat()
}

function randomBody(random: () => number, frontMs: number): Sent[] {
  const perhaps = (chance: number): boolean => random() < chance
  const count = 1 + Math.floor(random() * 6)
  const late = perhaps(0.1) ? Math.floor(random() * 1_000_000) : 0
  const isHistogram = perhaps(0.3)
  return Array.from({ length: count }, (_, i) => {
    const timeMs = Math.max(start, frontMs - late) + i * 1000
    const startMs = perhaps(0.5) ? 0 : start - 5000 + (perhaps(0.1) ? i : 0)
    return { timeMs, startMs, value: Math.floor(random() * 9), isHistogram }
  })
}

/** A block of everything in a source, opened. */
async function blockOf(source: Queryable): Promise<Block> {
  const directory = temporaryDirectory()
  await writeBlock({
    directory,
    ulid: ulidA,
    minTimeMs: start,
    maxTimeMs: start + 4 * windowMs,
    level: 1,
    series: () => source.select(everything(['t'], true), neverCancelled),
  })
  return openBlock(join(directory, ulidA), blockOptions)
}

describe('start timestamps', () => {
  test('come back with every sample, late or not, after a replay, from a sealed window and from blocks', async () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    const log: LogRecord[] = []
    const head = createHead(log, { startTimestamps: true })
    const model = new Map<number, string>()
    let frontMs = start
    for (let round = 0; round < 700; round++) {
      const body = randomBody(random, frontMs)
      frontMs += Math.floor(random() * 30_000)
      send(head, body)
      for (const sent of body)
        if (!model.has(sent.timeMs)) model.set(sent.timeMs, shownWithStart(sent))
    }
    const expected = [...model].sort(([a], [b]) => a - b).map(([, text]) => text)
    expect(frontMs, `seed ${number}`).toBeGreaterThan(start + windowMs)
    expect(await samplesOf(head), `seed ${number}`).toEqual(expected)
    expect(head.stats().sampleCount).toBeGreaterThan(0)
    const again = replayed(log, {}, [], true)
    expect(await samplesOf(again), `seed ${number}`).toEqual(expected)
    const sealed: string[] = []
    const blocks: Block[] = []
    for (const { windowKey } of again.windows()) {
      const descriptor = structuredClone(again.sealGeneration(windowKey)!)
      const source = SealedGeneration.attach(descriptor, compile)
      sealed.push(...(await samplesOf(source)))
      blocks.push(await blockOf(source))
    }
    expect(sealed, `seed ${number}`).toEqual(expected)
    const fromBlocks = (await Promise.all(blocks.map(samplesOf))).flat()
    expect(fromBlocks, `seed ${number}`).toEqual(expected)
    const directory = temporaryDirectory()
    await mergeBlocks({ blocks, directory, ulid: ulidA, signal: neverCancelled })
    const merged = await openBlock(join(directory, ulidA), blockOptions)
    expect(await samplesOf(merged), `seed ${number}`).toEqual(expected)
  })

  test('are dropped at the door, or while the log is replayed, where they are not kept', async () => {
    const log: LogRecord[] = []
    const kept = createHead(log, { startTimestamps: true })
    const dropping = createHead([])
    const histogram = { timeMs: start + 40, startMs: start, value: 3, isHistogram: true }
    const bodies = [
      [float(start + 10, 1, start), float(start + 20, 2), float(start + 30, 3, start + 25)],
      [histogram, { ...histogram, timeMs: start + 35 }],
      [float(start + 15, 4, start)],
    ]
    for (const body of bodies)
      for (const head of [kept, dropping])
        expect(send(head, body)).toMatchObject({ rejectedCount: 0 })
    const expected = [10, 15, 20, 30, 35, 40].map((at, i) => {
      if (at >= 35) return `${start + at}:h3/6`
      return shown(start + at, [1, 4, 2, 3][i]!)
    })
    expect(await samplesOf(dropping)).toEqual(expected)
    expect(await samplesOf(replayed(log))).toEqual(expected)
    const starts = (await samplesOf(kept)).map((text) => Number(text.split('@')[1] ?? 0))
    expect(starts).toEqual([start, start, 0, start + 25, start, start])
  })

  test('do not tell samples apart: the same value again is no news, another one is refused', () => {
    const head = createHead([], { startTimestamps: true })
    expect(send(head, [float(start + 10, 1, start)])).toMatchObject({ samplesWritten: 1 })
    for (const startMs of [start, start + 5, 0])
      expect(send(head, [float(start + 10, 1, startMs)])).toMatchObject({ samplesWritten: 1 })
    for (const startMs of [start, 0])
      expect(send(head, [float(start + 10, 2, startMs)])).toMatchObject({
        rejectedCount: 1,
        rejections: [{ kind: 'duplicate' }],
      })
    send(head, [float(start + 20, 1)])
    expect(send(head, [float(start + 20, 1, start)])).toMatchObject({ samplesWritten: 1 })
    expect(send(head, [float(start + 10, 1, start)])).toMatchObject({ samplesWritten: 1 })
    expect(send(head, [float(start + 10, 3)])).toMatchObject({ rejectedCount: 1 })
  })

  test('share the bounds of all samples', () => {
    const limits = { outOfOrderWindowMs: 0 }
    const head = createHead([], { startTimestamps: true, limits, oldestAcceptedMs: start + 5 })
    send(head, [float(start + 20, 1, start)])
    expect(send(head, [float(start + 10, 1, start)])).toMatchObject({
      rejections: [{ kind: 'out_of_order' }],
    })
    expect(send(head, [float(start + 4, 1, start)])).toMatchObject({
      rejections: [{ kind: 'too_old' }],
    })
    expect(send(head, [float(now + 700_000, 1, start)])).toMatchObject({
      rejections: [{ kind: 'too_far_in_future' }],
    })
  })

  test('beyond what a chunk can hold are unknown', async () => {
    const log: LogRecord[] = []
    const head = createHead(log, { startTimestamps: true })
    const body = io.prometheus.write.v2.Request.encode({
      symbols: ['', '__name__', 'x'],
      timeseries: [
        { labelsRefs: [1, 2], samples: [{ timestamp: start, startTimestamp: 2 ** 62, value: 1 }] },
      ],
    }).finish()
    const compression = 'none' as const
    head.append(
      { tenant: 't', sender: anonymous, format: 'remote-write-2', compression, body },
      now,
    )
    for (const source of [head, replayed(log, {}, [], true)])
      expect(await samplesOf(source)).toEqual([shown(start, 1)])
  })
})
