// The fleet's API of a real process over a directory of manifests: pages, tags, CSV, explanations, and a stream that
// outlives the process.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { until } from './process.ts'

type Json = Record<string, unknown>

const directory = mkdtempSync(join(tmpdir(), 'fleet-api-'))
cpSync(join(import.meta.dirname, '../fleet/fixtures'), directory, { recursive: true })

let gateway: Gateway

const url = (path: string): string => `${gateway.url}/api/v1/fleet/${path}`

async function data(path: string): Promise<Json> {
  const response = await fetch(url(path))
  const body = (await response.json()) as { data: Json }
  expect(response.status, JSON.stringify(body)).toBe(200)
  return body.data
}

// Taints are not what the state of a cluster is read from; its conditions are.
function setAvailable(status: 'True' | 'False'): void {
  const path = join(directory, 'clusters.yaml')
  const documents = readFileSync(path, 'utf8').split('\n---\n')
  const changed = documents.map((text) =>
    /^ {2}name: prod-eu-2$/m.test(text)
      ? text.replace(/(ConditionAvailable, status: )'\w+'/, `$1'${status}'`)
      : text,
  )
  writeFileSync(path, changed.join('\n---\n'))
}

interface Reader {
  readonly status: number
  ids(): number[]
  text(): string
  readonly ended: Promise<void>
  close(): void
}

async function follow(lastEventId?: number): Promise<Reader> {
  const controller = new AbortController()
  const headers: Record<string, string> =
    lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }
  const response = await fetch(url('stream'), { headers, signal: controller.signal })
  let text = ''
  const read = async (): Promise<void> => {
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString()
  }
  return {
    status: response.status,
    ids: () => [...text.matchAll(/^id: (\d+)\ndata: /gm)].map((match) => Number(match[1])),
    text: () => text,
    ended: read().catch(() => undefined),
    close: () => controller.abort(),
  }
}

beforeAll(async () => {
  gateway = await startGateway({ args: ['--fleet.directory', directory] })
  await until('the fleet', async () => (await data('clusters?limit=1')).total === 20)
})

afterAll(async () => {
  await gateway?.stop()
  rmSync(directory, { recursive: true, force: true })
})

describe('a list', () => {
  it('has every entry once over its pages', async () => {
    const names: unknown[] = []
    let path = 'clusters?limit=7&sort=-sinceMs'
    for (;;) {
      const page = await data(path)
      names.push(...(page.items as Json[]).map(({ name }) => name))
      if (page.next === undefined) break
      path = `clusters?limit=7&sort=-sinceMs&cursor=${page.next}`
    }
    expect(names.length).toBe(20)
    expect(new Set(names).size).toBe(20)
  })

  it('answers 304 until something changes', async () => {
    const first = await fetch(url('clusters?name=prod-eu-2'))
    const tag = String(first.headers.get('etag'))
    const ask = () => fetch(url('clusters?name=prod-eu-2'), { headers: { 'if-none-match': tag } })
    expect((await ask()).status).toBe(304)
    setAvailable('False')
    await until('another answer', async () => (await ask()).status === 200)
    setAvailable('True')
    await until('as before', async () => {
      const [cluster] = (await data('clusters?name=prod-eu-2')).items as Json[]
      return cluster!.state === 'available'
    })
  })

  it('is CSV', async () => {
    const response = await fetch(url('policies?format=csv&fields=name,state,counts'))
    const [header] = (await response.text()).split('\r\n')
    expect(header).toContain('name,state,counts.compliant')
  })
})

describe('a Placement that does not exist yet', () => {
  it('is explained with the clusters of the directory', async () => {
    const response = await fetch(url('placements/apps/tried/explain'), {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: 'kind: Placement\nspec: { clusterSets: [prod], numberOfClusters: 2 }\n',
    })
    const { data: explained } = (await response.json()) as { data: Json }
    expect((explained.selected as unknown[]).length).toBe(2)
    expect((explained.clusters as unknown[]).length).toBe(16)
  })
})

describe('the stream', () => {
  it('tells of a change within two seconds', async () => {
    const reader = await follow()
    await until('the beginning', () => reader.text().includes('id: '))
    const startMs = Date.now()
    setAvailable('False')
    await until('the change', () => reader.ids().length > 0, { everyMs: 5 })
    expect(Date.now() - startMs).toBeLessThan(2000)
    expect(reader.text()).toContain('"name":"prod-eu-2"')
    reader.close()
  })

  it('goes on where it was after the process was killed', async () => {
    const [newest] = (await data('events?limit=1')).items as Json[]
    const lastId = Number(newest!.id)
    gateway = await gateway.restart('SIGKILL')
    setAvailable('True')
    const reader = await follow(lastId)
    expect(reader.status).toBe(200)
    await until('what was missed', () => reader.ids().length > 0)
    expect(reader.ids()[0]).toBe(lastId + 1)
    reader.close()
  })

  it('says 410 for what is to come, and does not hold up the end of the process', async () => {
    expect((await fetch(url('stream?lastEventId=99999999'))).status).toBe(410)
    const reader = await follow()
    await until('the beginning', () => reader.text() !== '')
    const startMs = Date.now()
    await gateway.stop()
    await reader.ended
    expect(Date.now() - startMs).toBeLessThan(10_000)
    expect(gateway.process.child.exitCode).toBe(0)
  })
})
