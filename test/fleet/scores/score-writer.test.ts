// Scores on an API server: made, kept up to date, taken back; against the double.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ScoreBoard, type ScoreDefinition } from '../../../src/fleet/scores/score-board.ts'
import { writeScores } from '../../../src/fleet/scores/score-writer.ts'
import { KubeClient, type KubeResource } from '../../../src/kube/index.ts'
import { ApiServerDouble } from '../../kube/api-server-double/api-server.ts'
import { defineKinds, placeObjects } from '../../kube/place-objects.ts'
import { plainDefinition } from '../../kube/plain-definitions.ts'

const resource: KubeResource = {
  group: 'cluster.open-cluster-management.io',
  version: 'v1alpha1',
  plural: 'addonplacementscores',
  kind: 'AddOnPlacementScore',
  namespaced: true,
}
const definition: ScoreDefinition = {
  resource: 'metrics',
  name: 'free',
  tenant: 't',
  expression: 'free',
  intervalMs: 60_000,
  validForMs: 300_000,
}
const atMs = Date.parse('2026-03-01T12:00:00Z')
const sample = (cluster: string, value: number) => ({
  labels: [{ name: 'cluster', value: cluster }],
  value,
  histogram: undefined,
})

describe('scores on a hub', () => {
  let double: ApiServerDouble
  let client: KubeClient
  beforeEach(async () => {
    double = await new ApiServerDouble().start()
    client = new KubeClient(double.endpoint())
    await defineKinds(client, [{ resource, definition: plainDefinition(resource) }])
    // The namespaces of clusters, with a score of somebody else in one of them.
    const metadata = (namespace: string, name: string) => ({ namespace, name })
    const others = ['east', 'west'].map((name) => ({
      apiVersion: 'cluster.open-cluster-management.io/v1alpha1',
      kind: 'AddOnPlacementScore',
      metadata: metadata(name, 'other'),
    }))
    await placeObjects(client, others, () => resource)
  })
  afterEach(() => double.stop())

  it('are made, written again, and taken back, and those of others stay', async () => {
    const board = new ScoreBoard()
    const ref = { namespace: 'east', name: 'metrics' }
    const first = board.take(definition, [sample('east', 10), sample('west', 20)], atMs)
    expect(await writeScores(client, first.changes)).toEqual({ failureCount: 0, failures: [] })
    expect(await client.get(resource, ref)).toMatchObject({
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'crowsnest' } },
      status: { scores: [{ name: 'free', value: 10 }], validUntil: '2026-03-01T12:05:00Z' },
    })
    const second = board.take(definition, [sample('east', -3)], atMs + 60_000)
    expect(await writeScores(client, second.changes)).toMatchObject({ failureCount: 0 })
    expect(await client.get(resource, ref)).toMatchObject({
      status: { scores: [{ name: 'free', value: -3 }], validUntil: '2026-03-01T12:06:00Z' },
    })
    expect(await client.get(resource, { namespace: 'west', name: 'metrics' })).toBeUndefined()
    const others = new Map([['west/other', undefined]])
    expect(await writeScores(client, others)).toMatchObject({ failureCount: 0 })
    expect(await client.get(resource, { namespace: 'west', name: 'other' })).toBeDefined()
  })

  it('that cannot be written are said, and hold no others up', async () => {
    const samples = [sample('nowhere', 1), sample('west', 2)]
    const { changes } = new ScoreBoard().take(definition, samples, atMs)
    const outcome = await writeScores(client, changes)
    expect(outcome.failureCount).toBe(1)
    expect(outcome.failures[0]).toMatch(/^nowhere\/metrics: /)
    expect(await client.get(resource, { namespace: 'west', name: 'metrics' })).toBeDefined()
  })
})
