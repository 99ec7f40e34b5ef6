// The controller against the API server double: what is wanted is written once, and only by who leads.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  Controller,
  type Followed,
  type Note,
  type Part,
  type Wanted,
} from '../../src/hub/index.ts'
import { type ApiObject, KubeClient } from '../../src/kube/index.ts'
import { ApiServerDouble } from '../kube/api-server-double/api-server.ts'
import { failure } from '../kube/api-server-double/json-objects.ts'

const configMaps: Followed = {
  resource: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
  selection: { namespace: 'n' },
}
const secrets: Followed = {
  resource: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true },
}

function configMap(name: string, data: Readonly<Record<string, string>>): ApiObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n' }, data }
}

/** A part that wants what the test says, and keeps ConfigMaps so. */
function partOf(plan: (part: { get(key: string): ApiObject | undefined }) => Wanted): Part {
  return {
    name: 'test',
    required: [configMaps],
    plan: (world) => plan({ get: (key) => world.get(configMaps, key) }),
  }
}

function keeping(name: string, data: () => Readonly<Record<string, string>>): Part {
  return partOf(({ get }) => ({
    applies: [
      {
        resource: configMaps.resource,
        object: configMap(name, data()),
        current: get(`n/${name}`),
      },
    ],
  }))
}

describe('the controller of a hub', () => {
  let double: ApiServerDouble
  const open: Controller[] = []

  beforeEach(async () => {
    double = await new ApiServerDouble().start()
    double.makeNamespace('n')
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((controller) => controller.close()))
    await double.stop()
  })

  function run(parts: readonly Part[], identity = 'one') {
    const notes: Note[] = []
    const writes: string[] = []
    const controller = new Controller(
      new KubeClient(double.endpoint()),
      parts,
      {
        lease: { namespace: 'n', name: 'hub', identity },
        settleMs: 20,
        applier: { retryDelayMsMin: 50 },
        election: { leaseMs: 1000, retryMs: 30 },
      },
      {
        onLeading: () => undefined,
        onNote: (_, note) => notes.push(note),
        onWrite: ({ verb, what, outcome }) => writes.push(`${outcome} ${verb} ${what}`),
      },
    )
    open.push(controller)
    controller.start()
    const isPlanned = () => controller.status().parts.every(({ plannedAtMs }) => plannedAtMs)
    const planned = () => vi.waitFor(() => expect(isPlanned()).toBe(true))
    return { controller, notes, writes, planned }
  }

  const stored = (name: string) => double.store.get('configmaps', `n/${name}`)
  const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs))
  /** Writes that reached the server, but for those of the lease. */
  const written = () =>
    double.requests.filter((line) => !line.startsWith('GET') && !line.includes('/leases'))

  it('writes what is wanted, and nothing more however often it looks again', async () => {
    const { controller, writes } = run([keeping('a', () => ({ x: '1' }))])
    await vi.waitFor(() => expect(stored('a')?.data).toEqual({ x: '1' }))
    await pause(100)
    for (let round = 0; round < 3; round++) {
      controller.lookAgain()
      await pause(50)
    }
    expect(written()).toHaveLength(1)
    expect(writes).toEqual(['done apply configmaps n/a'])
  })

  it('writes nothing when it starts on a hub where all is as it should be', async () => {
    const first = run([keeping('a', () => ({ x: '1' }))])
    await vi.waitFor(() => expect(stored('a')).toBeDefined())
    await first.controller.close()
    const count = written().length
    const { planned } = run([keeping('a', () => ({ x: '1' }))], 'two')
    await planned()
    await pause(100)
    expect(written()).toHaveLength(count)
  })

  it('puts back what somebody changed, and takes away what is wanted no more', async () => {
    let data: Readonly<Record<string, string>> = { x: '1', y: '2' }
    const { controller } = run([keeping('a', () => data)])
    await vi.waitFor(() => expect(stored('a')?.data).toEqual({ x: '1', y: '2' }))
    double.put({ ...stored('a')!, data: { x: '9', y: '2' } })
    await vi.waitFor(() => expect(stored('a')?.data).toEqual({ x: '1', y: '2' }))
    data = { x: '1' }
    controller.lookAgain()
    await vi.waitFor(() => expect(stored('a')?.data).toEqual({ x: '1' }))
  })

  it('deletes what should not be there', async () => {
    double.put(configMap('old', {}) as never)
    const part = partOf(({ get }) => {
      const current = get('n/old')
      return current === undefined
        ? {}
        : { deletions: [{ resource: configMaps.resource, current }] }
    })
    run([part])
    await vi.waitFor(() => expect(stored('old')).toBeUndefined())
  })

  it('loses to who was faster, and patches what it then sees', async () => {
    double.put(configMap('a', { x: '1' }) as never)
    let isFirst = true
    const part = partOf(({ get }) => {
      const current = get('n/a')!
      // Somebody writes between the look and the patch.
      if (isFirst) double.put({ ...stored('a')!, data: { x: '1', z: '3' } })
      isFirst = false
      const data = current.data as Readonly<Record<string, string>>
      return {
        patches: [
          {
            resource: configMaps.resource,
            current,
            patch: {
              data: {
                keys: Object.keys(data)
                  .filter((key) => key !== 'keys')
                  .join(),
              },
            },
          },
        ],
      }
    })
    const { writes } = run([part])
    await vi.waitFor(() => expect(stored('a')?.data).toEqual({ x: '1', z: '3', keys: 'x,z' }))
    expect(writes[0]).toBe('conflict patch configmaps n/a')
  })

  it('goes on with the rest while one write fails, and tries that one again later and later', async () => {
    double.refuse = ({ name, method }) =>
      name === 'bad' && method === 'PATCH' ? failure(500, 'InternalError', 'no') : undefined
    const part = partOf(({ get }) => ({
      applies: ['bad', 'good'].map((name) => ({
        resource: configMaps.resource,
        object: configMap(name, {}),
        current: get(`n/${name}`),
      })),
    }))
    const { controller, writes } = run([part])
    await vi.waitFor(() => expect(stored('good')).toBeDefined())
    await vi.waitFor(() => expect(controller.status().parts[0]?.failureCount).toBe(1))
    await pause(400)
    const tries = writes.filter((line) => line === 'failed apply configmaps n/bad').length
    expect(tries).toBeGreaterThanOrEqual(2)
    expect(tries).toBeLessThanOrEqual(5)
    double.refuse = () => undefined
    await vi.waitFor(() => expect(stored('bad')).toBeDefined(), 2000)
    await vi.waitFor(() => expect(controller.status().parts[0]?.failureCount).toBe(0))
  })

  it('plans nothing for a part whose kind is forbidden, says so, and holds no other part up', async () => {
    double.refuse = ({ kind }) =>
      kind.plural === 'secrets' ? failure(403, 'Forbidden', 'not yours') : undefined
    let planCount = 0
    const blind: Part = {
      name: 'blind',
      required: [secrets],
      plan: () => {
        planCount++
        return {}
      },
    }
    const { controller, notes } = run([blind, keeping('a', () => ({}))])
    await vi.waitFor(() => expect(stored('a')).toBeDefined())
    await vi.waitFor(() => expect(notes.at(-1)?.text).toMatch(/secrets\/v1 is forbidden/))
    expect(planCount).toBe(0)
    expect(controller.status().parts[0]!.waitsFor).toMatch(/forbidden/)
  })

  it('takes a plan that throws for a note, and writes nothing', async () => {
    const part = partOf(() => {
      throw new Error('cannot be')
    })
    const { notes } = run([part])
    await vi.waitFor(() => expect(notes.map(({ text }) => text)).toEqual(['cannot be']))
    expect(written()).toEqual([])
  })

  it('tells a note when it begins, and not again while it lasts', async () => {
    let text = 'one'
    const part = partOf(() => ({ notes: [{ level: 'warn', about: 'x', text }] }))
    const { controller, notes, planned } = run([part])
    await planned()
    controller.lookAgain()
    await pause(60)
    text = 'two'
    controller.lookAgain()
    await vi.waitFor(() => expect(notes.map((note) => note.text)).toEqual(['one', 'two']))
  })

  it('looks again when the part asked for it, though nothing changed', async () => {
    let planCount = 0
    const part = partOf(() => {
      planCount++
      return { lookAgainInMs: 30 }
    })
    run([part])
    await vi.waitFor(() => expect(planCount).toBeGreaterThan(3))
  })

  it('writes only while it leads, and hands over when it ends', async () => {
    const first = run([keeping('a', () => ({ by: 'one' }))])
    await vi.waitFor(() => expect(stored('a')?.data).toEqual({ by: 'one' }))
    const second = run([keeping('a', () => ({ by: 'two' }))], 'two')
    await pause(150)
    expect(stored('a')?.data).toEqual({ by: 'one' })
    expect(second.controller.status()).toMatchObject({ isLeading: false, leader: 'one' })
    await first.controller.close()
    await vi.waitFor(() => expect(stored('a')?.data).toEqual({ by: 'two' }))
  })
})
