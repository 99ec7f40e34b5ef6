import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { thanos } from '../../src/encoding/index.ts'
import { UserError } from '../../src/model/index.ts'
import {
  infoService,
  type RpcServer,
  type RulesAsk,
  rulesService,
  startRpcServer,
} from '../../src/rpc/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { freePort } from '../e2e/process.ts'

let server: RpcServer
let client: Client
afterEach(async () => {
  client?.close()
  await server?.close()
})

const log = createLogger('silent')

async function serve(...services: Parameters<typeof startRpcServer>[1]): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`
  server = await startRpcServer(address, services)
  client = new Client(address, credentials.createInsecure())
  return address
}

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

describe('the gRPC server', () => {
  it('hands filters, tenant and credentials on, and streams a message per group', async () => {
    const asked: unknown[] = []
    await serve(
      rulesService(async (caller, ask: RulesAsk) => {
        asked.push(caller, ask)
        return [
          { name: 'a', file: 'f' },
          { name: 'b', limit: 3 },
        ]
      }, log),
    )
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
      { authorization: 'Bearer t', tenant: 'team' },
      { type: 'alert', selectors: ['{a="b"}'], names: ['r'], groups: ['g'], files: ['f'] },
    ])
  })

  it('ends a call that fails with the status of its error, and tells nothing of faults of ours', async () => {
    const errors = [
      new UserError('forbidden', { what: 'not yours' }),
      new UserError('bad_data', { what: 'no selector' }),
      new Error('secret'),
    ]
    await serve(
      rulesService(async () => {
        throw errors.shift()!
      }, log),
    )
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
    await serve(infoService(() => ({ externalLabels: { b: '2', a: '1' }, hasRules: true })))
    const info = await new Promise<thanos.info.InfoResponse>((resolve, reject) => {
      client.makeUnaryRequest(
        '/thanos.info.Info/Info',
        () => Buffer.alloc(0),
        (bytes) => thanos.info.InfoResponse.decode(bytes),
        {},
        (error, value) => (error ? reject(error) : resolve(value!)),
      )
    })
    expect(info.componentType).toBe('rule')
    expect(info.rules).not.toBeNull()
    expect(info.labelSets[0]!.labels!.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('refuses an address that is taken', async () => {
    const address = await serve()
    await expect(startRpcServer(address, [])).rejects.toThrow('cannot serve gRPC on')
  })
})
