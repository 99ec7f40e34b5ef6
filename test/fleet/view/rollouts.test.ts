// Rollouts as the API shows them.
import { describe, expect, it } from 'vitest'
import { FleetAnswers } from '../../../src/fleet/index.ts'
import { listCall, viewOf } from './view-of.ts'

type Item = Record<string, unknown> & { readonly counts?: Record<string, number> }
type Entry = Record<string, unknown> & { readonly cluster: string }

const view = viewOf()
const east = { clusters: new Map([['prod-eu-3', 'all' as const]]) }

function ask(call: object): Item & {
  readonly items?: readonly Item[]
  readonly clusters?: { readonly items: readonly Entry[]; readonly total: number }
} {
  const answer = new FleetAnswers().answer(view, { ...listCall, list: 'rollouts', ...call })
  return (JSON.parse(Buffer.from(answer.body).toString()) as { data: Item }).data
}

const object = { kind: 'object', namespace: '', name: 'crowsnest' }

describe('rollouts', () => {
  it('count clusters by state, those that lack the addon too, and say which revision is where', () => {
    const [crowsnest] = ask({}).items ?? []
    expect(crowsnest).toMatchObject({
      name: 'crowsnest',
      state: 'failed',
      install: 'Placements',
      clusterCount: 13,
      counts: { failed: 1, timed_out: 1, to_apply: 7, progressing: 1, succeeded: 3 },
    })
    const revisions = crowsnest?.revisions as { configs: { hash: string }[]; wanted: number }[]
    expect(revisions.map(({ configs, ...counts }) => [configs[0]?.hash, counts.wanted])).toEqual([
      ['f2', 4],
      ['w2', 3],
      ['o1', 1],
      ['w1', 0],
      ['f1', 0],
    ])
    expect(crowsnest?.placements).toMatchObject([
      {
        name: 'everywhere',
        clusterCount: 9,
        strategy: { type: 'All', deadlineMs: 1_800_000 },
        progress: { reason: 'Progressing' },
      },
      { name: 'web', clusterCount: 3, strategy: { maxFailures: { percent: 10 } } },
    ])
  })

  it('are found by any state that a cluster of theirs is in', () => {
    expect(ask({ filter: { state: ['timed_out'] } }).items).toHaveLength(1)
    expect(ask({ filter: { state: ['timed_out'], set: ['staging'] } }).items).toHaveLength(0)
  })

  it('come one by one with their clusters, and of these those in some state', () => {
    const failed = ask({ ...object, filter: { state: ['failed', 'to_apply'] }, limit: 2 })
    expect(failed.clusters?.total).toBe(8)
    expect(failed.clusters?.items.map(({ cluster, reason }) => [cluster, reason])).toEqual([
      ['prod-ap-1', 'NotInstalled'],
      ['prod-eu-3', 'AppliedManifestWorkFailed'],
    ])
    const [, entry] = failed.clusters?.items ?? []
    expect(entry).toMatchObject({
      placement: 'apps/web',
      works: [{ failures: [{ message: 'namespaces "metrics" not found' }] }],
    })
    expect(entry?.wanted).toMatch(/^[0-9a-f]{12}$/)
    expect(entry?.applied).not.toBe(entry?.wanted)
  })

  it('show a reader the clusters of the scope, and nothing of the others', () => {
    const own = ask({ ...object, scope: east })
    expect(own).toMatchObject({ clusterCount: 1, counts: { failed: 1, to_apply: 0 } })
    expect(own.clusters?.items.map(({ cluster }) => cluster)).toEqual(['prod-eu-3'])
    expect(own.placements).toMatchObject([{ name: 'web', clusterCount: 1 }])
    expect(JSON.stringify(own)).not.toMatch(/everywhere|selected clusters|prod-eu-1/)
    const none = { clusters: new Map([['karmada-1', 'all' as const]]) }
    expect(() => ask({ ...object, scope: none })).toThrow(/no "crowsnest" among the rollouts/)
    expect(ask({ scope: none }).items).toEqual([])
  })

  it('are in short with each addon, and whole with a single one', () => {
    const listed = ask({ list: 'addons', filter: { cluster: ['prod-eu-3'] } }).items?.[0]
    expect(listed?.rollout).toMatchObject({ state: 'failed' })
    const single = ask({ ...object, list: 'addons', namespace: 'prod-eu-3' })
    expect(single.rollout).toMatchObject({
      by: { kind: 'ManifestWork' },
      configs: { wanted: [{ hash: 'w2' }], applied: [{ hash: 'w1' }] },
    })
  })
})
