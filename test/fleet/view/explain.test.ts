// Explanations for readers: whole for those who see everything, and no oracle for the others.

import { describe, expect, it } from 'vitest'
import { FleetAnswers, type FleetExplainCall } from '../../../src/fleet/index.ts'
import type { ClusterScope, Scope } from '../../../src/model/index.ts'
import { viewOf } from './view-of.ts'

const view = viewOf()
const answers = new FleetAnswers()
const web = view.placementsOf('local')!.world.decided.get('apps/web')!

function told(call: Partial<FleetExplainCall>) {
  const whole = { kind: 'explain', scope: 'all', namespace: 'apps', name: 'web', ...call } as const
  const { body } = answers.answer(view, whole)
  return JSON.parse(Buffer.from(body).toString())
}
const only = (...clusters: string[]): Scope => ({
  clusters: new Map<string, ClusterScope>(clusters.map((name) => [name, 'all'])),
})
const manifest = (celExpression: string) => ({
  kind: 'Placement',
  spec: {
    predicates: [{ requiredClusterSelector: { celSelector: { celExpressions: [celExpression] } } }],
    decisionStrategy: { groupStrategy: { clustersPerDecisionGroup: 2 } },
  },
})

describe('a placement explained to a reader', () => {
  it('shows every cluster, and the groups of what is selected', () => {
    const { data } = told({
      manifest: manifest('managedCluster.metadata.name.startsWith("prod-")'),
    })
    expect(data.clusters.length).toBeGreaterThan(10)
    expect(data.groups.length).toBeGreaterThan(1)
    expect(data.groups.flatMap((group: { clusters: string[] }) => group.clusters).sort()).toEqual(
      data.selected.toSorted(),
    )
  })

  it('who sees some clusters shows these, where one of them is selected, and else nothing', () => {
    const { data } = told({ scope: only(web[0]!, 'none') })
    expect(data.selected).toEqual([web[0]])
    expect(data.clusters.map(({ cluster }: { cluster: string }) => cluster)).toEqual([web[0]])
    const hidden = () => told({ scope: only('none') })
    const missing = () => told({ scope: only('none'), name: 'nothing' })
    expect(hidden).toThrow(/there is no placement apps\/web/)
    expect(missing).toThrow(/there is no placement apps\/nothing/)
  })

  it('who sees some clusters counts no others: not by ranks, numbers, groups, sets or texts', () => {
    const { data } = told({ scope: only(web[1]!) })
    expect(data.unscheduledCount).toBeUndefined()
    expect(data.conditions.map(({ message }: { message?: string }) => message)).toEqual([
      undefined,
      undefined,
    ])
    expect(data.clusters[0].rank).toBe(1)
    expect(data.groups).toEqual([{ name: '', clusters: [web[1]] }])
    const whole = told({}).data
    const set = whole.eligibleSets[0]
    expect(data.eligibleSets).toEqual([set])
    const outside = whole.clusters.find(
      ({ removedBy }: { removedBy?: string }) => removedBy === 'ClusterSet',
    ).cluster
    const absent = told({ scope: only(web[0]!, outside) }).data.clusters.find(
      ({ cluster }: { cluster: string }) => cluster === outside,
    )
    expect(absent.why).not.toContain(set)
  })

  it('costs no more than a moment, whatever is tried', () => {
    const list = '[1,2,3,4,5,6,7,8,9,10]'
    const nested = Array.from({ length: 9 }, (_, i) => `${list}.exists(x${i}, `).join('')
    const startMs = performance.now()
    const { data } = told({ manifest: manifest(`${nested}false${')'.repeat(9)}`) })
    expect(performance.now() - startMs).toBeLessThan(3000)
    expect(JSON.stringify(data.conditions)).toContain('cost too much')
  })

  it('cannot be asked about hidden clusters by trying placements', () => {
    const scope = only(web[0]!)
    const probe = (expression: string) =>
      JSON.stringify(told({ scope, manifest: manifest(expression) }))
    const name = 'managedCluster.metadata.name'
    const yes = probe(`${name} == "${web[1]}"`)
    const no = probe(`${name} == "no-such-cluster"`)
    expect(yes.replaceAll(web[1]!, 'X')).toBe(no.replaceAll('no-such-cluster', 'X'))
  })
})
