// Readers by the hub's Kubernetes, against a real API server: service account tokens, RBAC on managedclusters, ACM's verbs
// `metrics/NAMESPACE`. The gateway itself has the rights that docs/access.md names and no others.
// Runs where KUBECONFIG names an API server that may be written to; everything it makes there begins with `cn-access`.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashToken } from '../../src/access/index.ts'
import { KubeClient, openEndpoint } from '../../src/kube/index.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { until } from './process.ts'
import { post, writeBody } from './remote-write.ts'

const kubeconfig = process.env.KUBECONFIG
const name = 'cn-access'
const audience = 'https://gateway.test'
const group = 'cluster.open-cluster-management.io'
const rbac = '/apis/rbac.authorization.k8s.io/v1'
const folder = mkdtempSync(join(tmpdir(), 'gateway-hub-access-'))

const onClusters = (verbs: string[], resourceNames: string[] = []) => ({
  apiGroups: [group],
  resources: ['managedclusters'],
  verbs,
  ...(resourceNames.length === 0 ? {} : { resourceNames }),
})

// Service accounts and what RBAC grants them.
const grants = {
  gateway: [onClusters(['list'])],
  east: [onClusters(['get'], [`${name}-east`])],
  shop: [onClusters(['metrics/shop'], [`${name}-west`])],
  shops: [onClusters(['metrics/shop'])],
  both: [onClusters(['get'], [`${name}-east`]), onClusters(['metrics/shop'], [`${name}-west`])],
  viewer: [onClusters(['get', 'list'])],
  everything: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  stranger: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
} as const
type Account = keyof typeof grants

let client: KubeClient
let server: string
let gateway: Gateway
const tokens = {} as Record<Account, string>

async function make(path: string, kind: string, apiVersion: string, body: object): Promise<void> {
  await client.call({ method: 'POST', path, body: { apiVersion, kind, ...body } })
}

async function tokenOf(account: Account, audiences: string[] = []): Promise<string> {
  const path = `/api/v1/namespaces/${name}/serviceaccounts/${account}/token`
  const spec = { expirationSeconds: 600, ...(audiences.length === 0 ? {} : { audiences }) }
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec }
  const answer = await client.call({ method: 'POST', path, body })
  return (answer as { status: { token: string } }).status.token
}

async function makeClusters(): Promise<void> {
  const definition = {
    metadata: { name: `managedclusters.${group}`, annotations: approved },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural: 'managedclusters', singular: 'managedcluster', kind: 'ManagedCluster' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      ],
    },
  }
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const version = 'apiextensions.k8s.io/v1'
  await make(path, 'CustomResourceDefinition', version, definition).catch(isThere)
  const clusters = `/apis/${group}/v1/managedclusters`
  await until('managedclusters', () =>
    client.call({ method: 'GET', path: clusters }).then(
      () => true,
      () => false,
    ),
  )
  for (const cluster of ['east', 'west'])
    await make(clusters, 'ManagedCluster', `${group}/v1`, {
      metadata: { name: `${name}-${cluster}` },
      spec: { hubAcceptsClient: false },
    })
}

// The group is protected; OCM's own definition says the same.
const approved = {
  'api-approved.kubernetes.io': 'https://github.com/open-cluster-management-io/api',
}

function isThere(error: unknown): void {
  if (!/AlreadyExists|already exists/i.test(String(error))) throw error
}

async function makeAccounts(): Promise<void> {
  await make('/api/v1/namespaces', 'Namespace', 'v1', { metadata: { name } })
  const version = 'rbac.authorization.k8s.io/v1'
  const apiGroup = 'rbac.authorization.k8s.io'
  for (const [account, rules] of Object.entries(grants)) {
    const metadata = { name: `${name}-${account}` }
    const accounts = `/api/v1/namespaces/${name}/serviceaccounts`
    await make(accounts, 'ServiceAccount', 'v1', { metadata: { name: account } })
    await make(`${rbac}/clusterroles`, 'ClusterRole', version, { metadata, rules })
    const subjects = [{ kind: 'ServiceAccount', name: account, namespace: name }]
    const roleRef = { apiGroup, kind: 'ClusterRole', name: metadata.name }
    const bindings = `${rbac}/clusterrolebindings`
    await make(bindings, 'ClusterRoleBinding', version, { metadata, subjects, roleRef })
    if (account !== 'gateway') continue
    await make(bindings, 'ClusterRoleBinding', version, {
      metadata: { name: `${name}-delegator` },
      subjects,
      roleRef: { ...roleRef, name: 'system:auth-delegator' },
    })
  }
  for (const account of Object.keys(grants) as Account[]) tokens[account] = await tokenOf(account)
}

async function removeAll(): Promise<void> {
  const paths = [
    `/api/v1/namespaces/${name}`,
    ...['east', 'west'].map((one) => `/apis/${group}/v1/managedclusters/${name}-${one}`),
    `${rbac}/clusterrolebindings/${name}-delegator`,
    ...Object.keys(grants).flatMap((account) => [
      `/api/v1/namespaces/${name}/serviceaccounts/${account}`,
      `${rbac}/clusterrolebindings/${name}-${account}`,
      `${rbac}/clusterroles/${name}-${account}`,
    ]),
  ]
  for (const path of paths) await client.call({ method: 'DELETE', path }).catch(() => undefined)
}

const writer = 'crowsnest_writer-of-the-test'

async function startWithHub(): Promise<void> {
  const own = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: tokens.gateway } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  }
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(own))
  writeFileSync(
    join(folder, 'access.yaml'),
    `tokens: [{ name: writer, sha256: ${hashToken(writer)} }]
bindings: [{ users: [writer], write: [default-tenant] }]`,
  )
  gateway = await startGateway({
    args: [
      ...['--access.file', join(folder, 'access.yaml'), '--access.cache-time', '1s'],
      ...['--access.kubernetes.enabled', '--access.kubernetes.kubeconfig'],
      join(folder, 'kubeconfig'),
    ],
  })
  const series = ['east', 'west', 'canary'].flatMap((cluster) =>
    ['shop', 'pay'].map((namespace) => ({
      labels: { __name__: 'up', cluster: `${name}-${cluster}`, namespace },
      samples: [[Date.now(), 1]] as const,
    })),
  )
  const headers = { authorization: `Bearer ${writer}` }
  const written = await post(`${gateway.url}/api/v1/write`, writeBody(series), headers)
  expect(written.status).toBe(204)
}

async function ask(path: string, token: string, method = 'GET'): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` }
  return fetch(gateway.url + path, { method, headers })
}

/** Clusters and namespaces of the series that a token shows, as `east/shop`; a status where it shows none. */
async function seenBy(token: string): Promise<readonly string[] | number> {
  const response = await ask('/api/v1/series?match[]=up', token)
  if (response.status !== 200) return response.status
  const { data } = (await response.json()) as {
    data: { cluster: string; namespace: string }[]
  }
  return data
    .map(({ cluster, namespace }) => `${cluster.slice(name.length + 1)}/${namespace}`)
    .sort()
}

describe('readers of a real hub', () => {
  beforeAll(async () => {
    const endpoint = await openEndpoint({ kubeconfig: kubeconfig! })
    server = endpoint.url.origin
    client = new KubeClient(endpoint)
    await removeAll()
    await until('an empty place', async () => {
      const path = `/api/v1/namespaces/${name}`
      const isGone = await client.call({ method: 'GET', path }).then(
        () => false,
        () => true,
      )
      // Without a controller manager nobody finishes the deletion of a namespace.
      const finalize = { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} }
      if (!isGone)
        await client
          .call({ method: 'PUT', path: `${path}/finalize`, body: finalize })
          .catch(() => undefined)
      return isGone
    })
    await makeClusters()
    await makeAccounts()
    await startWithHub()
  }, 60_000)

  afterAll(async () => {
    await gateway?.stop()
    if (client !== undefined) await removeAll()
    rmSync(folder, { recursive: true, force: true })
  })

  it('see what RBAC on managedclusters and the verbs of ACM grant them', async () => {
    expect(await seenBy(tokens.east)).toEqual(['east/pay', 'east/shop'])
    expect(await seenBy(tokens.shop)).toEqual(['west/shop'])
    expect(await seenBy(tokens.shops)).toEqual(['east/shop', 'west/shop'])
    expect(await seenBy(tokens.both)).toEqual(['east/pay', 'east/shop', 'west/shop'])
    const everything = ['canary/pay', 'canary/shop', 'east/pay', 'east/shop', 'west/pay']
    expect(await seenBy(tokens.viewer)).toEqual([...everything, 'west/shop'])
    expect(await seenBy(tokens.everything)).toEqual([...everything, 'west/shop'])
  })

  it('are admins where they may do everything there, and only there', async () => {
    expect((await ask('/api/v1/status/config', tokens.everything)).status).toBe(200)
    expect((await ask('/api/v1/status/config', tokens.viewer)).status).toBe(403)
  })

  it('are refused without a right, and where the token is not one for the gateway', async () => {
    expect(await seenBy(tokens.stranger)).toBe(403)
    expect(await seenBy(`${tokens.east.slice(0, -4)}AAAA`)).toBe(401)
    expect(await seenBy(await tokenOf('east', ['https://other.test']))).toBe(401)
  })

  it('lose what is taken from them, and their token with their account, within seconds', async () => {
    const path = `${rbac}/clusterrolebindings/${name}-both`
    await client.call({ method: 'DELETE', path })
    await until('the binding to be gone', async () => (await seenBy(tokens.both)) === 403)
    const account = `/api/v1/namespaces/${name}/serviceaccounts/east`
    await client.call({ method: 'DELETE', path: account })
    // The API server itself keeps what it knows of a token for ten seconds.
    await until('the token to be void', async () => (await seenBy(tokens.east)) === 401)
  }, 40_000)

  it('may have tokens for the gateway alone, which the API server itself does not take', async () => {
    await gateway.stop()
    const args = ['--access.kubernetes.audience', audience, '--access.cache-time', '1s']
    args.push('--access.kubernetes.namespaces', 'pay,shop')
    gateway = await startGateway({
      data: gateway.data,
      args: [
        ...args,
        '--access.kubernetes.enabled',
        '--access.kubernetes.kubeconfig',
        join(folder, 'kubeconfig'),
      ],
    })
    expect(await seenBy(tokens.viewer)).toBe(401)
    expect(await seenBy(await tokenOf('viewer', [audience]))).toHaveLength(6)
    expect(await seenBy(await tokenOf('shop', [audience]))).toEqual(['west/shop'])
    expect(await seenBy(await tokenOf('shops', [audience]))).toEqual(['east/shop', 'west/shop'])
    expect(await seenBy(await tokenOf('stranger', [audience]))).toBe(403)
  }, 40_000)
})
