import { describe, expect, it } from 'vitest'
import {
  type AccessQuestion,
  type KubernetesReviews,
  kubernetesAuthority,
  type ResourceRule,
} from '../../src/access/index.ts'

const group = 'cluster.open-cluster-management.io'
const rule = (verbs: string[], resourceNames?: string[]): ResourceRule => ({
  verbs,
  apiGroups: [group],
  resources: ['managedclusters'],
  ...(resourceNames === undefined ? {} : { resourceNames }),
})

function reviews(parts: {
  rules?: readonly ResourceRule[]
  incomplete?: boolean
  allowed?: (question: AccessQuestion) => boolean
  /** The API server does not take the reader's token. */
  refusesToken?: boolean
}): KubernetesReviews & { readonly asked: AccessQuestion[] } {
  const asked: AccessQuestion[] = []
  return {
    asked,
    authenticate: async () => undefined,
    rules: async () =>
      parts.refusesToken
        ? undefined
        : { rules: parts.rules ?? [], incomplete: parts.incomplete ?? false },
    async isAllowed(_subject, question) {
      asked.push(question)
      return parts.allowed?.(question) ?? false
    },
  }
}

async function rightsOf(
  double: KubernetesReviews,
  provedBy: 'static' | 'oidc' | 'kubernetes' | 'certificate' = 'kubernetes',
) {
  const ask = kubernetesAuthority(double, {
    clusterVerb: 'get',
    tenants: ['default-tenant'],
    clusters: async () => ['east', 'west'],
    concurrency: 2,
    namespaces: ['pay', 'shop'],
  })
  const { isAdmin, mayRead, scope } = await ask({ name: 'alice', groups: [], provedBy }, 'token')
  return { isAdmin, mayRead, scope: scope === 'all' ? 'all' : Object.fromEntries(scope.clusters) }
}

describe("rights by the hub's RBAC", () => {
  it('show clusters that the verb is granted on, whole', async () => {
    expect(await rightsOf(reviews({ rules: [rule(['get', 'list'], ['east'])] }))).toEqual({
      isAdmin: false,
      mayRead: ['default-tenant'],
      scope: { east: 'all' },
    })
    expect((await rightsOf(reviews({ rules: [rule(['get'])] }))).scope).toBe('all')
  })

  it("show namespaces that ACM's verbs name", async () => {
    const rules = [
      rule(['metrics/shop'], ['east']),
      rule(['metrics/pay', 'metrics/shop'], ['west']),
    ]
    expect((await rightsOf(reviews({ rules }))).scope).toEqual({
      east: new Set(['shop']),
      west: new Set(['pay', 'shop']),
    })
    expect((await rightsOf(reviews({ rules: [rule(['metrics/shop'])] }))).scope).toEqual({
      east: new Set(['shop']),
      west: new Set(['shop']),
    })
  })

  it('show nothing for verbs, groups and resources that are others', async () => {
    const rules = [
      rule(['watch', 'metrics/', 'metrics/SHOP', 'getx'], ['east']),
      { ...rule(['get']), apiGroups: ['apps'] },
      { ...rule(['get']), resources: ['managedclusters/status'] },
    ]
    expect(await rightsOf(reviews({ rules }))).toEqual({ isAdmin: false, mayRead: [], scope: {} })
  })

  it('make an admin of who may do everything', async () => {
    const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
    expect((await rightsOf(reviews({ rules: [everything] }))).isAdmin).toBe(true)
    const named = { ...everything, resourceNames: ['east'] }
    const limited = await rightsOf(reviews({ rules: [named] }))
    expect(limited.isAdmin).toBe(false)
    expect(limited.scope).toEqual({ east: 'all' })
  })

  it('are asked cluster by cluster where the list of rules is incomplete', async () => {
    const double = reviews({
      rules: [rule(['metrics/pay'], ['west'])],
      incomplete: true,
      allowed: ({ name, verb }) => name === 'east' && verb === 'get',
    })
    expect((await rightsOf(double)).scope).toEqual({ east: 'all', west: new Set(['pay']) })
    expect(double.asked).toContainEqual({
      verb: 'get',
      group,
      resource: 'managedclusters',
      name: 'west',
    })
  })

  it('are asked cluster by cluster, then namespace by namespace, where a token is for the gateway alone', async () => {
    const granted = ['metrics/pay ', 'get east', 'metrics/shop west']
    const double = reviews({
      refusesToken: true,
      allowed: ({ verb, name }) => granted.includes(`${verb} ${name}`),
    })
    expect((await rightsOf(double)).scope).toEqual({ east: 'all', west: new Set(['pay', 'shop']) })
    const asked = double.asked.map(({ verb, name }) => `${verb} ${name}`)
    // What is granted everywhere, or whole, is not asked about again.
    expect(asked).not.toContain('metrics/pay west')
    expect(asked).not.toContain('metrics/shop east')
  })

  it('are asked by name for subjects of an issuer, and not at all for static tokens and certificates', async () => {
    const double = reviews({
      rules: [rule(['get'])],
      allowed: ({ name }) => name === 'west',
    })
    expect((await rightsOf(double, 'oidc')).scope).toEqual({ west: 'all' })
    const asked = double.asked.length
    expect((await rightsOf(double, 'static')).mayRead).toEqual([])
    expect((await rightsOf(double, 'certificate')).mayRead).toEqual([])
    expect(double.asked).toHaveLength(asked)
  })
})
