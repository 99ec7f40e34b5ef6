import { describe, expect, it } from 'vitest'
import { addRights, bindingsOf, parseAccessFile } from '../../src/access/index.ts'
import { UserError } from '../../src/model/index.ts'

const text = `
tokens:
  - name: grafana
    sha256: ${'a'.repeat(64)}
    groups: [viewers]
  - name: cron
    sha256: ${'b'.repeat(64)}
    expires: 2027-01-01T00:00:00Z
bindings:
  - groups: [viewers]
    read: [default-tenant]
    clusters:
      - name: east
      - { name: west, namespaces: [shop] }
  - users: [grafana]
    read: [team-a]
    clusters:
      - { name: west, namespaces: [pay] }
      - { name: east, namespaces: [pay] }
  - users: [root]
    admin: true
`

function rightsOf(name: string, groups: readonly string[] = []) {
  return addRights(bindingsOf(parseAccessFile('access.yaml', text), { name, groups }))
}

function faultOf(content: string): string {
  try {
    parseAccessFile('access.yaml', content)
  } catch (error) {
    return error instanceof UserError ? `${error.code}: ${error.message}` : String(error)
  }
  return ''
}

describe('an access file', () => {
  it('adds up the rights of user and groups', () => {
    expect(rightsOf('grafana', ['viewers'])).toEqual({
      isAdmin: false,
      mayRead: ['default-tenant', 'team-a'],
      mayWrite: [],
      scope: {
        clusters: new Map<string, unknown>([
          ['east', 'all'],
          ['west', new Set(['shop', 'pay'])],
        ]),
      },
    })
  })

  it('gives admins everything, and strangers nothing', () => {
    expect(rightsOf('root')).toEqual({ isAdmin: true, mayRead: 'all', mayWrite: [], scope: 'all' })
    expect(rightsOf('nobody')).toEqual({
      isAdmin: false,
      mayRead: [],
      mayWrite: [],
      scope: { clusters: new Map() },
    })
  })

  it('does not take a group for a user of the same name', () => {
    expect(rightsOf('viewers').mayRead).toEqual([])
    expect(rightsOf('x', ['root']).isAdmin).toBe(false)
  })

  it('keeps the hash of a token, who it is and when it ends', () => {
    expect(parseAccessFile('access.yaml', text).tokens).toEqual([
      { name: 'grafana', sha256: 'a'.repeat(64), groups: ['viewers'], expiresMs: Infinity },
      { name: 'cron', sha256: 'b'.repeat(64), groups: [], expiresMs: 1_798_761_600_000 },
    ])
  })

  it('binds a token to a cluster, which then has no other right', () => {
    const bound = (more: string, bindings = '') =>
      `tokens: [{ name: agent, sha256: ${'c'.repeat(64)}, ${more} }]\n${bindings}`
    const file = parseAccessFile('access.yaml', bound('cluster: west, tenant: team-a'))
    expect(file.tokens[0]?.cluster).toEqual({
      cluster: 'west',
      clusterId: 'west',
      tenant: 'team-a',
    })
    expect(faultOf(bound('cluster: west', 'bindings: [{ users: [agent], admin: true }]'))).toMatch(
      'tokens.0: is bound to a cluster, and so takes no rights of bindings; bindings name agent',
    )
    expect(faultOf(bound('cluster: west, groups: [oncall]'))).toMatch('in no group')
    expect(faultOf(bound('cluster: west, tenant: ".."'))).toMatch('tokens.0: tenant ".."')
    expect(faultOf(bound('tenant: team-a'))).toMatch('name it as well')
  })

  it('says where it is wrong', () => {
    expect(faultOf('tokens: [{ name: a, sha256: secret }]')).toMatch(
      /^bad_config: tokens\.0\.sha256: .*access\.yaml/,
    )
    expect(faultOf('bindings: [{ read: "*", clusters: "*" }]')).toMatch(
      'bindings.0: names neither users nor groups',
    )
    expect(faultOf('bindings: [{ users: [a], read: "*" }]')).toMatch(
      'reads tenants but no clusters',
    )
    expect(faultOf('roles: []')).toMatch('bad_config')
    expect(faultOf('tokens: [')).toMatch('bad_config')
    const twice = `{ name: a, sha256: ${'a'.repeat(64)} }`
    expect(faultOf(`tokens: [${twice}, ${twice}]`)).toMatch('same sha256')
    expect(faultOf(`tokens: [{ name: a, sha256: ${'a'.repeat(64)}, expires: soon }]`)).toMatch(
      '"soon" is no time',
    )
  })
})
