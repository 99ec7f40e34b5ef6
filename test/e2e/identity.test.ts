// Identities of clusters: a Debian Prometheus agent writes over mutual TLS with what `tools enroll` gave it. It is its
// cluster and no other, keeps on through rotations of certificate and CA, and is refused once it is revoked.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { hashToken } from '../../src/access/index.ts'
import { startCrowsnest } from './gateway.ts'
import { freePort, type Running, start, until } from './process.ts'
import { writeBody } from './remote-write.ts'

const folder = mkdtempSync(join(tmpdir(), 'gateway-identity-'))
const data = join(folder, 'data')
const token = 'crowsnest_reader-of-the-test'
const proxyHeader = 'X-Client-Cert'
const proxy = '127.0.0.2'
let url: string
let gateway: Running
let target: Server
let agent: Running
let targetPort: number

interface Reply {
  readonly status: number
  readonly text: string
}

async function tools(...args: readonly string[]): Promise<string> {
  const running = startCrowsnest(['tools', ...args, '--data', data])
  const code = await new Promise((resolve) => running.child.once('close', resolve))
  if (code !== 0) throw new Error(`${args.join(' ')}: ${running.output()}`)
  return running.output()
}

const enroll = (cluster: string): Promise<string> =>
  tools('enroll', cluster, '--url', url, '--output-dir', join(folder, cluster))

const pemOf = (cluster: string, name: string): string =>
  readFileSync(join(folder, cluster, name), 'utf8')

function ask(
  path: string,
  options: {
    readonly as?: string
    readonly headers?: Record<string, string>
    readonly body?: Uint8Array
    /** The address that the request comes from. */
    readonly from?: string
  } = {},
): Promise<Reply> {
  const { as, headers = {}, body, from = '127.0.0.1' } = options
  const client = as === undefined ? {} : { cert: pemOf(as, 'tls.crt'), key: pemOf(as, 'tls.key') }
  const ca = pemOf('west', 'ca.crt')
  const connection = new Agent({ ...client, ca, keepAlive: false, localAddress: from })
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const sent = request(url + path, { method, headers, agent: connection }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const writeHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
}

async function query(expression: string): Promise<Record<string, unknown>[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(expression)}`
  const { text } = await ask(path, { headers: { authorization: `Bearer ${token}` } })
  return (JSON.parse(text) as { data: { result: Record<string, unknown>[] } }).data.result
}

async function scrapesOf(cluster: string): Promise<readonly number[]> {
  const found = await query(`scrapes_total{cluster="${cluster}"}[10m]`)
  return ((found[0]?.values ?? []) as [number, string][]).map(([, value]) => Number(value))
}

function startAgent(): Running {
  const { remote_write } = parse(readFileSync(join(folder, 'section.yml'), 'utf8')) as {
    remote_write: Record<string, unknown>[]
  }
  const queue = { batch_send_deadline: '200ms', min_backoff: '100ms', max_backoff: '500ms' }
  const config = {
    // It says it is another cluster; its certificate says west.
    global: { scrape_interval: '500ms', external_labels: { cluster: 'east', clusterID: 'forged' } },
    scrape_configs: [
      { job_name: 'app', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] },
    ],
    remote_write: remote_write.map((section) => ({ ...section, queue_config: queue })),
  }
  writeFileSync(join(folder, 'agent.yml'), JSON.stringify(config))
  return start('prometheus', [
    '--enable-feature=agent',
    `--config.file=${join(folder, 'agent.yml')}`,
    `--storage.agent.path=${join(folder, 'agent')}`,
    `--web.listen-address=127.0.0.1:${targetPort + 1}`,
  ])
}

beforeAll(async () => {
  let scrapes = 0
  target = createServer((_request, response) => {
    scrapes++
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(`# TYPE scrapes_total counter\nscrapes_total ${scrapes}\n`)
  })
  targetPort = await freePort()
  await new Promise<void>((resolve) => {
    target.listen(targetPort, '127.0.0.1', resolve)
  })
  const port = await freePort()
  url = `https://127.0.0.1:${port}`
  writeFileSync(
    join(folder, 'access.yaml'),
    `tokens: [{ name: reader, sha256: ${hashToken(token)} }]
bindings: [{ users: [reader], read: "*", clusters: "*" }]
`,
  )
  const listen = [
    '--http.listen',
    `127.0.0.1:${port}`,
    '--access.file',
    join(folder, 'access.yaml'),
    '--grpc.listen',
    '',
  ]
  writeFileSync(join(folder, 'section.yml'), await enroll('west'))
  await enroll('east')
  const proxied = ['--identity.proxy-header', proxyHeader, '--identity.proxy-addresses', proxy]
  gateway = startCrowsnest(['all', '--data', data, ...listen, ...proxied, '--identity.enabled'])
  await until('gateway', async () => (await ask('/-/ready')).status === 200, { of: gateway })
  agent = startAgent()
  const hasTen = async () => (await scrapesOf('west')).length >= 10
  await until('ten scrapes', hasTen, { of: agent, everyMs: 300 })
}, 90_000)

afterAll(async () => {
  await agent?.stop()
  await gateway?.stop()
  target?.close()
  rmSync(folder, { recursive: true, force: true })
})

const body = writeBody([
  { labels: { __name__: 'forged', cluster: 'east', pod: 'a' }, samples: [[Date.now(), 1]] },
])

describe('a cluster with a certificate of its own', () => {
  it('has its end in the metrics, and so has the listener', async () => {
    const { text } = await ask('/metrics', { headers: { authorization: `Bearer ${token}` } })
    const daysOf = (series: string): number => {
      const line = text.split('\n').find((one) => one.startsWith(`${series} `))
      return (Number(line?.split(' ')[1]) - Date.now() / 1000) / 86_400
    }
    const west = 'crowsnest_identity_certificate_expiry_timestamp_seconds{cluster="west"}'
    expect(daysOf(west)).toBeCloseTo(30, 0)
    expect(daysOf('crowsnest_http_certificate_expiry_timestamp_seconds')).toBeCloseTo(90, 0)
  })

  it('writes as itself, whatever its labels say', async () => {
    expect(await query('count by (cluster, clusterID) (scrapes_total)')).toMatchObject([
      { metric: { cluster: 'west', clusterID: 'west' } },
    ])
    expect(await scrapesOf('east')).toEqual([])
    const { text } = await ask('/metrics', { headers: { authorization: `Bearer ${token}` } })
    expect(text).toMatch(/crowsnest_ingest_forged_series\{sender="cluster:west:west"\} [1-9]/)
  })

  it('is not another one by replaying what that one has written, byte for byte', async () => {
    const options = { headers: writeHeaders, body }
    expect((await ask('/api/v1/write', { as: 'east', ...options })).status).toBe(204)
    expect((await ask('/api/v1/write', { as: 'west', ...options })).status).toBe(204)
    const found = await query('count by (cluster) (forged)')
    expect(found).toMatchObject([{ metric: { cluster: 'east' } }, { metric: { cluster: 'west' } }])
    const samples = await query('count_over_time(forged{cluster="east"}[5m])')
    expect(samples).toMatchObject([{ value: [expect.any(Number), '1'] }])
  })

  it('reads nothing, and writes to no other tenant', async () => {
    const read = await ask('/api/v1/query?query=up', { as: 'west' })
    expect([read.status, read.text]).toEqual([403, expect.stringContaining('no right to read')])
    const headers = { ...writeHeaders, 'THANOS-TENANT': 'team-b' }
    expect((await ask('/api/v1/write', { as: 'west', headers, body })).status).toBe(403)
  })

  it('is told what is wrong where it has no certificate, or a header claims one', async () => {
    const bare = await ask('/api/v1/write', { headers: writeHeaders, body })
    expect([bare.status, bare.text]).toEqual([401, expect.stringContaining('no credentials')])
    const smuggled = encodeURIComponent(pemOf('east', 'tls.crt'))
    for (const name of ['x-forwarded-client-cert', 'x-ssl-cert', 'ssl-client-cert']) {
      const headers = { ...writeHeaders, [name]: smuggled }
      expect((await ask('/api/v1/write', { headers, body })).status).toBe(401)
    }
  })

  it("is known by the header of a trusted proxy, checked as on a connection, and by nobody else's", async () => {
    const send = (pem: string, from: string): Promise<Reply> => {
      const headers = { ...writeHeaders, [proxyHeader]: encodeURIComponent(pem) }
      return ask('/api/v1/write', { headers, body, from })
    }
    const pem = pemOf('east', 'tls.crt')
    expect((await send(pem, proxy)).status).toBe(204)
    const untrusted = await send(pem, '127.0.0.3')
    expect([untrusted.status, untrusted.text]).toEqual([
      401,
      expect.stringContaining('no credentials'),
    ])
    const garbage = await send('nonsense', proxy)
    expect([garbage.status, garbage.text]).toEqual([
      401,
      expect.stringContaining('the header of the proxy'),
    ])
    const notACluster = await send(pemOf('west', 'ca.crt'), proxy)
    expect(notACluster.status).toBe(401)
  })

  it('loses no sample when its certificate is replaced, then the CA', async () => {
    await enroll('west')
    const before = (await scrapesOf('west')).length
    const has = (count: number) => async () => (await scrapesOf('west')).length >= count
    await until('scrapes with a new certificate', has(before + 5), { everyMs: 300 })
    const first = (parse(await tools('ca', 'show')) as { authorities: { stamp: string }[] })
      .authorities[0]!.stamp
    await tools('ca', 'rotate')
    await until('scrapes while two CAs are trusted', has(before + 10), { everyMs: 300 })
    await enroll('west')
    await until('scrapes with a certificate of the new CA', has(before + 15), { everyMs: 300 })
    await tools('ca', 'retire', first)
    // The next connection sees a listener with a certificate of the new CA.
    const gone = async () => (await ask('/api/v1/write', { as: 'east', body })).status === 401
    await until('the old CA to be refused', gone, { everyMs: 500 })
    const now = (await scrapesOf('west')).length
    await until('scrapes under the new CA', has(now + 5), { everyMs: 300 })
    const seen = await scrapesOf('west')
    expect(seen).toEqual(seen.map((_value, i) => seen[0]! + i))
  }, 90_000)

  it('is refused within seconds once revoked, and catches up when it is enrolled again', async () => {
    await tools('ca', 'revoke', 'west', '--reason', 'removed from the fleet')
    const isRefused = async () =>
      (await ask('/api/v1/write', { as: 'west', headers: writeHeaders, body })).status === 403
    await until('the refusal', isRefused, { timeoutMs: 20_000, everyMs: 300 })
    const refused = await ask('/api/v1/write', { as: 'west', headers: writeHeaders, body })
    expect(refused.text).toContain('removed from the fleet')
    await enroll('west')
    const before = (await scrapesOf('west')).length
    const goesOn = async () => (await scrapesOf('west')).length >= before + 5
    await until('scrapes after enrolling again', goesOn, { everyMs: 300 })
  }, 60_000)
})
