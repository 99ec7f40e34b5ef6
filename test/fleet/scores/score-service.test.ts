// Scores from expressions: what becomes of answers, and what placements make of them.

import { describe, expect, it } from 'vitest'
import {
  decide,
  readPlacementScore,
  type ScoreChanges,
  type ScoreDefinition,
  type ScoreSample,
  ScoreService,
} from '../../../src/fleet/index.ts'
import { ScoreBoard } from '../../../src/fleet/scores/score-board.ts'
import { createLogger } from '../../../src/telemetry/index.ts'
import { cluster, nowMs, placed, world } from '../placement/world-of.ts'

const free: ScoreDefinition = {
  resource: 'metrics',
  name: 'free',
  tenant: 't',
  expression: 'free',
  intervalMs: 60_000,
  validForMs: 300_000,
}
const errors: ScoreDefinition = { ...free, name: 'errors', validForMs: 120_000 }

const sample = (name: string, value: number, histogram?: object): ScoreSample => ({
  labels: [{ name: 'cluster', value: name }],
  value,
  histogram,
})
const statusOf = (changes: ScoreChanges, key: string) => changes.get(key)?.status

describe('scores from expressions', () => {
  it('are AddOnPlacementScores in the namespaces of clusters, valid as long as the first of their scores', () => {
    const board = new ScoreBoard()
    const first = board.take(free, [sample('a', 12.4), sample('b', -100)], nowMs)
    expect(first.changes.get('a/metrics')).toEqual({
      apiVersion: 'cluster.open-cluster-management.io/v1alpha1',
      kind: 'AddOnPlacementScore',
      metadata: { namespace: 'a', name: 'metrics' },
      status: { scores: [{ name: 'free', value: 12 }], validUntil: '2026-03-01T12:05:00Z' },
    })
    const second = board.take(errors, [sample('a', 7)], nowMs)
    expect([...second.changes.keys()]).toEqual(['a/metrics'])
    expect(statusOf(second.changes, 'a/metrics')).toEqual({
      scores: [
        { name: 'errors', value: 7 },
        { name: 'free', value: 12 },
      ],
      validUntil: '2026-03-01T12:02:00Z',
    })
  })

  it('go when the expression is silent, and when they have expired', () => {
    const board = new ScoreBoard()
    board.take(free, [sample('a', 1), sample('b', 2)], nowMs)
    board.take(errors, [sample('a', 3)], nowMs)
    const silent = board.take(free, [sample('b', 2)], nowMs + 60_000)
    expect(statusOf(silent.changes, 'a/metrics')).toMatchObject({ scores: [{ name: 'errors' }] })
    const later = board.take(free, [], nowMs + 130_000)
    expect([...later.changes]).toEqual([
      ['a/metrics', undefined],
      ['b/metrics', undefined],
    ])
  })

  it('are whole numbers from -100 to 100 of one cluster each; everything else is said and left out', () => {
    const { changes, mistakes } = new ScoreBoard().take(
      free,
      [
        sample('a', 101),
        sample('b', Number.NaN),
        sample('c', 1),
        sample('c', 2),
        sample('No such name', 1),
        sample('d', 1, {}),
        sample('e', -0.4),
      ],
      nowMs,
    )
    expect([...changes.keys()]).toEqual(['e/metrics'])
    expect(statusOf(changes, 'e/metrics')).toMatchObject({ scores: [{ value: 0 }] })
    expect(mistakes).toEqual([
      '101 of cluster a is not between -100 and 100',
      'NaN of cluster b is not between -100 and 100',
      '"No such name" is not the name of a cluster',
      'cluster d has a histogram',
      'cluster c has several samples',
    ])
  })

  it('decide placements until they expire', () => {
    const { changes } = new ScoreBoard().take(free, [sample('a', 10), sample('b', 90)], nowMs)
    const scores = [...changes.values()].map((one) => one as object)
    expect(readPlacementScore(scores[1])).toMatchObject({ cluster: 'b', resourceName: 'metrics' })
    const addOn = { resourceName: 'metrics', scoreName: 'free' }
    const placement = placed({
      numberOfClusters: 1,
      prioritizerPolicy: {
        mode: 'Exact',
        configurations: [{ scoreCoordinate: { type: 'AddOn', addOn }, weight: 1 }],
      },
    })
    const clusters = [cluster('a'), cluster('b')]
    const decision = decide(placement, world(clusters, { scores }))
    expect(decision.clusters).toEqual(['b'])
    expect(decision.recheckAtMs).toBe(nowMs + 300_001)
    const expired = decide(placement, world(clusters, { scores, nowMs: nowMs + 300_001 }))
    expect(expired.clusters).toEqual(['a'])
    expect(expired.warnings[0]).toContain('have expired')
  })
})

describe('the service of scores', () => {
  it('asks each expression at its interval, and goes on when one fails', async () => {
    const asked: string[] = []
    const published: ScoreChanges[] = []
    const twice = Promise.withResolvers<void>()
    const service = new ScoreService(
      [
        { ...free, intervalMs: 5 },
        { ...errors, expression: 'broken', intervalMs: 5 },
      ],
      {
        async query({ expression, timeMs, deadlineMs }) {
          asked.push(expression)
          expect(deadlineMs - timeMs).toBe(5)
          if (expression === 'broken') throw new Error('parse error')
          return [sample('a', asked.length)]
        },
        async publish(changes) {
          published.push(changes)
          if (published.length === 2) twice.resolve()
        },
        now: () => nowMs,
        log: createLogger('silent'),
      },
    )
    service.start()
    await twice.promise
    await service.close()
    const count = asked.length
    expect(asked.filter((one) => one === 'broken').length).toBeGreaterThan(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(asked.length).toBe(count)
  })
})
