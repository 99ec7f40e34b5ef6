import { createServer, type Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import {
  kubernetesAuthority,
  kubernetesReviews,
  kubernetesVerifier,
  managedClusterNames,
  TokenCallers,
} from '../../src/access/index.ts'
import { plainEndpoint } from '../../src/kube/index.ts'

interface Asked {
  readonly path: string
  readonly authorization: string | undefined
  readonly spec: unknown
}

let server: Server | undefined

afterEach(() => {
  server?.close()
})

/** An API server that knows one token, one right of its bearer, and two clusters. */
async function startHub(status = 200) {
  const asked: Asked[] = []
  server = createServer(async (request, response) => {
    let text = ''
    for await (const piece of request) text += String(piece)
    const { spec } = (text === '' ? {} : JSON.parse(text)) as { spec?: Record<string, unknown> }
    const path = request.url!.split('?')[0]!
    asked.push({ path, authorization: request.headers.authorization, spec })
    // A token for the gateway's audience alone, which is not one for the API server itself.
    if (request.headers.authorization === 'Bearer ours') {
      response.writeHead(401, { 'content-type': 'application/json' })
      response.end('{"reason":"Unauthorized"}')
      return
    }
    const bodies: Record<string, unknown> = {
      '/apis/authentication.k8s.io/v1/tokenreviews': {
        status:
          spec?.token === 'good' || spec?.token === 'ours'
            ? { authenticated: true, user: { username: 'alice', groups: ['sre'] } }
            : { error: 'no such token' },
      },
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews': {
        status: {
          resourceRules: [
            {
              verbs: ['metrics/shop'],
              apiGroups: ['cluster.open-cluster-management.io'],
              resources: ['managedclusters'],
            },
          ],
          incomplete: false,
        },
      },
      '/apis/authorization.k8s.io/v1/subjectaccessreviews': {
        status: { allowed: (JSON.stringify(spec) ?? '').includes('"name":"east"') },
      },
      '/apis/cluster.open-cluster-management.io/v1/managedclusters': {
        metadata: {},
        items: ['east', 'west'].map((name) => ({
          apiVersion: 'meta.k8s.io/v1',
          kind: 'PartialObjectMetadata',
          metadata: { name },
        })),
      },
    }
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(status === 200 ? bodies[path] : { reason: 'Forbidden' }))
  })
  await new Promise<void>((resolve) => {
    server!.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as { port: number }
  const endpoint = plainEndpoint(new URL(`http://127.0.0.1:${port}`))
  const reviews = kubernetesReviews(endpoint, 'https://gateway')
  const authority = kubernetesAuthority(reviews, {
    clusterVerb: 'get',
    tenants: ['default-tenant'],
    clusters: managedClusterNames(endpoint, 1000),
    concurrency: 2,
    namespaces: [],
  })
  const callers = new TokenCallers([kubernetesVerifier(reviews)], [authority], {
    defaultTenant: 'default-tenant',
    cacheMs: 60_000,
    entriesMax: 10,
  })
  return { asked, callers, reviews, authority }
}

describe('reviews of a hub', () => {
  it('tell whose a token is, for our audience, and what it sees of which clusters', async () => {
    const { asked, callers } = await startHub()
    const caller = await callers.source({ token: 'good' })
    expect(caller).toMatchObject({ name: 'alice', isAdmin: false, mayRead: ['default-tenant'] })
    expect(caller?.scope).toEqual({
      clusters: new Map([
        ['east', new Set(['shop'])],
        ['west', new Set(['shop'])],
      ]),
    })
    expect(asked[0]?.spec).toEqual({ token: 'good', audiences: ['https://gateway'] })
    const rules = asked.find(({ path }) => path.endsWith('selfsubjectrulesreviews'))
    expect(rules?.authorization).toBe('Bearer good')
  })

  it('ask about each cluster where the token is one for the gateway alone', async () => {
    const { callers } = await startHub()
    const caller = await callers.source({ token: 'ours' })
    expect(caller?.scope).toEqual({ clusters: new Map([['east', 'all']]) })
  })

  it('are asked once while a decision holds, also for tokens that are nobody’s', async () => {
    const { asked, callers } = await startHub()
    for (let i = 0; i < 3; i++) expect(await callers.source({ token: 'bad' })).toBeUndefined()
    expect(asked).toHaveLength(1)
  })

  it('ask about each cluster for subjects of another issuer', async () => {
    const { authority } = await startHub()
    const alice = { name: 'alice', groups: [], provedBy: 'oidc' } as const
    expect((await authority(alice, 'jwt')).scope).toEqual({ clusters: new Map([['east', 'all']]) })
  })

  it('say what the gateway lacks where the hub refuses it, and ask again the next time', async () => {
    const { asked, callers } = await startHub(403)
    for (let i = 0; i < 2; i++)
      await expect(callers.source({ token: 'good' })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('system:auth-delegator'),
      })
    expect(asked).toHaveLength(2)
  })
})
