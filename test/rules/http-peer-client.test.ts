import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as x509 from '../../src/identity/x509.ts'
import { createPeerTransport, type PeerConfig, parsePeer } from '../../src/rules/index.ts'

const transport = createPeerTransport()
const folder = mkdtempSync(join(tmpdir(), 'am-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function config(entry: Record<string, unknown>): PeerConfig {
  return parsePeer({ static_configs: ['x:1'], ...entry }, 'here', [])
}

describe('finding peers', () => {
  it('takes static targets, addresses of names, and files by globs, each once', async () => {
    writeFileSync(join(folder, 'a.json'), JSON.stringify([{ targets: ['b:2', 'c:3'] }]))
    const errors: Error[] = []
    const found = await transport.discover(
      config({
        static_configs: ['b:2', 'dns+localhost:9093'],
        file_sd_configs: [{ files: [join(folder, '*.json')] }],
      }),
      (error) => errors.push(error),
    )
    expect(found).toEqual(expect.arrayContaining(['127.0.0.1:9093', 'b:2', 'c:3']))
    expect(found.filter((one) => one === 'b:2')).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('goes on with the others when one cannot be found', async () => {
    writeFileSync(join(folder, 'bad.yml'), 'targets: 1')
    const errors: Error[] = []
    const found = await transport.discover(
      config({ file_sd_configs: [{ files: [join(folder, 'bad.yml')] }] }),
      (error) => errors.push(error),
    )
    expect(found).toEqual(['x:1'])
    expect(errors).toHaveLength(1)
  })
})

// A name server with these records, each with one answer: A as an address, SRV as [target, port].
async function nameServer(records: Readonly<Record<string, string | readonly [string, number]>>) {
  const socket = createSocket('udp4')
  const nameOf = (text: string): Buffer =>
    Buffer.concat([
      ...text.split('.').map((part) => Buffer.from([part.length, ...Buffer.from(part)])),
      Buffer.from([0]),
    ])
  socket.on('message', (query, sender) => {
    const end = query.indexOf(0, 12)
    const labels: string[] = []
    for (let at = 12; at < end; at += query[at]! + 1)
      labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!))
    const record = records[labels.join('.').toLowerCase()]
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(record === undefined ? 0x8183 : 0x8180, 2)
    header.writeUInt16BE(record === undefined ? 0 : 1, 6)
    header.writeUInt32BE(0, 8)
    const parts = [header, query.subarray(12, end + 5)]
    if (record !== undefined) {
      const data =
        typeof record === 'string'
          ? Buffer.from(record.split('.').map(Number))
          : Buffer.concat([
              Buffer.from([0, 1, 0, 1, record[1] >> 8, record[1] & 255]),
              nameOf(record[0]),
            ])
      const type = typeof record === 'string' ? 1 : 33
      parts.push(Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 9, 0, data.length]), data)
    }
    socket.send(Buffer.concat(parts), sender.port, sender.address)
  })
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
  const resolver = new Resolver()
  resolver.setServers([`127.0.0.1:${socket.address().port}`])
  return {
    resolver: {
      addresses: (name: string) => resolver.resolve4(name),
      services: (name: string) => resolver.resolveSrv(name),
    },
    close: () => socket.close(),
  }
}

describe('finding peers by DNS', () => {
  it('takes the addresses of a name and the records of a service', async () => {
    const server = await nameServer({
      'am.example.org': '10.1.2.3',
      '_web._tcp.am.example.org': ['am-0.example.org', 9094],
    })
    const errors: Error[] = []
    const found = await createPeerTransport(server.resolver).discover(
      config({
        static_configs: ['dns+am.example.org:9093'],
        dns_sd_configs: [
          { names: ['_web._tcp.am.example.org', '_web._tcp.gone.example.org'] },
          { names: ['am.example.org'], type: 'A', port: 9095 },
        ],
      }),
      (error) => errors.push(error),
    )
    server.close()
    expect(found).toEqual(['10.1.2.3:9093', '10.1.2.3:9095', 'am-0.example.org:9094'])
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('ENOTFOUND')])
  })
})

async function selfSigned(name: string): Promise<{ certificate: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new x509.BasicConstraintsExtension(true),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
    ],
  })
  const der = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  const key = x509.PemConverter.encode(der, 'PRIVATE KEY')
  return { certificate: certificate.toString('pem'), key }
}

describe('a request to a peer over TLS', () => {
  const file = (name: string): string => join(folder, name)
  let server: Server
  let url: string
  const seen: (string | undefined)[] = []
  beforeAll(async () => {
    for (const name of ['am', 'ruler']) {
      const { certificate, key } = await selfSigned(name)
      writeFileSync(file(`${name}.crt`), certificate)
      writeFileSync(file(`${name}.key`), key)
    }
    const read = (name: string): Buffer => readFileSync(file(name))
    const tls = { cert: read('am.crt'), key: read('am.key'), ca: read('ruler.crt') }
    server = createTlsServer(
      { ...tls, requestCert: true, rejectUnauthorized: false },
      (incoming, response) => {
        const socket = incoming.socket as unknown as {
          getPeerCertificate(): { subject?: { CN: string } }
        }
        seen.push(socket.getPeerCertificate().subject?.CN)
        response.end('fine')
      },
    )
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const send = (tls: Record<string, unknown>) =>
    transport.send({ method: 'GET', url }, config({ scheme: 'https', tls_config: tls }))

  it('checks the certificate against the authority and the name that are configured', async () => {
    const trusted = { ca_file: file('am.crt'), server_name: 'am' }
    expect((await send(trusted)).body.toString()).toBe('fine')
    await expect(send({ server_name: 'am' })).rejects.toThrow('self-signed')
    await expect(send({ ...trusted, server_name: 'other' })).rejects.toThrow('does not match')
    expect((await send({ insecure_skip_verify: true })).status).toBe(200)
  })

  it('shows its own certificate', async () => {
    const own = { cert_file: file('ruler.crt'), key_file: file('ruler.key') }
    await send({ ca_file: file('am.crt'), server_name: 'am', ...own })
    expect(seen.at(-1)).toBe('ruler')
  })
})

describe('a request to a peer', () => {
  let server: Server
  let url: string
  const seen: IncomingMessage[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(request)
      if (request.url === '/silent') return
      response.writeHead(request.url === '/bad' ? 400 : 200).end()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  const send = (path: string, peer: PeerConfig) =>
    transport.send({ method: 'POST', url: url + path, body: '[]' }, peer)

  it('carries the credentials, read from their file at every request', async () => {
    const file = join(folder, 'token')
    const bearer = config({ bearer_token_file: file })
    for (const token of ['first', 'second']) {
      writeFileSync(file, `${token}\n`)
      expect((await send('/', bearer)).status).toBe(200)
      expect(seen.at(-1)!.headers.authorization).toBe(`Bearer ${token}`)
    }
    const basic = config({ basic_auth: { username: 'u', password: 'p:w' } })
    await send('/', basic)
    expect(seen.at(-1)!.headers.authorization).toBe(`Basic ${btoa('u:p:w')}`)
    await send('/', config({}))
    expect(seen.at(-1)!.headers.authorization).toBeUndefined()
  })

  it('tells the status, and gives up on one that is silent', async () => {
    expect((await send('/bad', config({}))).status).toBe(400)
    const impatient = config({ timeout: '50ms' })
    await expect(send('/silent', impatient)).rejects.toThrow()
  })
})
