// The API's document: OpenAPI 3.1 in structure, and every route of the server is in it.
import { describe, expect, it } from 'vitest'
import { fleetLists } from '../../src/fleet/index.ts'
import { createHttp, type HttpParts } from '../../src/roles/http.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'

type Json = Record<string, unknown>

// Doors are asked by requests only; the document asks none.
const app = await createHttp({
  log: createLogger('silent'),
  metrics: new Metrics(),
  host: '127.0.0.1',
  findCaller: () => ({
    name: '',
    identity: { key: '', labels: {} },
    mayWrite: 'all',
    mayRead: 'all',
    scope: 'all',
  }),
  admin: { enabled: true },
  rules: { rulerAnswer: async () => undefined },
} as unknown as HttpParts)
const answer = await app.inject({
  url: '/api/v1/openapi.json',
  headers: { host: 'localhost' },
})
const document = answer.json() as Json
const paths = document.paths as Record<string, Record<string, Json>>
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)

describe('the document of the API', () => {
  it('is OpenAPI 3.1 with a title, a version and tags', () => {
    expect(answer.headers['content-type']).toContain('application/json')
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toMatchObject({
      title: 'Crowsnest',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    })
    const tags = new Set((document.tags as { name: string }[]).map(({ name }) => name))
    for (const { path, operation } of operations)
      for (const tag of operation.tags as string[]) expect([...tags], path).toContain(tag)
  })

  it('says of each operation what it does and what it answers', () => {
    expect(operations.length).toBeGreaterThan(80)
    for (const { path, method, operation } of operations) {
      const where = `${method} ${path}`
      expect(['get', 'post', 'put', 'delete'], where).toContain(method)
      expect(operation.summary, where).toEqual(expect.stringMatching(/^[A-Z]/))
      const responses = Object.entries(operation.responses as Record<string, Json>)
      expect(responses.length, where).toBeGreaterThan(0)
      for (const [status, response] of responses) {
        expect(status, where).toMatch(/^([1-5]\d\d|default)$/)
        expect(response.description, where).toEqual(expect.any(String))
        const content = Object.keys((response.content ?? {}) as Json)
        if (status === 'default') expect(content, where).toEqual(['application/json'])
        if (status === '204' || status === '304') expect(content, where).toEqual([])
      }
    }
  })

  it('declares every parameter of a path once, and every parameter with a schema', () => {
    for (const { path, method, operation } of operations) {
      const where = `${method} ${path}`
      const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!)
      const parameters = (operation.parameters ?? []) as Json[]
      const declared = parameters.filter((one) => one.in === 'path')
      expect(declared.map(({ name }) => name).sort(), where).toEqual(inPath.sort())
      const names = parameters.map((one) => `${one.in} ${one.name}`)
      expect(new Set(names).size, where).toBe(names.length)
      for (const parameter of parameters) {
        expect(['path', 'query'], where).toContain(parameter.in)
        expect(parameter.schema, where).toEqual(expect.any(Object))
        if (parameter.in === 'path') expect(parameter.required, where).toBe(true)
      }
      expect(path, where).not.toContain(':')
    }
  })

  it('has only references that lead somewhere', () => {
    const text = JSON.stringify(document)
    for (const [, pointer] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = pointer!.split('/').reduce<unknown>((at, key) => (at as Json)?.[key], document)
      expect(found, pointer).toBeDefined()
    }
  })

  it('has every route of the fleet', () => {
    for (const list of fleetLists) {
      expect(paths[`/api/v1/fleet/${list}`]?.get, list).toBeDefined()
      const single = Object.keys(paths).filter((path) =>
        new RegExp(`^/api/v1/fleet/${list}(/\\{[a-z]+\\})+$`).test(path),
      )
      expect(single.length, list).toBe(1)
    }
    const explain = paths['/api/v1/fleet/placements/{namespace}/{name}/explain']
    expect(Object.keys(explain ?? {}).sort()).toEqual(['get', 'post'])
    expect(paths['/api/v1/fleet/stream']?.get).toBeDefined()
    expect(paths['/api/v1/fleet/summary']?.get).toBeDefined()
  })

  it('has every other route, also below the prefix of a tenant', () => {
    for (const [path, method] of [
      ['/api/v1/write', 'post'],
      ['/api/v1/query', 'get'],
      ['/api/v1/query_range', 'post'],
      ['/api/metrics/v1/{tenant}/api/v1/query', 'post'],
      ['/api/metrics/v1/{tenant}/api/v1/label/{name}/values', 'get'],
      ['/api/v1/rules', 'get'],
      ['/api/v2/alerts', 'post'],
      ['/-/ready', 'get'],
      ['/metrics', 'get'],
    ] as const)
      expect(paths[path]?.[method], path).toBeDefined()
  })
})
