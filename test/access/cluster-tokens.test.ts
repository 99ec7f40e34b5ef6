import { describe, expect, it } from 'vitest'
import {
  addRights,
  bindingsOf,
  hashToken,
  parseAccessFile,
  staticTokenVerifier,
  TokenCallers,
} from '../../src/access/index.ts'

const token = 'crowsnest_of-west'
const file = parseAccessFile(
  'access.yaml',
  `tokens: [{ name: agent, sha256: ${hashToken(token)}, cluster: west, clusterId: id-1 }]
bindings: [{ groups: [all], admin: true }]`,
)

describe('a token bound to a cluster', () => {
  it('is that cluster: its labels, the default tenant, no reading, whatever authorities would grant', async () => {
    const generous = async () => addRights(bindingsOf(file, { name: 'agent', groups: ['all'] }))
    const callers = new TokenCallers([staticTokenVerifier(() => file.tokens)], [generous], {
      cacheMs: 1000,
      entriesMax: 10,
      defaultTenant: 'default-tenant',
    })
    expect(await callers.source({ token })).toEqual({
      name: 'cluster west',
      identity: {
        key: 'cluster:west:id-1',
        tenant: 'default-tenant',
        labels: { cluster: 'west', clusterID: 'id-1' },
      },
      isAdmin: false,
      mayRead: [],
      mayWrite: ['default-tenant'],
      scope: { clusters: new Map() },
    })
  })
})
