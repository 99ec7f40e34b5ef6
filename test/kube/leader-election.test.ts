// Leader election by a Lease, against the double.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KubeClient, LeaderElection, leases } from '../../src/kube/index.ts'
import { ApiServerDouble } from './api-server-double/api-server.ts'
import { failure } from './api-server-double/json-objects.ts'

const rhythm = { leaseMs: 1000, renewDeadlineMs: 300, retryMs: 30 }

describe('LeaderElection', () => {
  let double: ApiServerDouble
  const open: LeaderElection[] = []

  beforeEach(async () => {
    double = await new ApiServerDouble().start()
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((election) => election.close()))
    await double.stop()
  })

  function stand(identity: string): {
    election: LeaderElection
    terms: AbortSignal[]
    seen: string[]
  } {
    const terms: AbortSignal[] = []
    const seen: string[] = []
    const election = new LeaderElection(
      new KubeClient(double.endpoint()),
      { namespace: 'kube-system', name: 'hub', identity, ...rhythm },
      {
        onStarted: (signal) => terms.push(signal),
        onObserved: (holder, problem) => seen.push(holder || problem),
      },
    )
    open.push(election)
    election.start()
    return { election, terms, seen }
  }

  it('lets one of two lead, and tells the other who does', async () => {
    const [one, two] = [stand('one'), stand('two')]
    await vi.waitFor(() => expect(one.terms.length + two.terms.length).toBe(1))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(one.election.isLeading !== two.election.isLeading).toBe(true)
    const loser = one.election.isLeading ? two : one
    expect(loser.seen.at(-1)).toBe(one.election.isLeading ? 'one' : 'two')
  })

  it('hands over at once when the leader goes in order', async () => {
    const one = stand('one')
    await vi.waitFor(() => expect(one.election.isLeading).toBe(true))
    const two = stand('two')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await one.election.close()
    expect(one.terms[0]!.aborted).toBe(true)
    await vi.waitFor(() => expect(two.election.isLeading).toBe(true), 500)
  })

  it('stops leading before its lease runs out, when it cannot renew', async () => {
    const one = stand('one')
    await vi.waitFor(() => expect(one.election.isLeading).toBe(true))
    double.refuse = (aim) =>
      aim.kind.plural === 'leases' ? failure(500, 'InternalError', 'no etcd') : undefined
    await vi.waitFor(() => expect(one.election.isLeading).toBe(false), 900)
    expect(one.terms[0]!.aborted).toBe(true)
    expect(one.seen.at(-1)).toContain('no etcd')
    double.refuse = () => undefined
    await vi.waitFor(() => expect(one.terms).toHaveLength(2))
  })

  it('takes a lease that was not renewed for its whole duration, whatever its clock says', async () => {
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'kube-system', name: 'hub' },
      spec: {
        holderIdentity: 'dead',
        leaseDurationSeconds: 1,
        // The dead one's clock ran far ahead.
        renewTime: '2099-01-01T00:00:00.000000Z',
        leaseTransitions: 3,
      },
    }
    double.put(lease)
    const startedMs = performance.now()
    const one = stand('one')
    await vi.waitFor(() => expect(one.election.isLeading).toBe(true), 3000)
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1000)
    const taken = await new KubeClient(double.endpoint()).get(leases, lease.metadata)
    expect(taken!.spec).toMatchObject({ holderIdentity: 'one', leaseTransitions: 4 })
  })
})
