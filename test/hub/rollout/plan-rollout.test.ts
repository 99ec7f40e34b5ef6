// Rollout strategies: the rules one by one, and whole rollouts in which clusters succeed and fail by chance.
import { describe, expect, it } from 'vitest'
import { type RolloutStrategy, readRolloutStrategy } from '../../../src/fleet/index.ts'
import type { DecisionGroup } from '../../../src/hub/rollout/decision-groups.ts'
import {
  type ClusterRollout,
  planRollout,
  type RolloutPlan,
  type RolloutStatus,
} from '../../../src/hub/rollout/plan-rollout.ts'

const nowMs = 1_000_000_000
const minute = 60_000

function strategyOf(type: string, fields: object = {}): RolloutStrategy {
  const field = `${type.charAt(0).toLowerCase()}${type.slice(1)}`
  const strategy = readRolloutStrategy({ type, [field]: fields })
  if ('mistake' in strategy) throw new Error(strategy.mistake)
  return strategy
}

const group = (index: number, clusters: string, name = ''): DecisionGroup => ({
  index,
  name,
  clusters: [...clusters],
})

/** `a succeeded, b failed 5` (minutes ago). */
function knownOf(text: string): readonly ClusterRollout[] {
  if (text === '') return []
  return text.split(', ').map((one) => {
    const [cluster = '', status, minutes] = one.split(' ')
    const since = minutes === undefined ? {} : { sinceMs: nowMs - Number(minutes) * minute }
    return { cluster, status: status as RolloutStatus, ...since }
  })
}

function plan(
  strategy: RolloutStrategy,
  groups: readonly DecisionGroup[],
  known = '',
): RolloutPlan {
  return planRollout({ strategy, groups, known: knownOf(known), nowMs })
}

const letters = (names: readonly string[]): string => names.join('')

describe('all at once', () => {
  it('begins on every cluster that lacks the revision, whatever has failed', () => {
    const { begin, isBreached } = plan(
      strategyOf('All'),
      [group(0, 'abcd')],
      'b failed, c succeeded',
    )
    expect([letters(begin), isBreached]).toEqual(['ad', false])
  })

  it('tells of those that had their time, and when the next one has', () => {
    const strategy = strategyOf('All', { progressDeadline: '10m' })
    const made = plan(strategy, [group(0, 'abc')], 'a progressing 10, b progressing 4, c failed 9')
    expect(made).toMatchObject({ timedOut: ['a'], underWay: ['b', 'c'], lookAgainInMs: minute })
  })
})

describe('progressively', () => {
  const two = strategyOf('Progressive', { maxConcurrency: 2 })

  it('begins by name until as many are under way as may be', () => {
    expect(letters(plan(two, [group(0, 'dcba')]).begin)).toBe('ab')
    expect(letters(plan(two, [group(0, 'abcd')], 'a succeeded, b progressing').begin)).toBe('c')
    const full = plan(two, [group(0, 'abcd')], 'c progressing, d progressing')
    expect([letters(full.begin), letters(full.waiting)]).toEqual(['', 'ab'])
  })

  it('takes percentages of the clusters outside mandatory groups, rounded up; without a number all', () => {
    const strategy = strategyOf('Progressive', {
      maxConcurrency: '25%',
      mandatoryDecisionGroups: [{ groupName: 'canary' }],
    })
    const groups = [group(0, 'z', 'canary'), group(1, 'abcde')]
    expect(letters(plan(strategy, groups, 'z succeeded').begin)).toBe('ab')
    expect(letters(plan(strategyOf('Progressive'), [group(0, 'abc')]).begin)).toBe('abc')
    const none = strategyOf('Progressive', { maxConcurrency: 0 })
    expect(letters(plan(none, [group(0, 'abc')]).begin)).toBe('abc')
  })

  it('lets a cluster that has succeeded soak before its place is free', () => {
    const strategy = strategyOf('Progressive', { maxConcurrency: 1, minSuccessTime: '5m' })
    const soaking = plan(strategy, [group(0, 'ab')], 'a succeeded 3')
    expect(soaking).toMatchObject({ begin: [], underWay: ['a'], lookAgainInMs: 2 * minute })
    expect(letters(plan(strategy, [group(0, 'ab')], 'a succeeded 5').begin)).toBe('b')
  })

  it('begins nothing new once more have failed or timed out than is tolerated; what is under way goes on', () => {
    const strategy = strategyOf('Progressive', {
      maxConcurrency: 4,
      maxFailures: '20%',
      progressDeadline: '10m',
    })
    const groups = [group(0, 'abcdefghij')]
    const tolerated = plan(strategy, groups, 'a failed 1, b progressing 11, c progressing 1')
    expect(tolerated).toMatchObject({ begin: ['d', 'e'], timedOut: ['b'], isBreached: false })
    const breached = plan(
      strategy,
      groups,
      'a failed 1, b progressing 11, c failed 20, d progressing 1',
    )
    expect(breached).toMatchObject({ begin: [], underWay: ['a', 'd'], isBreached: true })
  })

  it('tolerates no failure where none is said, or one that is none of the clusters or more than all', () => {
    for (const maxFailures of [undefined, 0, -1, 9]) {
      const strategy = strategyOf('Progressive', { maxFailures })
      expect(plan(strategy, [group(0, 'abc')], 'a failed').isBreached, `${maxFailures}`).toBe(true)
    }
  })

  it('waits for mandatory groups, one after the other, and does not go on when one fails', () => {
    const strategy = strategyOf('Progressive', {
      maxFailures: 5,
      mandatoryDecisionGroups: [{ groupIndex: 2 }, { groupName: 'canary' }],
    })
    const groups = [group(0, 'ab'), group(1, 'cd', 'canary'), group(2, 'ef')]
    expect(letters(plan(strategy, groups).begin)).toBe('cd')
    expect(letters(plan(strategy, groups, 'c succeeded, d progressing').begin)).toBe('')
    expect(letters(plan(strategy, groups, 'c succeeded, d succeeded').begin)).toBe('ef')
    const done = 'c succeeded, d succeeded, e succeeded, f succeeded'
    expect(letters(plan(strategy, groups, done).begin)).toBe('ab')
    expect(plan(strategy, groups, 'c failed, d succeeded')).toMatchObject({
      begin: [],
      isBreached: true,
    })
  })

  it('leaves clusters alone that are to be skipped, and tells of those that left', () => {
    const made = plan(two, [group(0, 'abcd')], 'a skip, b skip, x succeeded')
    expect(made).toMatchObject({ begin: ['c', 'd'], removed: ['x'], waiting: [] })
  })

  it('never times a cluster out that does not say since when', () => {
    const strategy = strategyOf('Progressive', { progressDeadline: '1m' })
    expect(plan(strategy, [group(0, 'a')], 'a progressing').underWay).toEqual(['a'])
  })
})

describe('group by group', () => {
  const groups = [group(1, 'cd'), group(0, 'ab'), group(2, 'ef')]

  it('begins a whole group at a time, in order of index, when the one before is done', () => {
    const strategy = strategyOf('ProgressivePerGroup')
    expect(letters(plan(strategy, groups).begin)).toBe('ab')
    expect(letters(plan(strategy, groups, 'a succeeded, b progressing').begin)).toBe('')
    expect(letters(plan(strategy, groups, 'a succeeded, b succeeded').begin)).toBe('cd')
  })

  it('tolerates failures by the size of each group, and goes on over those that it tolerates', () => {
    const strategy = strategyOf('ProgressivePerGroup', { maxFailures: '50%' })
    expect(letters(plan(strategy, groups, 'a failed, b succeeded').begin)).toBe('cd')
    expect(plan(strategy, groups, 'a failed, b failed')).toMatchObject({
      begin: [],
      isBreached: true,
    })
    // One that timed out does not hide one that is still under way.
    const timed = strategyOf('ProgressivePerGroup', { maxFailures: 1, progressDeadline: '5m' })
    expect(letters(plan(timed, groups, 'a progressing 6, b progressing 1').begin)).toBe('')
  })

  it('lets a group soak', () => {
    const strategy = strategyOf('ProgressivePerGroup', { minSuccessTime: '5m' })
    expect(plan(strategy, groups, 'a succeeded 4, b succeeded 9')).toMatchObject({
      begin: [],
      lookAgainInMs: minute,
    })
  })
})

describe('a strategy', () => {
  it('with a mistake is none', () => {
    const mistakes = [
      { type: 'Sometimes' },
      { type: 'Progressive', progressive: { maxConcurrency: 'many' } },
      { type: 'Progressive', progressive: { progressDeadline: 'soon' } },
      { type: 'All', all: { progressDeadline: '10' } },
    ].map((value) => readRolloutStrategy(value))
    for (const one of mistakes) expect(one).toHaveProperty('mistake')
    expect(readRolloutStrategy(undefined)).toMatchObject({ type: 'All' })
  })
})

// A small generator: the test prints its seed where it fails.
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe('whole rollouts', () => {
  it('never have more under way than may be, keep mandatory groups first, and come to an end', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomOf(seed)
      const places = 1 + random(4)
      const maxFailures = random(3)
      const isPerGroup = random(3) === 0
      const names = Array.from(
        { length: 4 + random(12) },
        (_, i) => `c${String(i).padStart(2, '0')}`,
      )
      const groups = [0, 1, 2].map((index) => ({
        index,
        name: index === 1 ? 'first' : '',
        clusters: names.filter((_, i) => i % 3 === index),
      }))
      const strategy = strategyOf(isPerGroup ? 'ProgressivePerGroup' : 'Progressive', {
        maxConcurrency: places,
        maxFailures,
        minSuccessTime: '2m',
        progressDeadline: '5m',
        mandatoryDecisionGroups: [{ groupName: 'first' }],
      })
      const state = new Map<string, ClusterRollout>()
      let last: RolloutPlan | undefined
      for (let step = 0; step < 200; step++) {
        const atMs = nowMs + step * minute
        const known = [...state.values()]
        last = planRollout({ strategy, groups, known, nowMs: atMs })
        const { begin, underWay, isBreached } = last
        const isCanaryDone = groups[1]!.clusters.every(
          (cluster) => state.get(cluster)?.status === 'succeeded',
        )
        const others = begin.filter((cluster) => !groups[1]!.clusters.includes(cluster))
        expect(others.length === 0 || isCanaryDone, `seed ${seed} step ${step}`).toBe(true)
        if (!isPerGroup && isCanaryDone)
          expect(begin.length + underWay.length, `seed ${seed} step ${step}`).toBeLessThanOrEqual(
            Math.max(places, underWay.length),
          )
        expect(begin.length > 0 && isBreached, `seed ${seed} step ${step}`).toBe(false)
        for (const cluster of begin)
          state.set(cluster, { cluster, status: 'progressing', sinceMs: atMs })
        for (const cluster of underWay) {
          const dice = random(12)
          if (state.get(cluster)?.status !== 'progressing' || dice > 4) continue
          const status = dice === 0 ? 'failed' : 'succeeded'
          state.set(cluster, { cluster, status, sinceMs: atMs })
        }
      }
      const done = [...state.values()].filter(({ status }) => status === 'succeeded')
      const failed = state.size - done.length
      const isWhole = state.size === names.length
      expect(isWhole || last?.isBreached === true, `seed ${seed}: ${failed} failed`).toBe(true)
    }
  })
})
