import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import { type ChannelCredentials, Client, credentials, Metadata, status } from '@grpc/grpc-js'
import pino from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { anonymousCaller } from '../../src/access/index.ts'
import { thanos } from '../../src/encoding/index.ts'
import { UserError } from '../../src/model/index.ts'
import {
  infoService,
  type RpcCredentials,
  type RpcGate,
  type RpcServer,
  type RulesAsk,
  rulesService,
  startRpcServer,
} from '../../src/rpc/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { testAuthority } from '../access/certificates.ts'
import { freePort } from '../e2e/process.ts'

let server: RpcServer
let client: Client
afterEach(async () => {
  client?.close()
  await server?.close()
})

const log = createLogger('silent')

const caller = { ...anonymousCaller(), name: 'somebody' }
const openGate: RpcGate = { callerOf: async () => caller, log, audit: undefined }

async function serve(
  services: Parameters<typeof startRpcServer>[1],
  gate = openGate,
  tls?: { cert: string; key: string },
): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`
  server = await startRpcServer(address, services, { gate, tls })
  if (tls === undefined) connectClient(address, credentials.createInsecure())
  return address
}

function connectClient(address: string, by: ChannelCredentials): void {
  client?.close()
  // The library's client takes no address for the name of a server.
  client = new Client(address, by, { 'grpc.ssl_target_name_override': 'localhost' })
}

const noRules = () => rulesService(async () => [], log)

function askRules(request: thanos.IRulesRequest, metadata = new Metadata()) {
  return new Promise<thanos.RulesResponse[]>((resolve, reject) => {
    const found: thanos.RulesResponse[] = []
    const call = client.makeServerStreamRequest(
      '/thanos.Rules/Rules',
      (value: thanos.IRulesRequest) => Buffer.from(thanos.RulesRequest.encode(value).finish()),
      (bytes) => thanos.RulesResponse.decode(bytes),
      request,
      metadata,
    )
    call.on('data', (one: thanos.RulesResponse) => found.push(one))
    call.on('error', reject)
    call.on('end', () => resolve(found))
  })
}

function askInfo() {
  return new Promise<thanos.info.InfoResponse>((resolve, reject) => {
    client.makeUnaryRequest(
      '/thanos.info.Info/Info',
      () => Buffer.alloc(0),
      (bytes) => thanos.info.InfoResponse.decode(bytes),
      {},
      (error, value) => (error ? reject(error) : resolve(value!)),
    )
  })
}

const forServers = { usage: 'server' } as const

describe('the gRPC server', () => {
  it('hands filters, tenant and credentials on, and streams a message per group', async () => {
    const asked: unknown[] = []
    const credentialsSeen: RpcCredentials[] = []
    const gate: RpcGate = {
      ...openGate,
      async callerOf(seen) {
        credentialsSeen.push(seen)
        return caller
      },
    }
    const rules = rulesService(async (asker, ask: RulesAsk) => {
      asked.push(asker, ask)
      return [
        { name: 'a', file: 'f' },
        { name: 'b', limit: 3 },
      ]
    }, log)
    await serve([rules], gate)
    const metadata = new Metadata()
    metadata.set('thanos-tenant', 'team')
    metadata.set('authorization', 'Bearer t')
    const answer = await askRules(
      {
        type: thanos.RulesType.ALERT,
        matcherString: ['{a="b"}'],
        ruleName: ['r'],
        ruleGroup: ['g'],
        file: ['f'],
      },
      metadata,
    )
    expect(answer.map(({ group }) => group?.name)).toEqual(['a', 'b'])
    expect(asked).toEqual([
      { caller, tenant: 'team' },
      { type: 'alert', selectors: ['{a="b"}'], names: ['r'], groups: ['g'], files: ['f'] },
    ])
    expect(credentialsSeen).toEqual([{ authorization: 'Bearer t', certificate: undefined }])
  })

  it('ends a call that fails with the status of its error, and tells nothing of faults of ours', async () => {
    const errors = [
      new UserError('forbidden', { what: 'not yours' }),
      new UserError('bad_data', { what: 'no selector' }),
      new Error('secret'),
    ]
    const failing = rulesService(async () => {
      throw errors.shift()!
    }, log)
    await serve([failing])
    await expect(askRules({})).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining('not yours'),
    })
    await expect(askRules({})).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
    await expect(askRules({})).rejects.toMatchObject({
      code: status.INTERNAL,
      details: 'internal error, see the log',
    })
  })

  it('says what it offers', async () => {
    await serve([infoService(() => ({ externalLabels: { b: '2', a: '1' }, hasRules: true }))])
    const info = await askInfo()
    expect(info.componentType).toBe('rule')
    expect(info.rules).not.toBeNull()
    expect(info.labelSets[0]!.labels!.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('refuses an address that is taken', async () => {
    const address = await serve([])
    const again = startRpcServer(address, [], { gate: openGate })
    await expect(again).rejects.toThrow('cannot serve gRPC on')
  })
})

describe('the gate', () => {
  it('refuses every method, known ones and ones that come later, before their handlers run', async () => {
    let isRun = false
    const rules = rulesService(async () => {
      isRun = true
      return []
    }, log)
    const info = infoService(() => {
      isRun = true
      return { externalLabels: {}, hasRules: true }
    })
    const refusals = ['unauthorized', 'forbidden'] as const
    let refused = 0
    const gate: RpcGate = {
      ...openGate,
      async callerOf() {
        throw new UserError(refusals[refused++ % 2]!, { what: 'not you' })
      },
    }
    await serve([rules, info], gate)
    await expect(askRules({})).rejects.toMatchObject({ code: status.UNAUTHENTICATED })
    await expect(askRules({})).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
      details: 'not you',
    })
    await expect(askInfo()).rejects.toMatchObject({ code: status.UNAUTHENTICATED })
    expect(isRun).toBe(false)
  })

  it('takes no message that is larger than requests are', async () => {
    await serve([noRules()])
    const matcherString = ['x'.repeat(5 << 20)]
    await expect(askRules({ matcherString })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    })
  })

  it('notes who asked what, from where, with which outcome, and no secret', async () => {
    const lines: string[] = []
    const audit = pino({ base: undefined }, { write: (line) => void lines.push(line) })
    const gate: RpcGate = {
      ...openGate,
      audit,
      async callerOf({ authorization }) {
        if (authorization === 'Bearer right') return caller
        throw new UserError('unauthorized', { what: 'no' })
      },
    }
    await serve([noRules()], gate)
    const metadata = new Metadata()
    metadata.set('authorization', 'Bearer right')
    await askRules({}, metadata)
    metadata.set('authorization', 'Bearer wrong')
    await expect(askRules({}, metadata)).rejects.toThrow()
    const noted = lines.map((line) => JSON.parse(line))
    const method = '/thanos.Rules/Rules'
    expect(noted[0]).toMatchObject({ who: 'somebody', method, status: 0 })
    expect(noted[0].from).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(noted[1]).toMatchObject({ who: '', method, status: status.UNAUTHENTICATED })
    expect(noted).toHaveLength(2)
    expect(lines.join('')).not.toMatch(/right|wrong/)
  })
})

describe('gRPC over TLS', () => {
  it('hands on the certificate of a client, whoever issued it, and none where there is none', async () => {
    const authority = await testAuthority('servers')
    const readers = await testAuthority('readers')
    const alice = await readers.issue('CN=alice')
    const seen: (Uint8Array | undefined)[] = []
    const gate: RpcGate = {
      ...openGate,
      async callerOf({ certificate }) {
        seen.push(certificate)
        return caller
      },
    }
    const address = await serve([noRules()], gate, await authority.issue('CN=s', forServers))
    const roots = Buffer.from(authority.cert)
    const pair = [Buffer.from(alice.key), Buffer.from(alice.cert)] as const
    connectClient(address, credentials.createSsl(roots, ...pair))
    await askRules({})
    connectClient(address, credentials.createSsl(roots))
    await askRules({})
    expect(Buffer.from(seen[0]!)).toEqual(new X509Certificate(alice.cert).raw)
    expect(seen[1]).toBeUndefined()
  })

  it('speaks TLS 1.2 and newer, HTTP/2 only, and nothing in plain', async () => {
    const authority = await testAuthority('servers')
    const address = await serve([noRules()], openGate, await authority.issue('CN=s', forServers))
    const port = Number(address.split(':')[1])
    const attempt = async (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', protocol = 'h2') => {
      const options = { minVersion: 'TLSv1' as const, maxVersion, ALPNProtocols: [protocol] }
      const ciphers = 'DEFAULT@SECLEVEL=0'
      const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ciphers, ...options })
      return new Promise<string>((resolve) => {
        socket.once('secureConnect', () => resolve(socket.getProtocol() ?? ''))
        socket.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? ''))
      }).finally(() => socket.destroy())
    }
    expect(await attempt('TLSv1.2')).toBe('TLSv1.2')
    expect(await attempt('TLSv1.3')).toBe('TLSv1.3')
    expect(await attempt('TLSv1.1')).toMatch(/^(ERR_SSL|ECONNRESET)/)
    expect(await attempt('TLSv1.3', 'http/1.1')).toMatch(/^(ERR_SSL|ECONNRESET)/)
    const plain = connectPlain({ port, host: '127.0.0.1' })
    plain.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    await once(plain.resume(), 'close')
  })

  it('shows a new certificate to new connections, and lets the old ones go on', async () => {
    const before = await testAuthority('before')
    const after = await testAuthority('after')
    const address = await serve([noRules()], openGate, await before.issue('CN=s', forServers))
    connectClient(address, credentials.createSsl(Buffer.from(before.cert)))
    await askRules({})
    server.tlsServer!.setSecureContext({ ...(await after.issue('CN=s', forServers)) })
    await askRules({})
    connectClient(address, credentials.createSsl(Buffer.from(after.cert)))
    await askRules({})
    connectClient(address, credentials.createSsl(Buffer.from(before.cert)))
    await expect(askRules({})).rejects.toMatchObject({ code: status.UNAVAILABLE })
  })
})
