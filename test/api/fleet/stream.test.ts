// The live stream over a real socket.
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type Caller, UserError } from '../../../src/model/index.ts'
import { eventOf, fleetServer, type TestFleet, testFleet } from './fleet-server.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function listen(fleet: TestFleet, options = {}) {
  const app = await fleetServer(fleet.port, options)
  await app.listen({ port: 0, host: '127.0.0.1' })
  closers.push(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { app, url: `http://127.0.0.1:${port}/api/v1/fleet/stream` }
}

// A reader of the stream: what it has got so far, and the end.
async function open(url: string, headers: Record<string, string> = {}) {
  const controller = new AbortController()
  const response = await fetch(url, { headers, signal: controller.signal })
  let text = ''
  const ended = (async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString()
  })().catch(() => undefined)
  const reader = {
    response,
    ended,
    text: () => text,
    ids: () => [...text.matchAll(/^id: (\d+)\ndata: /gm)].map((match) => Number(match[1])),
    async until(predicate: () => boolean) {
      for (let i = 0; i < 200 && !predicate(); i++) await sleep(10)
      expect(predicate(), text).toBe(true)
    },
    close: async () => {
      controller.abort()
      await ended
    },
  }
  closers.unshift(reader.close)
  return reader
}

describe('the stream', () => {
  it('begins now, says where it is, and sends what happens', async () => {
    const fleet = testFleet([eventOf(1), eventOf(2)])
    const reader = await open((await listen(fleet)).url)
    expect(reader.response.headers.get('content-type')).toContain('text/event-stream')
    await reader.until(() => reader.text().includes('id: 2\n\n'))
    fleet.happen(eventOf(3), eventOf(4, { kind: 'policy', cluster: '' }))
    await reader.until(() => reader.ids().length === 2)
    expect(reader.ids()).toEqual([3, 4])
    expect(reader.text()).toContain('"to":"unreachable"')
  })

  it('goes on after the id that the reader names, by header or parameter', async () => {
    const fleet = testFleet([eventOf(1), eventOf(2), eventOf(3)])
    const { url } = await listen(fleet)
    const one = await open(url, { 'last-event-id': '1' })
    const other = await open(`${url}?lastEventId=2`)
    await one.until(() => one.ids().length === 2)
    await other.until(() => other.ids().length === 1)
    expect([one.ids(), other.ids()]).toEqual([[2, 3], [3]])
  })

  it('answers 410 where what is missing is no longer kept, or never was', async () => {
    const fleet = testFleet([eventOf(1), eventOf(2), eventOf(3)])
    const { url } = await listen(fleet)
    fleet.forget(2)
    expect((await open(url, { 'last-event-id': '2' })).response.status).toBe(200)
    for (const id of ['1', '9']) {
      const { status } = await fetch(url, { headers: { 'last-event-id': id } })
      expect(status, id).toBe(410)
    }
    expect((await fetch(url, { headers: { 'last-event-id': 'x' } })).status).toBe(400)
  })

  it('sends what the filter and the scope let through, and moves its id over the rest', async () => {
    const fleet = testFleet([eventOf(1)])
    const scope = { clusters: new Map([['prod-eu-1', 'all' as const]]) }
    const { url } = await listen(fleet, { scope })
    const reader = await open(`${url}?kind=cluster`)
    await reader.until(() => reader.text() !== '')
    fleet.happen(
      eventOf(2, { cluster: 'prod-us-1', name: 'prod-us-1' }),
      eventOf(3),
      eventOf(4, { kind: 'addon', cluster: 'prod-eu-1' }),
    )
    await reader.until(() => reader.text().includes('id: 4'))
    expect(reader.ids()).toEqual([3])
    expect(reader.text()).not.toContain('prod-us-1')
  })

  it('ends with an event that says why when the reader may see less or more, or nothing', async () => {
    const fleet = testFleet([eventOf(1)])
    const all = { scope: { clusters: new Map([['prod-eu-1', 'all' as const]]) } }
    const less = { scope: { clusters: new Map([['prod-eu-1', new Set(['web'])]]) } }
    const refused = new UserError('unauthorized', { what: 'the token has run out' })
    for (const [later, event] of [
      [() => less, 'rights_changed'],
      [() => ({ mayRead: [] }), 'forbidden'],
      [
        () => {
          throw refused
        },
        'unauthorized',
      ],
      [
        () => {
          throw new Error('no answer')
        },
        'unavailable',
      ],
    ] as const) {
      let looks = 0
      const findCaller = (caller: Caller): Caller =>
        looks++ < 3 ? { ...caller, ...all } : { ...caller, ...all, ...later() }
      const reader = await open((await listen(fleet, { rightsMs: 20, findCaller })).url)
      await reader.ended
      // What cannot be found out may pass, once.
      expect(looks).toBe(event === 'unavailable' ? 5 : 4)
      expect(reader.text()).toContain(`event: ${event}\ndata: {"error":"`)
      expect(reader.text()).not.toContain('no answer')
    }
  })

  it('goes on while the rights of the reader stay as they are', async () => {
    const fleet = testFleet([eventOf(1)])
    let looks = 0
    const findCaller = (caller: Caller): Caller => {
      looks++
      return { ...caller, scope: { clusters: new Map([['prod-eu-1', 'all' as const]]) } }
    }
    const reader = await open((await listen(fleet, { rightsMs: 10, findCaller })).url)
    await reader.until(() => looks > 4)
    fleet.happen(eventOf(2))
    await reader.until(() => reader.ids().length === 1)
  })

  it('waits for a fleet that is still being opened', async () => {
    const fleet = testFleet([eventOf(1)])
    let asked = 0
    const opening: typeof fleet.port = {
      ...fleet.port,
      async ask(call) {
        if (asked++ < 3) throw new UserError('unavailable', { what: 'still being opened' })
        return fleet.port.ask(call)
      },
    }
    const reader = await open((await listen({ ...fleet, port: opening })).url)
    expect(reader.response.status).toBe(200)
    expect(asked).toBe(4)
  })

  it('is refused where too many are open, and there is room again when one ends', async () => {
    const { url } = await listen(testFleet([eventOf(1)]), { streamsMax: 1 })
    const reader = await open(url)
    expect((await fetch(url)).status).toBe(429)
    await reader.close()
    await sleep(50)
    expect((await open(url)).response.status).toBe(200)
  })

  it('says that it lives while nothing happens', async () => {
    const { url } = await listen(testFleet([eventOf(1)]), { heartbeatMs: 20 })
    const reader = await open(url)
    await reader.until(() => reader.text().split(': \n\n').length > 3)
    expect(reader.ids()).toEqual([])
  })

  it('lets a reader go that takes nothing for too long', async () => {
    const fleet = testFleet([eventOf(1)])
    const { url } = await listen(fleet, { stalledMsMax: 100 })
    const { hostname, port, pathname } = new URL(url)
    const socket = connect(Number(port), hostname)
    closers.unshift(async () => socket.destroy())
    const closed = once(socket, 'close')
    socket.on('error', () => undefined)
    socket.write(`GET ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`)
    await once(socket, 'readable')
    const message = 'x'.repeat(100_000)
    fleet.happen(...Array.from({ length: 200 }, (_, i) => eventOf(i + 2, { message })))
    await sleep(500)
    socket.resume()
    await closed
  })

  it('ends when the server closes', async () => {
    const { app, url } = await listen(testFleet([eventOf(1)]))
    const reader = await open(url)
    await reader.until(() => reader.text() !== '')
    await app.close()
    await reader.ended
  })

  it('holds no more than a batch for a reader that reads nothing', async () => {
    const fleet = testFleet([eventOf(1)])
    let pulled = 0
    const endless: typeof fleet.port = {
      ...fleet.port,
      async *follow(_options, signal) {
        const message = 'x'.repeat(10_000)
        for (let id = 2; !signal.aborted; id++) {
          pulled++
          yield [eventOf(id, { message })]
        }
      },
    }
    const { url } = await listen({ ...fleet, port: endless })
    const controller = new AbortController()
    closers.unshift(async () => controller.abort())
    const response = await fetch(url, { signal: controller.signal })
    const reader = response.body!.getReader()
    await reader.read()
    await sleep(300)
    const stalled = pulled
    await sleep(300)
    expect(pulled).toBe(stalled)
    expect(pulled).toBeLessThan(2000)
    for (let i = 0; i < 200; i++) await reader.read()
    await sleep(100)
    expect(pulled).toBeGreaterThan(stalled)
  })
})
