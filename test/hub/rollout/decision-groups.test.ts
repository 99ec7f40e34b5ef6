import { expect, test } from 'vitest'
import { decisionGroupsOf } from '../../../src/hub/rollout/decision-groups.ts'

const decision = (namespace: string, labels: Record<string, string>, clusters: string[]) => ({
  apiVersion: 'cluster.open-cluster-management.io/v1beta1',
  kind: 'PlacementDecision',
  metadata: {
    namespace,
    name: 'any',
    labels: Object.fromEntries(
      Object.entries(labels).map(([name, value]) => [
        `cluster.open-cluster-management.io/${name}`,
        value,
      ]),
    ),
  },
  status: { decisions: clusters.map((clusterName) => ({ clusterName, reason: '' })) },
})

test('groups are the union of their shards, in order of index, of one placement only', () => {
  const labels = (placement: string, index: string, name = '') => ({
    placement,
    'decision-group-index': index,
    'decision-group-name': name,
  })
  expect(
    decisionGroupsOf({ namespace: 'apps', name: 'web' }, [
      decision('apps', labels('web', '10'), ['x']),
      decision('apps', labels('web', '2', 'canary'), ['c', 'a']),
      decision('apps', labels('web', '2', 'canary'), ['b']),
      decision('apps', labels('other', '2'), ['o']),
      decision('else', labels('web', '2'), ['e']),
    ]),
  ).toEqual([
    { index: 2, name: 'canary', clusters: ['a', 'b', 'c'] },
    { index: 10, name: '', clusters: ['x'] },
  ])
})

test('what has no index is in the first group', () => {
  expect(
    decisionGroupsOf({ namespace: 'apps', name: 'web' }, [
      decision('apps', { placement: 'web' }, ['a']),
    ]),
  ).toEqual([{ index: 0, name: '', clusters: ['a'] }])
})
