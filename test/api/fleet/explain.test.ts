// Explanations over HTTP: of placements that are there, and of some to be tried.
import { describe, expect, it } from 'vitest'
import { fleetServer, testFleet } from './fleet-server.ts'

const app = await fleetServer(testFleet().port)
const path = (name: string): string => `/api/v1/fleet/placements/apps/${name}/explain`

interface Explained {
  readonly selected: readonly string[]
  readonly warnings: readonly string[]
  readonly clusters: readonly {
    readonly cluster: string
    readonly selected: boolean
    readonly removedBy?: string
    readonly why?: string
    readonly total?: number
    readonly scores: readonly { readonly name: string; readonly weight: number }[]
  }[]
}

const post = (payload: string, type: string, name = 'tried') =>
  app.inject({ method: 'POST', url: path(name), payload, headers: { 'content-type': type } })

describe('a placement', () => {
  it('is explained cluster by cluster: what removed it, or its scores and weights', async () => {
    const answer = await app.inject({ url: path('web') })
    expect(answer.statusCode).toBe(200)
    const { selected, clusters, warnings } = answer.json().data as Explained
    expect(selected.length).toBe(3)
    for (const cluster of clusters) {
      expect(cluster.selected).toBe(selected.includes(cluster.cluster))
      if (cluster.selected) expect(cluster.scores.length).toBeGreaterThan(0)
      else expect(cluster.why).toEqual(expect.any(String))
    }
    expect(new Set(clusters.map(({ removedBy }) => removedBy))).toContain('Predicate')
    expect(warnings.join()).toContain('unreachable is not tolerated')
  })

  it('that is not there is not found', async () => {
    const answer = await app.inject({ url: path('nope') })
    expect(answer.statusCode).toBe(404)
    expect(answer.json().error).toContain('POST a Placement to try it')
    expect((await app.inject({ url: `${path('web')}?hub=other` })).statusCode).toBe(404)
  })

  it('shows a reader the clusters that the reader sees, and names no others', async () => {
    const scope = { clusters: new Map([['prod-eu-1', 'all' as const]]) }
    const scoped = await fleetServer(testFleet().port, { scope })
    const answer = await scoped.inject({ url: path('web') })
    const { clusters } = answer.json().data as Explained
    expect(clusters.map(({ cluster }) => cluster)).toEqual(['prod-eu-1'])
    expect(answer.body).not.toMatch(/prod-eu-2|prod-us|staging-|edge-1/)
  })
})

describe('a Placement that does not exist yet', () => {
  const spec = { clusterSets: ['prod'], numberOfClusters: 1 }
  const manifest = {
    apiVersion: 'cluster.open-cluster-management.io/v1beta1',
    kind: 'Placement',
    metadata: { name: 'tried', namespace: 'apps' },
    spec,
  }

  it('is tried as JSON and as YAML', async () => {
    const json = await post(JSON.stringify(manifest), 'application/json')
    expect(json.statusCode).toBe(200)
    expect((json.json().data as Explained).selected.length).toBe(1)
    const yaml = await post(
      'kind: Placement\nspec:\n  clusterSets: [prod]\n  numberOfClusters: 1\n',
      'application/yaml',
    )
    expect((yaml.json().data as Explained).selected).toEqual(
      (json.json().data as Explained).selected,
    )
  })

  it('that is none is refused, and the message says what to send', async () => {
    const bodies = [
      ['', 'application/json'],
      ['{', 'application/json'],
      ['[]', 'application/json'],
      ['kind: Pod', 'application/yaml'],
    ] as const
    for (const [body, type] of bodies) {
      const answer = await post(body, type)
      expect(answer.statusCode, body).toBe(400)
      expect(answer.json().errorType, body).toBe('bad_data')
    }
    const large = await post(`kind: Placement # ${'x'.repeat(300_000)}`, 'application/yaml')
    expect(large.statusCode).toBe(413)
  })
})
