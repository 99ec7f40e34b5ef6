// A reflector against the double: what it hands over, and what it survives.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type ApiObject,
  KubeClient,
  type KubeResource,
  type KubeSelection,
  Reflector,
  type ReflectorChange,
  type ReflectorOptions,
} from '../../src/kube/index.ts'
import { ApiServerDouble } from './api-server-double/api-server.ts'
import { failure } from './api-server-double/json-objects.ts'
import { widgetDefinition, widgetGroup } from './transcripts/scenarios.ts'

const widgets: KubeResource = {
  group: widgetGroup,
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
}

/** What a reader of the changes holds. */
class Mirror {
  readonly objects = new Map<string, ApiObject>()
  readonly changes: ReflectorChange[] = []

  take(change: ReflectorChange): void {
    this.changes.push(change)
    for (const object of change.upserts)
      this.objects.set(`${object.metadata.namespace}/${object.metadata.name}`, object)
    for (const key of change.deletes) this.objects.delete(key)
  }

  get sizes(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      [...this.objects]
        .map(([key, { spec }]) => [key, (spec as { size: number } | undefined)?.size] as const)
        .sort(),
    )
  }
}

const quick: Partial<ReflectorOptions> = {
  pageObjectsMax: 3,
  retryDelayMsMin: 10,
  retryDelayMsMax: 50,
  slowRetryDelayMs: 50,
}

describe('Reflector', () => {
  let double: ApiServerDouble
  let mirror: Mirror
  const open: Reflector[] = []

  beforeEach(async () => {
    double = await new ApiServerDouble().start()
    double.define(widgetDefinition)
    mirror = new Mirror()
  })

  afterEach(async () => {
    await Promise.all(open.splice(0).map((reflector) => reflector.close()))
    await double.stop()
  })

  function widget(name: string, size: number, labels: Record<string, string> = {}): void {
    double.put({
      apiVersion: `${widgetGroup}/v1`,
      kind: 'Widget',
      metadata: { namespace: 'n', name, labels, managedFields: [{ manager: 'm' }] },
      spec: { size },
    })
  }

  function remove(name: string): void {
    double.store.remove(`widgets.${widgetGroup}`, `n/${name}`)
  }

  function follow(
    options: Partial<ReflectorOptions> = {},
    selection: KubeSelection = {},
  ): Reflector {
    const client = new KubeClient(double.endpoint())
    const onChange = (change: ReflectorChange): void => mirror.take(change)
    const reflector = new Reflector(
      { client, resource: widgets, selection, onChange },
      { ...quick, ...options },
    )
    open.push(reflector)
    reflector.start()
    return reflector
  }

  const synced = (reflector: Reflector): Promise<void> =>
    vi.waitFor(() => expect(reflector.status().state).toBe('synced'), 3000)

  it('hands over all objects page by page, then what changes, without managedFields', async () => {
    for (let i = 0; i < 8; i++) widget(`w${i}`, i)
    const reflector = follow()
    await synced(reflector)
    expect(Object.keys(mirror.sizes)).toHaveLength(8)
    expect(double.requests.filter((request) => request.includes('limit=3'))).toHaveLength(3)
    expect(mirror.objects.get('n/w1')!.metadata.managedFields).toBeUndefined()
    widget('w1', 100)
    widget('late', 9)
    remove('w2')
    await vi.waitFor(() => expect(mirror.sizes).toMatchObject({ 'n/w1': 100, 'n/late': 9 }))
    expect(mirror.sizes).not.toHaveProperty('n/w2')
  })

  it('watches on from where it was when connections are reset, without listing again', async () => {
    widget('a', 1)
    const reflector = follow()
    await synced(reflector)
    const lists = (): number => double.requests.filter((one) => one.includes('limit=')).length
    const before = lists()
    for (let i = 2; i < 6; i++) {
      double.resetConnections()
      widget('a', i)
      await vi.waitFor(() => expect(mirror.sizes).toEqual({ 'n/a': i }), 3000)
    }
    expect(lists()).toBe(before)
  })

  it('lists again where its resource version has expired, and finds what went meanwhile', async () => {
    widget('a', 1)
    widget('b', 1)
    const reflector = follow()
    await synced(reflector)
    await double.stop()
    remove('b')
    widget('c', 1)
    double.store.compact()
    await double.start()
    await vi.waitFor(() => expect(mirror.sizes).toEqual({ 'n/a': 1, 'n/c': 1 }), 3000)
    const away = mirror.changes.filter(({ unseenSinceMs }) => unseenSinceMs !== undefined)
    expect(away.flatMap(({ deletes }) => deletes)).toEqual(['n/b'])
    // What did not change is not handed over twice.
    const times = mirror.changes.flatMap(({ upserts }) =>
      upserts.map(({ metadata }) => metadata.name),
    )
    expect(times.filter((name) => name === 'a')).toHaveLength(1)
  })

  it('keeps its objects while the server is away, and says that it is failing', async () => {
    widget('a', 1)
    const reflector = follow()
    await synced(reflector)
    await double.stop()
    await vi.waitFor(() => expect(reflector.status().state).toBe('failing'), 3000)
    expect(mirror.sizes).toEqual({ 'n/a': 1 })
    expect(reflector.status().message).not.toBe('')
    await double.start()
    await synced(reflector)
  })

  it('starts a list anew where the token of a page has expired', async () => {
    for (let i = 0; i < 7; i++) widget(`w${i}`, i)
    let pages = 0
    double.refuse = (aim) => {
      if (aim.query.has('continue') && pages++ === 0) {
        widget('between', 1)
        double.store.compact()
      }
      return undefined
    }
    await synced(follow())
    expect(Object.keys(mirror.sizes)).toHaveLength(8)
  })

  it('reports a kind that is absent and finds it when it comes', async () => {
    double.store.remove('customresourcedefinitions.apiextensions.k8s.io', `widgets.${widgetGroup}`)
    const reflector = follow()
    await vi.waitFor(() => expect(reflector.status().state).toBe('absent'), 3000)
    expect(reflector.status().isSettled).toBe(true)
    double.define(widgetDefinition)
    widget('a', 1)
    await vi.waitFor(() => expect(mirror.sizes).toEqual({ 'n/a': 1 }), 3000)
  })

  it('believes that a kind is gone when it is absent twice, not at once', async () => {
    widget('a', 1)
    const reflector = follow()
    await synced(reflector)
    const counts: number[] = []
    let refusals = 0
    double.refuse = () => {
      counts.push(mirror.objects.size)
      refusals++
      return failure(404, 'NotFound', 'the server could not find the requested resource')
    }
    double.resetConnections()
    await vi.waitFor(() => expect(mirror.objects.size).toBe(0), 3000)
    expect(refusals).toBeGreaterThanOrEqual(2)
    expect(counts[1]).toBe(1)
  })

  it('reports a kind that is forbidden, keeps what it had, and goes on when it may', async () => {
    widget('a', 1)
    const reflector = follow()
    await synced(reflector)
    double.refuse = () => failure(403, 'Forbidden', 'widgets is forbidden: User "x" cannot list')
    double.resetConnections()
    await vi.waitFor(() => expect(reflector.status().state).toBe('forbidden'), 3000)
    expect(reflector.status().message).toContain('cannot list')
    widget('a', 2)
    expect(mirror.sizes).toEqual({ 'n/a': 1 })
    double.refuse = () => undefined
    await vi.waitFor(() => expect(mirror.sizes).toEqual({ 'n/a': 2 }), 3000)
  })

  it('waits between tries, with jitter, and longer each time', async () => {
    const triesMs: number[] = []
    double.refuse = () => {
      triesMs.push(performance.now())
      return failure(500, 'InternalError', 'no')
    }
    follow({ retryDelayMsMin: 20, retryDelayMsMax: 80, random: () => 0.5 })
    await vi.waitFor(() => expect(triesMs.length).toBeGreaterThan(4), 3000)
    const gapsMs = triesMs.slice(1).map((timeMs, i) => timeMs - triesMs[i]!)
    for (const [i, leastMs] of [20, 40, 80, 80].entries())
      expect(gapsMs[i]).toBeGreaterThanOrEqual(leastMs - 2)
  })

  it('watches anew where a watch is silent for too long, which is no failure', async () => {
    widget('a', 1)
    const states = new Set<string>()
    const reflector = follow({ silenceMsMax: 60, watchMs: 600_000 })
    await synced(reflector)
    const watches = (): number => double.requests.filter((one) => one.includes('watch=true')).length
    const before = watches()
    await vi.waitFor(() => {
      states.add(reflector.status().state)
      expect(watches()).toBeGreaterThan(before + 2)
    }, 5000)
    expect([...states]).toEqual(['synced'])
    widget('a', 2)
    await vi.waitFor(() => expect(mirror.sizes).toEqual({ 'n/a': 2 }), 3000)
  })

  it('sees an object that leaves the selection as deleted', async () => {
    widget('a', 1, { keep: 'yes' })
    widget('b', 1)
    const reflector = follow({}, { labelSelector: 'keep=yes' })
    await synced(reflector)
    expect(mirror.sizes).toEqual({ 'n/a': 1 })
    widget('a', 2)
    widget('b', 2, { keep: 'yes' })
    await vi.waitFor(() => expect(mirror.sizes).toEqual({ 'n/b': 2 }), 3000)
  })

  it('follows metadata alone under the kind that it is of', async () => {
    widget('a', 1)
    const reflector = follow({}, { metadataOnly: true })
    await synced(reflector)
    widget('b', 1)
    await vi.waitFor(() => expect(mirror.objects.size).toBe(2), 3000)
    for (const object of mirror.objects.values()) {
      expect(object).toMatchObject({ apiVersion: `${widgetGroup}/v1`, kind: 'Widget' })
      expect(object.spec).toBeUndefined()
    }
  })

  it('leaves out what is beyond its bound, and says how many', async () => {
    for (let i = 0; i < 5; i++) widget(`w${i}`, i)
    const reflector = follow({ objectsMax: 4 })
    await vi.waitFor(() => expect(reflector.status().state).toBe('too_many'), 3000)
    expect(mirror.objects.size).toBe(4)
    expect(reflector.status().message).toContain('1 objects beyond')
  })

  it('holds what the server holds after a random course of changes, resets and restarts', async () => {
    const seed = Date.now() % 1_000_000
    let state = seed
    const random = (): number => {
      state = (state * 1103515245 + 12345) % 2 ** 31
      return state / 2 ** 31
    }
    const reflector = follow()
    for (let step = 0; step < 200; step++) {
      const name = `w${Math.floor(random() * 12)}`
      const roll = random()
      if (roll < 0.6) widget(name, step)
      else if (roll < 0.85) remove(name)
      else if (roll < 0.9) double.resetConnections()
      else if (roll < 0.93) double.store.compact()
      else if (roll < 0.95) {
        await double.stop()
        await double.start()
      } else await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const held = double.store.list(`widgets.${widgetGroup}`)
    const expected = Object.fromEntries(
      held.map(([key, { spec }]) => [key, (spec as { size: number }).size]),
    )
    await vi.waitFor(() => expect(mirror.sizes, `seed ${seed}`).toEqual(expected), 5000)
    await synced(reflector)
  })
})
