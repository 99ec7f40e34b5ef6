// Signing against the API server double: CAs, what gateways are told, and verdicts on requests.
import { X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Controller, type Note, signingDefaults, signingPart } from '../../../src/hub/index.ts'
import { retiredSecret, rotatedSecret } from '../../../src/hub/signing/authority-secret.ts'
import { managedClusters, ourAddons } from '../../../src/hub/signing/kinds.ts'
import { CertificateCheck, HubTrust, subjectNames } from '../../../src/identity/index.ts'
import { type ApiObject, fieldOf, KubeClient, signingStateOf } from '../../../src/kube/index.ts'
import { requestOf } from '../../identity/signing-requests.ts'
import { ApiServerDouble } from '../../kube/api-server-double/api-server.ts'
import { plainDefinition } from '../../kube/plain-definitions.ts'
import { addonOn, managedCluster, signingRequest } from './hub-objects.ts'

const requests = 'certificatesigningrequests.certificates.k8s.io'
const dayMs = 86_400_000

describe('signing on a hub', () => {
  let double: ApiServerDouble
  let open: Controller[] = []
  let laterMs = 0

  beforeEach(async () => {
    laterMs = 0
    double = await new ApiServerDouble().start()
    double.makeNamespace('crowsnest')
    double.define(plainDefinition(managedClusters.resource))
    double.define(plainDefinition(ourAddons.resource))
    put(managedCluster('west', { id: 'id-1' }))
    put(addonOn('west'))
  })
  afterEach(async () => {
    await Promise.all(open.map((controller) => controller.close()))
    open = []
    await double.stop()
  })

  const put = (object: ApiObject) => double.put(object as Parameters<typeof double.put>[0])
  const nowMs = () => Date.now() + laterMs
  const data = (resource: string, name: string): Readonly<Record<string, string>> =>
    (double.store.get(resource, `crowsnest/${name}`)?.data ?? {}) as Record<string, string>
  const trust = () => data('configmaps', 'crowsnest-trust')
  const secret = () => data('secrets', 'crowsnest-ca')
  const requestNamed = (name: string) => double.store.get(requests, name) as unknown as ApiObject
  const stateOf = (name: string) => signingStateOf(requestNamed(name))
  const conditionsOf = (name: string) =>
    fieldOf(requestNamed(name), 'status', 'conditions') as Record<string, string>[]
  const written = () =>
    double.requests.filter((line) => !line.startsWith('GET') && !line.includes('/leases'))

  function run() {
    const notes: Note[] = []
    const problems: string[] = []
    const controller = new Controller(
      new KubeClient(double.endpoint()),
      [signingPart({ ...signingDefaults, namespace: 'crowsnest' })],
      {
        lease: { namespace: 'crowsnest', name: 'hub', identity: `${open.length}` },
        settleMs: 20,
        applier: { retryDelayMsMin: 50 },
        election: { leaseMs: 1000, retryMs: 30 },
        now: nowMs,
      },
      {
        onLeading: () => undefined,
        onNote: (_, note) => notes.push(note),
        onWrite: ({ what, outcome, problem }) => {
          if (outcome === 'failed') problems.push(`${what}: ${problem}`)
        },
      },
    )
    open.push(controller)
    controller.start()
    return { controller, notes, problems }
  }

  async function started() {
    const running = run()
    await vi.waitFor(() => expect(trust().issuing).toBeDefined())
    return { ...running, stamp: trust().issuing! }
  }

  /** Another one takes over when the time has gone on. */
  async function laterBy(delayMs: number) {
    await Promise.all(open.map((controller) => controller.close()))
    laterMs += delayMs
    return run()
  }

  async function checkOf(name: string, atMs = nowMs()): Promise<string> {
    const hub = new HubTrust(600_000)
    hub.update(trust(), nowMs())
    const pem = Buffer.from(String(fieldOf(requestNamed(name), 'status', 'certificate')), 'base64')
    try {
      const found = await new CertificateCheck([hub]).clusterOf(new X509Certificate(pem).raw, atMs)
      return `${found.cluster} ${found.clusterId}`
    } catch (error) {
      return (error as Error).message
    }
  }

  it('makes one CA, keeps its key in one Secret, and publishes the certificate', async () => {
    const { stamp, controller } = await started()
    expect(Object.keys(secret()).sort()).toEqual([
      'authorities.json',
      `ca-${stamp}.crt`,
      `ca-${stamp}.key`,
    ])
    expect(JSON.stringify(trust())).not.toContain('PRIVATE')
    const count = written().length
    for (let round = 0; round < 3; round++) {
      controller.lookAgain()
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    expect(written()).toHaveLength(count)
  })

  it('signs for the agent of a cluster, says why, and a gateway takes the certificate', async () => {
    const { stamp } = await started()
    put(await signingRequest('r', 'west', stamp))
    await vi.waitFor(() => expect(stateOf('r')).toBe('issued'))
    expect(conditionsOf('r')).toMatchObject([
      { type: 'Approved', reason: 'ClusterVerified', message: expect.stringContaining('west') },
    ])
    expect(await checkOf('r')).toBe('west id-1')
    expect(await checkOf('r', nowMs() + 7 * dayMs)).toContain('expired')
    const noted = () =>
      double.store.get('managedclusteraddons.addon.open-cluster-management.io', 'west/crowsnest')
        ?.metadata.annotations
    const text = () => fieldOf(noted(), 'crowsnest.io/certificate')
    await vi.waitFor(() => expect(text()).toMatch(new RegExp(`^${stamp} [0-9a-f]+ 20`)))
  })

  it('denies what it would not sign, fails what others approved, and leaves other signers alone', async () => {
    const { stamp, problems } = await started()
    const names = subjectNames({ cluster: 'east', stamp })
    const other = await requestOf(names)
    put(await signingRequest('stolen', 'west', stamp, { request: other }))
    put(await signingRequest('garbage', 'west', stamp, { request: 'garbage' }))
    put(await signingRequest('alike', 'wes', stamp, { username: 'system:serviceaccount:a:b' }))
    const approved = { type: 'Approved', status: 'True', reason: 'ByHand', message: '' }
    put(await signingRequest('approved', 'west', stamp, { request: other, conditions: [approved] }))
    put(await signingRequest('other', 'west', stamp, { signer: 'example.com/other' }))
    await vi.waitFor(() => {
      const states = ['stolen', 'garbage', 'alike', 'approved'].map(stateOf)
      expect(states).toEqual(['denied', 'denied', 'denied', 'failed'])
    })
    expect(conditionsOf('stolen')[0]).toMatchObject({
      type: 'Denied',
      reason: 'RequestRefused',
      message: expect.stringContaining('the subject is'),
    })
    expect(conditionsOf('approved')).toMatchObject([{ type: 'Approved' }, { type: 'Failed' }])
    expect(requestNamed('other').status).toEqual({})
    expect(problems).toEqual([])
  })

  it('signs what others approved where it would have approved it', async () => {
    const { stamp } = await started()
    const approved = { type: 'Approved', status: 'True', reason: 'ByHand', message: '' }
    put(await signingRequest('r', 'west', stamp, { conditions: [approved] }))
    await vi.waitFor(() => expect(stateOf('r')).toBe('issued'))
    expect(conditionsOf('r')).toHaveLength(1)
  })

  it('waits for a cluster that the hub has only just heard of, and then denies one without addon', async () => {
    const { stamp } = await started()
    put(managedCluster('east'))
    put(await signingRequest('early', 'east', stamp))
    put(await signingRequest('never', 'north', stamp))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(stateOf('early')).toBe('pending')
    put(addonOn('east'))
    await vi.waitFor(() => expect(stateOf('early')).toBe('issued'))
    expect(stateOf('never')).toBe('pending')
    await laterBy(11_000)
    await vi.waitFor(() => expect(stateOf('never')).toBe('denied'))
    expect(conditionsOf('never')[0]?.message).toBe('there is no managed cluster north')
  })

  it('tells gateways at once when a cluster may write no more, and when it may again', async () => {
    const { stamp } = await started()
    put(await signingRequest('r', 'west', stamp))
    await vi.waitFor(() => expect(stateOf('r')).toBe('issued'))
    const says = (text: string) =>
      vi.waitFor(async () => expect(await checkOf('r')).toContain(text), { interval: 30 })
    put(managedCluster('west', { id: 'id-1', accepted: false }))
    await says('the hub does not accept it')
    put(managedCluster('west', { id: 'id-1' }))
    await says('west id-1')
    double.store.remove('managedclusteraddons.addon.open-cluster-management.io', 'west/crowsnest')
    await says('no placement of the addon selects it')
    double.store.remove('managedclusters.cluster.open-cluster-management.io', 'west')
    await says('is not enrolled here')
    // Another cluster under the same name, for which the certificate was not made.
    const creationTimestamp = new Date(nowMs() + 60_000).toISOString()
    put(managedCluster('west', { creationTimestamp }))
    put(addonOn('west'))
    await says('was revoked')
  })

  it('says every while that all this still holds', async () => {
    await started()
    const before = trust()['as-of']!
    await laterBy(21_000)
    await vi.waitFor(() => expect(trust()['as-of']).not.toBe(before))
    expect(Date.parse(trust()['as-of']!) - Date.parse(before)).toBeGreaterThanOrEqual(20_000)
  })

  it('announces a new CA before it issues, and tells how many clusters have certificates of the old one', async () => {
    const { stamp: first } = await started()
    put(await signingRequest('before', 'west', first))
    await vi.waitFor(() => expect(stateOf('before')).toBe('issued'))
    const stored = () =>
      double.store.get('secrets', 'crowsnest/crowsnest-ca') as unknown as ApiObject
    put(await rotatedSecret(stored(), nowMs()))
    const bundled = () => trust()['ca.crt']?.match(/BEGIN CERTIFICATE/g)?.length
    await vi.waitFor(() => expect(bundled()).toBe(2))
    expect(trust().issuing).toBe(first)
    await expect(retiredSecret(stored(), first, nowMs())).rejects.toThrow('is the CA that issues')

    const { notes } = await laterBy(301_000)
    await vi.waitFor(() => expect(trust().issuing).not.toBe(first))
    const second = trust().issuing!
    const progress = () => notes.filter(({ about }) => about === `CA ${first}`).at(-1)?.text
    await vi.waitFor(() =>
      expect(progress()).toBe(
        `clusters with a certificate of it: 1; of ${second}, which issues: 0`,
      ),
    )
    expect(await checkOf('before')).toBe('west id-1')
    put(await signingRequest('late', 'west', first))
    put(await signingRequest('after', 'west', second))
    await vi.waitFor(() =>
      expect([stateOf('late'), stateOf('after')]).toEqual(['denied', 'issued']),
    )
    await vi.waitFor(() => expect(progress()).toContain('with a certificate of it: 0'))

    put(await retiredSecret(stored(), first, nowMs()))
    await vi.waitFor(() => expect(bundled()).toBe(1))
    expect(await checkOf('before')).toContain('CA that is not known')
    expect(await checkOf('after')).toBe('west id-1')
  })

  it('has a new CA made before the one that issues ends', async () => {
    await started()
    await laterBy(4.6 * 365 * dayMs)
    const stamps = () =>
      (
        JSON.parse(Buffer.from(secret()['authorities.json']!, 'base64').toString()) as {
          stamps: string[]
        }
      ).stamps
    await vi.waitFor(() => expect(stamps()).toHaveLength(2))
  })

  it('keeps publishing the CA whose Secret is gone, and makes no other in its place', async () => {
    const { notes, stamp } = await started()
    double.store.remove('secrets', 'crowsnest/crowsnest-ca')
    await vi.waitFor(() => expect(notes.some(({ about }) => about === 'CA')).toBe(true))
    await laterBy(21_000)
    const asOf = () => Date.parse(trust()['as-of']!)
    await vi.waitFor(() => expect(asOf()).toBeGreaterThan(nowMs() - 5000))
    expect(secret()).toEqual({})
    expect(trust().issuing).toBe(stamp)
  })
})
