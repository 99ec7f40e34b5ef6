import { describe, expect, it } from 'vitest'
import {
  checkRequest,
  type SigningRequest,
  signerName,
  subjectNames,
} from '../../src/identity/index.ts'
import * as x509 from '../../src/identity/x509.ts'
import { requestOf } from './signing-requests.ts'

const stamp = '0123456789abcdef'
const names = subjectNames({ cluster: 'east', stamp })

async function asked(parts: Partial<SigningRequest> = {}): Promise<SigningRequest> {
  return {
    signerName,
    username: 'system:open-cluster-management:east:agent-1',
    groups: ['system:open-cluster-management:east', 'system:authenticated'],
    usages: ['digital signature', 'key encipherment', 'client auth'],
    request: await requestOf(names),
    ...parts,
  }
}

async function verdictOf(parts: Partial<SigningRequest>): Promise<string> {
  const verdict = await checkRequest(await asked(parts), stamp, (cluster) =>
    cluster === 'east' || cluster === 'ea' ? '' : `${cluster} has left`,
  )
  return verdict.granted ? `granted to ${verdict.cluster}` : verdict.reason
}

describe('a signing request', () => {
  it('is granted to the agent of an accepted cluster that carries the addon', async () => {
    expect(await verdictOf({})).toBe('granted to east')
    // Go writes several values of one type as one set.
    const [user, first, second, unit] = names
    const groups = [...Object.values(first!), ...Object.values(second!)].flat() as string[]
    const grouped = [unit!, { O: groups }, user!]
    expect(await verdictOf({ request: await requestOf(grouped) })).toBe('granted to east')
  })

  it('may carry the DNS name of the addon and no other name', async () => {
    const named = (name: x509.JsonGeneralName) =>
      requestOf(names, { extensions: [new x509.SubjectAlternativeNameExtension([name])] })
    const own = { type: 'dns', value: 'crowsnest.addon.open-cluster-management.io' } as const
    expect(await verdictOf({ request: await named(own) })).toBe('granted to east')
    const others = [
      { type: 'dns', value: 'kubernetes.default' },
      { type: 'ip', value: '10.0.0.1' },
      { type: 'email', value: 'root@example.org' },
      { type: 'url', value: 'spiffe://cluster/west' },
    ] as const
    for (const other of others)
      expect(await verdictOf({ request: await named(other) })).toContain(other.value)
    const authority = new x509.BasicConstraintsExtension(true)
    const request = await requestOf(names, { extensions: [authority] })
    expect(await verdictOf({ request })).toContain('2.5.29.19')
  })

  it('is refused to other users, also those whose name begins alike', async () => {
    for (const username of [
      'system:open-cluster-management:eastern:agent-1',
      'system:open-cluster-management:ea:agent-1',
      'system:open-cluster-management:east',
      'system:open-cluster-management:east:',
      'system:open-cluster-management:east:agent:more',
      'system:serviceaccount:east:agent',
      'east',
    ])
      expect(await verdictOf({ username })).not.toContain('granted')
    expect(await verdictOf({ groups: ['system:authenticated'] })).toContain('not in the group')
  })

  it('is refused where the subject is not exactly that of the cluster and the CA', async () => {
    const [user, ...rest] = names
    const subjects: x509.JsonName[] = [
      subjectNames({ cluster: 'west', stamp }),
      subjectNames({ cluster: 'east', stamp: 'fedcba9876543210' }),
      rest,
      [...names, { O: ['system:masters'] }],
      [{ CN: ['admin'] }, ...rest],
      [user!],
    ]
    for (const subject of subjects)
      expect(await verdictOf({ request: await requestOf(subject) })).toContain('the subject is')
  })

  it('is refused for other signers and usages, weak keys and forged or broken requests', async () => {
    expect(await verdictOf({ signerName: 'kubernetes.io/kube-apiserver-client' })).toContain(
      'signer',
    )
    expect(await verdictOf({ usages: ['client auth', 'server auth'] })).toContain('server auth')
    expect(await verdictOf({ usages: ['digital signature'] })).toContain('client auth')
    expect(await verdictOf({ request: 'nonsense' })).toContain('PKCS #10')
    const weak = await requestOf(names, {
      algorithm: {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 1024,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
    })
    expect(await verdictOf({ request: weak })).toContain('1024 bits')
    const der = new Uint8Array(x509.PemConverter.decodeFirst(await requestOf(names)))
    der[der.length - 4]! ^= 1
    const forged = x509.PemConverter.encode(der.buffer, 'CERTIFICATE REQUEST')
    expect(await verdictOf({ request: forged })).toContain('not signed with the key')
  })

  it('is refused to clusters that may have none, which may pass; what it says does not', async () => {
    const names = subjectNames({ cluster: 'north', stamp })
    const username = 'system:open-cluster-management:north:agent-1'
    const groups = ['system:open-cluster-management:north']
    const left = await asked({ username, groups, request: await requestOf(names) })
    const verdict = (asking: SigningRequest) => checkRequest(asking, stamp, () => 'it has left')
    expect(await verdict(left)).toEqual({ granted: false, reason: 'it has left', mayPass: true })
    expect(await verdict({ ...left, usages: [] })).toMatchObject({ granted: false, mayPass: false })
  })
})
