import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { bindingsOf } from '../../src/access/access-file.ts'
import { certificateReaders, parseAccessFile } from '../../src/access/index.ts'
import { addRights } from '../../src/access/rights.ts'
import { UserError } from '../../src/model/index.ts'
import { type TestAuthority, testAuthority } from './certificates.ts'

const file = parseAccessFile(
  'access.yaml',
  `bindings:
  - { users: [grafana], read: "*", clusters: "*" }
  - { groups: [x:sre], read: [default-tenant], clusters: [{ name: east }] }`,
)
const dayMs = 86_400_000
let authority: TestAuthority

beforeAll(async () => {
  authority = await testAuthority('readers')
})

function readersOf(
  more: { groupsAttribute?: string; groupsPrefix?: string; now?: () => number } = {},
) {
  const { groupsAttribute = 'O', groupsPrefix = '', now = Date.now } = more
  const options = { authorities: authority.cert, groupsAttribute, groupsPrefix, usernamePrefix: '' }
  return certificateReaders(options, (subject) => addRights(bindingsOf(file, subject)), now)
}

const raw = (pem: string): Uint8Array => new X509Certificate(pem).raw

async function verdict(pem: string, source = readersOf()): Promise<string> {
  try {
    const caller = await source({ certificate: { raw: raw(pem) } })
    return caller === undefined ? 'not its kind' : caller.name
  } catch (error) {
    return error instanceof UserError ? `${error.code}: ${error.message}` : String(error)
  }
}

describe('a reader with a client certificate', () => {
  it('is the user that the common name says, with the rights that bindings give', async () => {
    const { cert } = await authority.issue('OU=acm, CN=grafana')
    const caller = await readersOf()({ certificate: { raw: raw(cert) } })
    expect(caller).toMatchObject({ name: 'grafana', isAdmin: false, mayRead: 'all', scope: 'all' })
    expect(caller?.mayWrite).toEqual([])
    expect(caller?.identity).toEqual({ key: '', labels: {} })
  })

  it('has the groups of its organizations, or of its organizational units', async () => {
    const { cert } = await authority.issue('O=sre, O=dev, OU=acm, CN=alice')
    const byGroup = readersOf({ groupsPrefix: 'x:' })
    const alice = await byGroup({ certificate: { raw: raw(cert) } })
    expect(alice?.scope).toEqual({ clusters: new Map([['east', 'all']]) })
    const byUnit = readersOf({ groupsPrefix: 'x:', groupsAttribute: 'OU' })
    expect((await byUnit({ certificate: { raw: raw(cert) } }))?.mayRead).toEqual([])
    const ofUnit = await authority.issue('O=acm, OU=sre, CN=alice')
    expect((await byUnit({ certificate: { raw: raw(ofUnit.cert) } }))?.mayRead).toEqual([
      'default-tenant',
    ])
  })

  it('cannot put a group into its name, nor a name into a group', async () => {
    const { cert } = await authority.issue('CN="alice,O=sre"')
    const caller = await readersOf({ groupsPrefix: 'x:' })({ certificate: { raw: raw(cert) } })
    expect(caller).toMatchObject({ name: 'alice,O=sre', mayRead: [] })
  })

  it('is refused before and after its time, also once its certificate is known', async () => {
    let nowMs = Date.now()
    const source = readersOf({ now: () => nowMs })
    const notAfterMs = Math.floor(nowMs / 1000 + 3600) * 1000
    const { cert } = await authority.issue('CN=grafana', { notAfterMs })
    expect(await verdict(cert, source)).toBe('grafana')
    nowMs = notAfterMs
    expect(await verdict(cert, source)).toMatch(/^unauthorized: .*expired at/)
    nowMs = Date.now() - 2 * dayMs
    expect(await verdict(cert, source)).toMatch(/^unauthorized: .*holds from/)
  })

  it('does not outlive the CA', async () => {
    const { cert } = await authority.issue('CN=grafana', { notAfterMs: Date.now() + 99 * dayMs })
    const source = readersOf({ now: () => Date.now() + 11 * dayMs })
    expect(await verdict(cert, source)).toMatch(/^unauthorized: .*expired at/)
  })

  it('is refused with a certificate for servers, with one of a CA, and with one that names nobody', async () => {
    const server = await authority.issue('CN=grafana', { usage: 'server' })
    expect(await verdict(server.cert)).toMatch(/^unauthorized: .*not one for clients/)
    const below = await authority.issue('CN=grafana', { isAuthority: true })
    expect(await verdict(below.cert)).toMatch(/^unauthorized: .*not one for clients/)
    expect(await verdict(authority.cert)).toMatch(/^unauthorized: .*not one for clients/)
    const nameless = await authority.issue('O=sre')
    expect(await verdict(nameless.cert)).toMatch(/^unauthorized: .*names nobody/)
    const twice = await authority.issue('CN=grafana, CN=alice')
    expect(await verdict(twice.cert)).toMatch(/^unauthorized: .*names nobody/)
  })

  it('of another CA, also one of the same name, is left to other sources', async () => {
    const other = await testAuthority('readers')
    expect(await verdict((await other.issue('CN=grafana')).cert)).toBe('not its kind')
    expect(await readersOf()({ certificate: { raw: new Uint8Array([1, 2, 3]) } })).toBeUndefined()
    expect(await readersOf()({ token: 'x' })).toBeUndefined()
  })

  it('needs a file that holds CAs', async () => {
    const { cert } = await authority.issue('CN=grafana')
    for (const authorities of ['', 'nonsense', cert]) {
      const options = { authorities, groupsAttribute: 'O', groupsPrefix: '', usernamePrefix: '' }
      const make = () => certificateReaders(options, () => addRights([]))
      expect(make).toThrow(/^access\.clientCertificates\.caFile does not hold/)
    }
  })
})
