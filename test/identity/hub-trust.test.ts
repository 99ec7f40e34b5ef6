import { X509Certificate } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  type Authority,
  CertificateCheck,
  type ClusterStanding,
  clustersText,
  HubTrust,
  newAuthority,
  newKeyPair,
  pemOf,
  trustNames,
} from '../../src/identity/index.ts'
import { UserError } from '../../src/model/index.ts'

const nowMs = Date.UTC(2027, 0, 1)
const minuteMs = 60_000

let authority: Authority
let hub: HubTrust
let check: CertificateCheck

const standing = (parts: Partial<ClusterStanding> = {}): ClusterStanding => ({
  cluster: 'west',
  clusterId: 'id-1',
  tenant: '',
  state: 'enrolled',
  reason: '',
  validFromMs: nowMs - minuteMs,
  revokedSerials: [],
  ...parts,
})

function textsOf(clusters: readonly ClusterStanding[], asOfMs = nowMs) {
  return {
    [trustNames.bundle]: pemOf(authority.certificate),
    [trustNames.issuing]: authority.stamp,
    [trustNames.clusters]: clustersText(clusters),
    [trustNames.asOf]: new Date(asOfMs).toISOString(),
  }
}

async function certificateOf(cluster: string): Promise<Uint8Array> {
  const { publicKey } = await newKeyPair()
  const validity = { nowMs, lifetimeMs: 86_400_000 }
  return new X509Certificate(pemOf(await authority.issueForCluster(cluster, publicKey, validity)))
    .raw
}

async function verdict(der: Uint8Array, atMs = nowMs): Promise<string> {
  try {
    const { cluster, clusterId, tenant } = await check.clusterOf(der, atMs)
    return `${cluster} ${clusterId} ${tenant}`
  } catch (error) {
    return error instanceof UserError ? `${error.code}: ${error.message}` : String(error)
  }
}

beforeEach(async () => {
  authority = await newAuthority(nowMs - 86_400_000)
  hub = new HubTrust(10 * minuteMs)
  check = new CertificateCheck([hub])
})

describe('what a hub published', () => {
  it('lets in the clusters that it lists, as it says', async () => {
    hub.update(textsOf([standing({ tenant: 'team-a' })]), nowMs)
    expect(await verdict(await certificateOf('west'))).toBe('west id-1 team-a')
    expect(await verdict(await certificateOf('east'))).toMatch(
      /^forbidden: the cluster east is not enrolled here; accept east on the hub/,
    )
    const revoked = standing({ state: 'revoked', reason: 'the hub does not accept it' })
    hub.update(textsOf([revoked]), nowMs)
    expect(await verdict(await certificateOf('west'))).toMatch(
      /^forbidden: the cluster west was revoked: the hub does not accept it/,
    )
  })

  it('lets nobody in before it was read, or once it is too old, and does not call that revoked', async () => {
    const west = await certificateOf('west')
    expect(await verdict(west)).toMatch(/^unavailable: the hub has not said yet which clusters/)
    hub.update(textsOf([standing()]), nowMs)
    expect(await verdict(west, nowMs + 10 * minuteMs)).toBe('west id-1 ')
    expect(await verdict(west, nowMs + 11 * minuteMs)).toMatch(
      /^unavailable: the hub has not said since 2027-01-01T00:00:00.000Z which clusters may write/,
    )
    hub.update(textsOf([standing()], nowMs + 11 * minuteMs), nowMs + 11 * minuteMs)
    expect(await verdict(west, nowMs + 11 * minuteMs)).toBe('west id-1 ')
  })

  it('is no younger than the moment it was read, whatever it says', async () => {
    hub.update(textsOf([standing()], nowMs + 100 * minuteMs), nowMs)
    expect(await verdict(await certificateOf('west'), nowMs + 11 * minuteMs)).toContain('since')
  })

  it('stays as it was where the next one is broken', async () => {
    const texts = textsOf([standing()])
    hub.update(texts, nowMs)
    for (const broken of [
      { ...texts, [trustNames.bundle]: 'nothing' },
      { ...texts, [trustNames.clusters]: '{"version":1,"clusters":[["west"]]}' },
      { ...texts, [trustNames.clusters]: '{"version":2,"clusters":[]}' },
      { ...texts, [trustNames.clusters]: '{"version":1,' },
      {},
    ])
      expect(() => hub.update(broken, nowMs)).toThrow('of the trust document')
    expect(await verdict(await certificateOf('west'))).toBe('west id-1 ')
  })

  it('speaks for certificates of its own CAs only', async () => {
    hub.update(textsOf([standing()]), nowMs)
    const mine = await certificateOf('west')
    authority = await newAuthority(nowMs)
    const other = new HubTrust(10 * minuteMs)
    other.update(textsOf([standing({ clusterId: 'id-2' })]), nowMs)
    check = new CertificateCheck([hub, other])
    expect(await verdict(mine)).toBe('west id-1 ')
    expect(await verdict(await certificateOf('west'))).toBe('west id-2 ')
    expect([...check.shown().values()]).toEqual([1])
  })

  it('survives being written and read, whatever clusters are called', () => {
    const clusters = [
      standing({ cluster: 'a.b', tenant: 'x', state: 'revoked', reason: 'stolen "key"\n' }),
      standing({ cluster: 'c', clusterId: 'ü,]' }),
    ]
    hub.update(textsOf(clusters), nowMs)
    expect([hub.record('a.b'), hub.record('c')]).toEqual(clusters)
  })
})
