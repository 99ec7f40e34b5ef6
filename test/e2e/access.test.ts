// Access over HTTP: static tokens and a real OpenID provider, who gets in where, and what they see.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, credentials, status as grpcStatus, Metadata } from '@grpc/grpc-js'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import Provider from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashToken } from '../../src/access/index.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { freePort, until } from './process.ts'
import { post, writeBody } from './remote-write.ts'

const nowMs = Date.now()
const folder = mkdtempSync(join(tmpdir(), 'gateway-access-'))
const file = join(folder, 'access.yaml')

const tokens = {
  root: 'crowsnest_root-token-of-the-test',
  viewer: 'crowsnest_viewer-token-of-the-test',
  limited: 'crowsnest_limited-token-of-the-test',
  writer: 'crowsnest_writer-token-of-the-test',
  stranger: 'crowsnest_stranger-token-of-the-test',
  cluster: 'crowsnest_cluster-token-of-the-test',
} as const
type Kind = keyof typeof tokens

const accessFile = (more = '') => `
tokens:
${Object.entries(tokens)
  .map(([name, token]) => {
    const more = name === 'cluster' ? ', cluster: bound, clusterId: id-of-bound' : ''
    return `  - { name: ${name}, sha256: ${hashToken(token)}${more} }`
  })
  .join('\n')}
  - { name: late, sha256: ${hashToken('crowsnest_late')}, expires: 2020-01-01T00:00:00Z }
bindings:
  - { users: [root], admin: true }
  - { users: [viewer], read: "*", clusters: "*" }
  - users: [limited]
    groups: [oncall]
    read: [default-tenant]
    clusters:
      - name: east
      - { name: west, namespaces: [shop] }
  - { users: [writer], write: [default-tenant] }
${more}`

let issuer: string
let grpcAddress: string
let provider: Server
let gateway: Gateway

async function startProvider(): Promise<void> {
  const port = await freePort()
  issuer = `http://127.0.0.1:${port}`
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const oidc = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    clients: [
      {
        client_id: 'alice',
        client_secret: 'alice-secret-of-the-test',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:crowsnest',
        getResourceServerInfo: (_context, resource) => ({
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt' as const,
        }),
      },
    },
    extraTokenClaims: () => ({ realm_access: { roles: ['oncall'] } }),
  })
  provider = createServer(oidc.callback())
  await new Promise<void>((resolve) => {
    provider.listen(port, '127.0.0.1', resolve)
  })
}

async function tokenOf(resource: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from('alice:alice-secret-of-the-test').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource }),
  })
  const { access_token } = (await response.json()) as { access_token: string }
  return access_token
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function statusOf(path: string, token?: string, method = 'GET'): Promise<number> {
  const headers = token === undefined ? {} : bearer(token)
  const sent = method === 'POST' ? bodyFor(path) : { headers: {}, body: null }
  const response = await fetch(gateway.url + path, {
    method,
    headers: { ...headers, ...sent.headers },
    body: sent.body,
  })
  await response.arrayBuffer()
  return response.status
}

// What a path takes, so that rights are what decides.
function bodyFor(path: string): {
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array<ArrayBuffer> | null
} {
  const json = { 'content-type': 'application/json' }
  if (/\/otlp/.test(path)) return { headers: json, body: '{"resourceMetrics":[]}' }
  if (/\/api\/v2\/alerts$/.test(path)) return { headers: json, body: '[]' }
  if (/\/explain$/.test(path))
    return { headers: json, body: '{"kind":"Placement","metadata":{"name":"x","namespace":"x"}}' }
  if (!/\/(write|receive|read)$/.test(path)) return { headers: {}, body: null }
  const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }
  return { headers, body: writeBody([]) }
}

// Every method that the source defines, so that one that comes later is asked too.
function grpcMethods(): readonly string[] {
  const room = join(import.meta.dirname, '../../src/rpc')
  const texts = readdirSync(room).map((name) => readFileSync(join(room, name), 'utf8'))
  return texts.flatMap((text) =>
    [...text.matchAll(/'(\/thanos[.\w]*\/\w+)'/g)].map(([, path]) => path!),
  )
}

// An empty request is one that every method takes.
function grpcStatusOf(client: Client, method: string, kind: Kind | 'nobody'): Promise<number> {
  const metadata = new Metadata()
  if (kind !== 'nobody') metadata.set('authorization', `Bearer ${tokens[kind]}`)
  const empty = () => Buffer.alloc(0)
  return new Promise((resolve) => {
    const call = client.makeServerStreamRequest(method, empty, empty, {}, metadata)
    call.on('status', ({ code }) => resolve(code))
    call.on('error', () => undefined)
    call.resume()
  })
}

async function clustersSeenBy(token: string): Promise<unknown> {
  const path = `/api/v1/label/cluster/values`
  return ((await gateway.get(path, bearer(token))) as { data: unknown }).data
}

const body = (cluster: string, namespace: string) =>
  writeBody([{ labels: { __name__: 'up', cluster, namespace }, samples: [[nowMs, 1]] }])

beforeAll(async () => {
  await startProvider()
  writeFileSync(file, accessFile())
  grpcAddress = `127.0.0.1:${await freePort()}`
  gateway = await startGateway({
    args: [
      ...['--access.file', file, '--access.oidc.issuer', issuer],
      ...['--access.oidc.audience', 'urn:crowsnest', '--web.enable-admin-api'],
      ...['--access.audit-log', '--grpc.listen', grpcAddress],
      ...['--access.oidc.groups-claims', 'realm_access.roles', '--access.cache-time', '1s'],
    ],
  })
  for (const [cluster, namespace] of [
    ['east', 'pay'],
    ['west', 'shop'],
    ['west', 'hidden'],
    ['canary', 'shop'],
  ] as const) {
    const written = await post(
      `${gateway.url}/api/v1/write`,
      body(cluster, namespace),
      bearer(tokens.writer),
    )
    expect(written.status).toBe(204)
  }
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  provider?.close()
  rmSync(folder, { recursive: true, force: true })
})

// Who gets in: root, viewer (reads everything), limited (some clusters), writer, stranger (a token without rights),
// cluster (a token bound to one).
const everybody = 'rvlwsc'
const readers = 'rvl---'
const wholeFleet = 'rv----'
const admins = 'r-----'
const writers = '---w-c'
const nobody = '------'
const kinds: readonly Kind[] = ['root', 'viewer', 'limited', 'writer', 'stranger', 'cluster']

// Every route that the gateway says it has, as in its own document; `more` makes the request one that can be answered.
const rights: readonly (readonly [route: RegExp, allowed: string, more?: string])[] = [
  [/ \/api\/v1\/(openapi\.json|features|targets.*|scrape_pools|notifications)$/, everybody],
  [/ \/api\/v1\/(format_query|parse_query)$/, everybody, '?query=up'],
  [/ \/api\/v1\/status\/(buildinfo|runtimeinfo|walreplay)$/, everybody],
  [/ \/api\/v1\/alertmanagers$/, everybody],
  [/ \/api\/v1\/(query|query_exemplars)$/, readers, '?query=up'],
  [/ \/api\/v1\/query_range$/, readers, '?query=up&start=0&end=1&step=1'],
  [/ (\/api\/v1\/series|\/federate)$/, readers, '?match[]=up'],
  [/ \/api\/v1\/(labels|label\/.*|metadata|rules|alerts|read)$/, readers],
  [/ \/api\/v1\/status\/(tsdb|active_queries)$/, readers],
  [/ \/api\/v1\/fleet\//, readers],
  [/ (\/metrics|\/api\/v1\/status\/tsdb\/blocks)$/, wholeFleet],
  [/^GET \/api\/v2\/(alerts|alerts\/groups|silences|silence\/.*|receivers|status)$/, wholeFleet],
  // Changing silences is off unless the configuration turns it on.
  [/^(POST|DELETE) \/api\/v2\/silence/, nobody],
  [/ \/api\/v1\/status\/(config|flags)$/, admins],
  [/ \/-\/reload$/, admins],
  [/ \/-\/log-level$/, admins, '?level=info'],
  [/ \/api\/v1\/admin\/tsdb\//, admins, '?match[]=nothing&skip_head=true'],
  [/^POST .*\/(write|receive|otlp|otlp\/v1\/metrics)$/, writers],
  [/^POST .*\/api\/v2\/alerts$/, writers],
]
const isOpen = (route: string): boolean => / \/-\/(healthy|ready)$/.test(route)

interface Route {
  readonly method: string
  readonly path: string
  readonly allowed: string
}

// The document's routes; those below ACM's prefix are the same ones again, for a tenant that limited readers read too.
async function routes(): Promise<readonly Route[]> {
  const document = (await gateway.get('/api/v1/openapi.json', bearer(tokens.root))) as {
    paths: Record<string, Record<string, unknown>>
  }
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  return all
    .filter((route) => !isOpen(route))
    .map((route) => {
      const plain = route.replace('/api/metrics/v1/{tenant}', '')
      const [method = '', path = ''] = route.replace('{tenant}', 'default').split(' ')
      const found = rights.find(([pattern]) => pattern.test(plain))
      // A route that nobody has thought about fails here.
      if (found === undefined) throw new Error(`no rights are written down for ${route}`)
      const [, allowed, more = ''] = found
      return { method, path: path.replaceAll(/\{\w+\}/g, 'x') + more, allowed }
    })
}

describe('access', () => {
  it('is asked of every route but health and readiness', async () => {
    expect(await statusOf('/-/healthy')).toBe(200)
    expect(await statusOf('/-/ready')).toBe(200)
    expect(grpcMethods()).toContain('/thanos.Rules/Rules')
    for (const { method, path } of await routes()) {
      expect([method, path, await statusOf(path, undefined, method)]).toEqual([method, path, 401])
    }
    for (const token of ['crowsnest_guess', 'crowsnest_late', 'guess', 'a.b.c'])
      expect(await statusOf('/api/v1/query?query=up', token)).toBe(401)
  })

  it('lets each kind of rights in where they reach', async () => {
    const all = await routes()
    expect(all.length).toBeGreaterThan(80)
    for (const { method, path, allowed } of all) {
      if (path.startsWith('/api/v1/fleet/stream')) continue
      for (const [i, kind] of kinds.entries()) {
        const status = await statusOf(path, tokens[kind], method)
        const isDenied = status === 401 || status === 403
        expect([method, path, kind, status, isDenied]).toEqual([
          method,
          path,
          kind,
          status,
          allowed[i] === '-',
        ])
      }
    }
  }, 120_000)

  it('is asked of every gRPC method, and lets readers in', async () => {
    const client = new Client(grpcAddress, credentials.createInsecure())
    const found = []
    for (const method of grpcMethods()) {
      for (const kind of [...kinds, 'nobody' as const])
        found.push([method, kind, await grpcStatusOf(client, method, kind)])
    }
    client.close()
    const { OK, PERMISSION_DENIED, UNAUTHENTICATED } = grpcStatus
    const expected = [...kinds, 'nobody' as const].map((kind) => {
      if (kind === 'nobody') return UNAUTHENTICATED
      return kind === 'root' || kind === 'viewer' || kind === 'limited' ? OK : PERMISSION_DENIED
    })
    expect(found.map(([, , code]) => code)).toEqual(grpcMethods().flatMap(() => expected))
  })

  it('lets nobody write who may not', async () => {
    for (const kind of kinds) {
      const answer = await post(
        `${gateway.url}/api/v1/write`,
        body('east', 'x'),
        bearer(tokens[kind]),
      )
      const mayWrite = kind === 'writer' || kind === 'cluster'
      expect([kind, answer.status]).toEqual([kind, mayWrite ? 204 : 403])
    }
    const other = await post(`${gateway.url}/api/v1/write`, body('east', 'x'), {
      ...bearer(tokens.writer),
      'THANOS-TENANT': 'team-b',
    })
    expect(other.status).toBe(403)
  })

  it('stores what a token bound to a cluster sends as that cluster, and counts what it forged', async () => {
    const forged = writeBody([
      { labels: { __name__: 'bound', cluster: 'east', clusterID: 'x' }, samples: [[nowMs, 1]] },
    ])
    const url = `${gateway.url}/api/v1/write`
    expect((await post(url, forged, bearer(tokens.cluster))).status).toBe(204)
    const found = await gateway.get('/api/v1/query?query=bound', bearer(tokens.viewer))
    expect(found).toMatchObject({
      data: { result: [{ metric: { cluster: 'bound', clusterID: 'id-of-bound' } }] },
    })
    const metrics = await fetch(`${gateway.url}/metrics`, { headers: bearer(tokens.viewer) })
    expect(await metrics.text()).toMatch(
      /crowsnest_ingest_forged_series\{sender="cluster:bound:id-of-bound"\} [1-9]/,
    )
    const elsewhere = { ...bearer(tokens.cluster), 'THANOS-TENANT': 'team-b' }
    expect((await post(url, forged, elsewhere)).status).toBe(403)
  })

  it('shows what the scope shows, says so, and refuses what names nothing of it', async () => {
    expect(await clustersSeenBy(tokens.viewer)).toEqual(['bound', 'canary', 'east', 'west'])
    expect(await clustersSeenBy(tokens.limited)).toEqual(['east', 'west'])
    const counted = (await gateway.get(
      '/api/v1/query?query=count(up)',
      bearer(tokens.limited),
    )) as {
      data: { result: { value: [number, string] }[] }
      warnings: string[]
    }
    expect(counted.data.result[0]?.value[1]).toBe('3')
    expect(counted.warnings).toEqual([
      'the answer holds only clusters and namespaces that you may see',
    ])
    const refusals = await Promise.all(
      ['canary', 'nowhere'].map(async (cluster) => {
        const url = `${gateway.url}/api/v1/query?query=${encodeURIComponent(`up{cluster="${cluster}"}`)}`
        const response = await fetch(url, { headers: bearer(tokens.limited) })
        return [response.status, await response.text()]
      }),
    )
    expect(refusals[0]?.[0]).toBe(403)
    expect(refusals[0]).toEqual(refusals[1])
  })

  it("takes an issuer's tokens, with the rights of their groups", async () => {
    const token = await tokenOf('urn:crowsnest')
    expect(await clustersSeenBy(token)).toEqual(['east', 'west'])
    expect(await statusOf('/-/reload', token, 'POST')).toBe(403)
  })

  it('refuses tokens for others, unsigned ones and those of other keys', async () => {
    expect(await statusOf('/api/v1/query?query=up', await tokenOf('urn:other'))).toBe(401)
    const claims = { sub: 'alice', realm_access: { roles: ['oncall'] } }
    const unsigned = new UnsecuredJWT(claims)
      .setIssuer(issuer)
      .setAudience('urn:crowsnest')
      .setExpirationTime('1h')
      .encode()
    expect(await statusOf('/api/v1/query?query=up', unsigned)).toBe(401)
    const { privateKey } = await generateKeyPair('RS256')
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(issuer)
      .setAudience('urn:crowsnest')
      .setExpirationTime('1h')
      .sign(privateKey)
    expect(await statusOf('/api/v1/query?query=up', forged)).toBe(401)
    const shared = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(issuer)
      .setAudience('urn:crowsnest')
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode('alice-secret-of-the-test-0123456789'))
    expect(await statusOf('/api/v1/query?query=up', shared)).toBe(401)
  })

  it('notes who asked what, from where, with which outcome, and no secret', async () => {
    const headers = { ...bearer(tokens.limited), 'x-request-id': 'audited-1' }
    const answer = await fetch(`${gateway.url}/api/v1/query?query=up`, { headers })
    expect(answer.headers.get('x-request-id')).toBe('audited-1')
    const hasLine = () => gateway.process.output().includes('audited-1')
    await until('the audit line', hasLine)
    const line = gateway.process
      .output()
      .split('\n')
      .find((text) => text.includes('audited-1'))!
    expect(JSON.parse(line)).toMatchObject({
      who: 'limited',
      method: 'GET',
      url: '/api/v1/query?query=up',
      from: '127.0.0.1',
      status: 200,
    })
    for (const token of Object.values(tokens)) expect(gateway.process.output()).not.toContain(token)
    const odd = await fetch(`${gateway.url}/-/healthy`, { headers: { 'x-request-id': 'a b"c' } })
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('reads the access file again on a reload, and keeps the old one where the new one is wrong', async () => {
    const path = '/api/v1/query?query=up'
    writeFileSync(file, 'tokens: 1')
    expect(await statusOf('/-/reload', tokens.root, 'POST')).toBe(400)
    expect(await statusOf(path, tokens.limited)).toBe(200)
    writeFileSync(file, accessFile('  - { users: [stranger], read: "*", clusters: "*" }'))
    expect(await statusOf('/-/reload', tokens.root, 'POST')).toBe(200)
    expect(await statusOf(path, tokens.stranger)).toBe(200)
    writeFileSync(file, accessFile())
    expect(await statusOf('/-/reload', tokens.root, 'POST')).toBe(200)
    expect(await statusOf(path, tokens.stranger)).toBe(403)
  })
})
