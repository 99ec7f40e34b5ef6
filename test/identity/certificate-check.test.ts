import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  Authority,
  CertificateCheck,
  IdentityStore,
  issueFor,
  issueIdentity,
  keyOfRequest,
  newKeyPair,
} from '../../src/identity/index.ts'
import { UserError } from '../../src/model/index.ts'
import { requestOf } from './signing-requests.ts'

const dayMs = 86_400_000
const nowMs = Date.UTC(2027, 0, 1)
const validity = { nowMs, lifetimeMs: dayMs }

let folder: string
let store: IdentityStore
let check: CertificateCheck

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'identity-'))
  store = await IdentityStore.open(folder, nowMs - dayMs)
  check = new CertificateCheck([store])
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const derOf = (pem: string): Uint8Array => new X509Certificate(pem).raw

async function verdict(pem: string, atMs = nowMs + 1000): Promise<string> {
  try {
    const { cluster } = await check.clusterOf(derOf(pem), atMs)
    return cluster
  } catch (error) {
    return error instanceof UserError ? `${error.code}: ${error.message}` : String(error)
  }
}

async function enrolled(cluster: string, atMs = nowMs): Promise<string> {
  await store.enroll(cluster, {}, atMs)
  return (await issueIdentity(store, cluster, { ...validity, nowMs: atMs })).certificate
}

describe('the certificate of a cluster', () => {
  it('is one that other implementations verify, for clients, with the cluster in its subject', async () => {
    const certificate = new X509Certificate(await enrolled('east'))
    const authority = new X509Certificate(store.bundle())
    expect(certificate.checkIssued(authority)).toBe(true)
    expect(certificate.verify(authority.publicKey)).toBe(true)
    expect(certificate.subject).toContain('cluster:east:addon:crowsnest:agent:crowsnest-agent')
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(certificate.ca).toBe(false)
  })

  it('names the cluster, its ID and its tenant', async () => {
    await store.enroll('east', { clusterId: 'id-1', tenant: 'team-a' }, nowMs)
    const { certificate } = await issueIdentity(store, 'east', validity)
    expect(await check.clusterOf(derOf(certificate), nowMs)).toMatchObject({
      cluster: 'east',
      clusterId: 'id-1',
      tenant: 'team-a',
    })
  })

  it('holds from its first to its last moment', async () => {
    const pem = await enrolled('east')
    expect(await verdict(pem, nowMs + dayMs - 1000)).toBe('east')
    expect(await verdict(pem, nowMs + dayMs)).toMatch(/^unauthorized: .*expired at 2027-01-02/)
    expect(await verdict(pem, nowMs - 6 * 60_000)).toMatch(/^unauthorized: .*holds from/)
  })

  it('does not hold from another CA, also one of the same name', async () => {
    await store.enroll('east', {}, nowMs)
    const other = await Authority.create('crowsnest 2026-12-31', validity)
    const { publicKey } = await newKeyPair()
    const pem = (await other.issueForCluster('east', publicKey, validity)).toString('pem')
    expect(await verdict(pem)).toMatch(/^unauthorized: .*CA that is not known/)
    const server = await store.active.issueForServer(
      [{ type: 'dns', value: 'gateway' }],
      publicKey,
      validity,
    )
    expect(await verdict(server.toString('pem'))).toMatch(/^unauthorized: .*not a cluster's/)
    expect(await verdict(store.bundle())).toMatch(/^unauthorized/)
  })

  it('is refused once its cluster is revoked, and stays so when the cluster is enrolled again', async () => {
    const before = await enrolled('east')
    await store.revoke('east', 'removed from the fleet')
    expect(await verdict(before)).toMatch(/^forbidden: .*east was revoked: removed from the fleet/)
    const after = await enrolled('east', nowMs + 2000)
    expect(await verdict(after, nowMs + 3000)).toBe('east')
    expect(await verdict(before, nowMs + 3000)).toMatch(/^unauthorized: .*was revoked/)
  })

  it('can be refused alone, by its serial', async () => {
    const lost = await enrolled('east')
    const kept = (await issueIdentity(store, 'east', validity)).certificate
    await store.revokeSerial('east', new X509Certificate(lost).serialNumber)
    expect(await verdict(lost)).toMatch(/^unauthorized: .*was revoked/)
    expect(await verdict(kept)).toBe('east')
  })

  it('is unknown where its cluster never enrolled', async () => {
    const { publicKey } = await newKeyPair()
    const stray = await store.active.issueForCluster('north', publicKey, validity)
    expect(await verdict(stray.toString('pem'))).toMatch(/^forbidden: .*north is not enrolled/)
  })

  it('can be made for a key that never left the cluster', async () => {
    await store.enroll('east', {}, nowMs)
    const key = await keyOfRequest(await requestOf([{ CN: ['anything'] }]))
    expect(await verdict(await issueFor(store, 'east', key, validity))).toBe('east')
    await expect(keyOfRequest('nonsense')).rejects.toMatchObject({ code: 'bad_data' })
  })
})

describe('a rotation of the CA', () => {
  it('trusts both until the old one is retired, and shows which clusters have which', async () => {
    const first = store.active.stamp
    const old = await enrolled('east')
    const second = await store.rotate(nowMs)
    const fresh = await enrolled('west')
    expect([await verdict(old), await verdict(fresh)]).toEqual(['east', 'west'])
    expect(store.bundle().match(/BEGIN/g)).toHaveLength(2)
    expect(store.records().map(({ cluster, issued }) => [cluster, issued?.stamp])).toEqual([
      ['east', first],
      ['west', second],
    ])
    await expect(store.retire(second)).rejects.toMatchObject({ code: 'bad_data' })
    await store.retire(first)
    expect(await verdict(old)).toMatch(/^unauthorized: .*no longer trusted/)
    expect(await verdict(fresh)).toBe('west')
  })
})

describe('the folder of identities', () => {
  it('is the same after a restart, and seen by another process', async () => {
    const pem = await enrolled('east')
    const other = await IdentityStore.open(folder, nowMs)
    expect(other.active.stamp).toBe(store.active.stamp)
    await other.revoke('east', 'lost')
    expect(await verdict(pem)).toBe('east')
    expect(await store.refresh()).toBe(true)
    expect(await store.refresh()).toBe(false)
    expect(await verdict(pem)).toMatch(/revoked: lost/)
  })

  it('keeps keys to its owner, and does not start where others can read one', async () => {
    const key = readdirSync(folder).find((name) => name.endsWith('.key'))!
    expect(statSync(join(folder, key)).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(folder, key), 'utf8')).toContain('BEGIN PRIVATE KEY')
    chmodSync(join(folder, key), 0o640)
    await expect(IdentityStore.open(folder, nowMs)).rejects.toMatchObject({ code: 'bad_config' })
  })

  it('refuses names that are no cluster, and clusters that it does not know', async () => {
    for (const name of ['../x', 'A', '', 'a:b', '-a'])
      await expect(store.enroll(name, {}, nowMs)).rejects.toMatchObject({ code: 'bad_data' })
    await expect(store.revoke('north', '')).rejects.toMatchObject({ code: 'not_found' })
  })
})
