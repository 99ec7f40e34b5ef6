// An API server in memory, faithful to what we ask of a real one: the recorded transcripts are its specification.
// Here: HTTP, discovery, lists, watches, and failures on demand. Elsewhere: writes (object-writes.ts), history
// (object-store.ts), server-side apply (managed-fields.ts).
// Left out: validation against schemas, conversion between versions, admission, controllers (a namespace goes with
// all that is in it at once). Every caller may do everything, but those who are impersonated may do nothing.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { parse as parseYaml } from 'yaml'
import { type KubeEndpoint, plainEndpoint } from '../../../src/kube/index.ts'
import { failure, isMap, type Json, mapAt, Refusal, type Stored } from './json-objects.ts'
import {
  apiGroup,
  apiVersionOf,
  builtInKinds,
  kindsOf,
  resourceList,
  resourceOf,
  type ServedKind,
} from './kinds.ts'
import { type Change, ObjectStore } from './object-store.ts'
import { keyIn, notFound, ObjectWrites, type Target, type Written } from './object-writes.ts'
import { fieldSelector, labelSelector, type Selector } from './selectors.ts'

/** What a request is aimed at. */
export interface Aim extends Target {
  readonly method: string
  readonly query: URLSearchParams
}

const definitions = 'customresourcedefinitions.apiextensions.k8s.io'
const requester = {
  username: 'admin',
  groups: ['system:masters', 'system:authenticated'],
  uid: '00000000-0000-0000-0000-00000000ad31',
}

/** A running double. */
export class ApiServerDouble {
  readonly store = new ObjectStore()
  /** Asked before every request of an object or a collection: what it gives is answered instead. */
  refuse: (aim: Aim) => Refusal | undefined = () => undefined
  /** Requests so far, `GET /path?query`. */
  readonly requests: string[] = []
  readonly #writes = new ObjectWrites(this.store)
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0

  /** Starts on a port of loopback; again on the same port after `stop`. */
  async start(): Promise<this> {
    for (const name of ['default', 'kube-system']) {
      if (this.store.get('namespaces', name) === undefined) this.makeNamespace(name)
    }
    const server = createServer((request, response) => void this.#handle(request, response))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
    return this
  }

  /** Stops with what it holds; connections are reset. */
  async stop(): Promise<void> {
    const server = this.#server
    this.resetConnections()
    await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)))
  }

  /** Where it is. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** How our client reaches it. */
  endpoint(): KubeEndpoint {
    return plainEndpoint(new URL(this.url))
  }

  /** Resets every connection, watches included. */
  resetConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Puts a namespace into the store. */
  makeNamespace(name: string): void {
    this.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }

  /** Puts an object (of a known kind) into the store as it is, status included, whatever stood there. */
  put(object: Json): Stored {
    const apiVersion = String(object.apiVersion)
    const kind = this.#kinds().find(
      (one) => apiVersionOf(one) === apiVersion && one.kind === object.kind,
    )
    if (kind === undefined) throw new Error(`no kind ${apiVersion} ${object.kind} is served`)
    const metadata = mapAt(object, 'metadata')
    const namespace = String(metadata.namespace ?? '')
    if (kind.namespaced && this.store.get('namespaces', namespace) === undefined)
      this.makeNamespace(namespace)
    const key = keyIn(kind, namespace, String(metadata.name))
    const before = this.store.get(resourceOf(kind), key)
    const uid = before?.metadata.uid ?? crypto.randomUUID()
    const creationTimestamp = before?.metadata.creationTimestamp ?? '2026-01-01T00:00:00Z'
    return this.store.put(resourceOf(kind), key, {
      ...object,
      metadata: { creationTimestamp, uid, ...metadata },
    } as unknown as Stored)
  }

  /** Makes a kind known, as applying its definition does. */
  define(definition: Json): void {
    this.put(definition)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`)
    try {
      const url = new URL(request.url ?? '/', 'http://localhost')
      const document = this.#document(url.pathname)
      if (document !== undefined) return send(response, 200, document)
      const aim = this.#aim(request, url)
      if (request.headers['impersonate-user'] !== undefined) throw forbidden(aim, request)
      const refusal = this.refuse(aim)
      if (refusal !== undefined) throw refusal
      const body = await readBody(request)
      if (aim.method === 'GET' && aim.name === '' && aim.query.get('watch') === 'true')
        return this.#watch(aim, request, response)
      const { status, object } = this.#answer(aim, request, body)
      send(response, status, object)
    } catch (cause) {
      if (cause instanceof Refusal) return send(response, cause.status, cause.answer)
      send(response, 500, String(cause instanceof Error ? cause.stack : cause))
    }
  }

  #kinds(): readonly ServedKind[] {
    const custom = this.store.list(definitions).flatMap(([, definition]) => kindsOf(definition))
    return [...builtInKinds, ...custom]
  }

  // Discovery, version and health; undefined for everything else.
  #document(path: string): Json | string | undefined {
    const kinds = this.#kinds()
    const groups = [...new Set(kinds.map(({ group }) => group))].filter((group) => group !== '')
    const ofGroup = (group: string): readonly ServedKind[] =>
      kinds.filter((kind) => kind.group === group)
    if (path === '/healthz' || path === '/readyz' || path === '/livez') return 'ok'
    if (path === '/version') return { major: '1', minor: '34', gitVersion: 'v1.34.0-double' }
    if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] }
    if (path === '/apis')
      return {
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: groups.map((group) => apiGroup(group, ofGroup(group))),
      }
    const [, group = '', version = ''] =
      /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? /^\/api()\/(v1)$/.exec(path) ?? []
    if (group === '' && version === '') return undefined
    const found = ofGroup(group).filter((kind) => version === '' || kind.version === version)
    if (found.length === 0) return undefined
    return version === '' ? apiGroup(group, found) : resourceList(found)
  }

  #aim(request: IncomingMessage, url: URL): Aim {
    const match =
      /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/
    const [
      ,
      core,
      group = '',
      version = core,
      namespace = '',
      plural,
      name = '',
      subresource = '',
    ] = match.exec(url.pathname) ?? []
    const kinds = this.#kinds()
    const of = (wanted: string | undefined): ServedKind | undefined =>
      kinds.find((one) => one.group === group && one.version === version && one.plural === wanted)
    // /namespaces/NAME/status is a subresource of a namespace, not a kind in it.
    const isOfNamespace = core !== undefined && namespace !== '' && of(plural) === undefined
    const kind = isOfNamespace ? of('namespaces') : of(plural)
    if (kind === undefined) throw new Refusal(404, '404 page not found\n')
    const fieldManager = url.searchParams.get('fieldManager')
    const agent = String(request.headers['user-agent'] ?? '').split('/')[0]!
    const isApply = String(request.headers['content-type']).includes('apply-patch')
    return {
      method: request.method ?? 'GET',
      kind,
      namespace: isOfNamespace ? '' : namespace,
      name: decodeURIComponent(isOfNamespace ? namespace : name),
      subresource: isOfNamespace ? (plural ?? '') : subresource,
      query: url.searchParams,
      manager: fieldManager ?? (isApply ? '' : agent),
      requester,
    }
  }

  #answer(aim: Aim, request: IncomingMessage, body: unknown): Written {
    const { method, kind, name, subresource } = aim
    const known = [
      '',
      ...(kind.hasStatus ? ['status'] : []),
      ...(kind.plural.startsWith('certificatesigning') ? ['approval'] : []),
    ]
    if (!known.includes(subresource)) throw notFound(kind, name)
    if (method === 'GET')
      return { status: 200, object: name === '' ? this.#list(aim, request) : this.#get(aim) }
    if (method === 'POST') return shown(this.#writes.create(aim, body as Json), kind)
    if (method === 'PUT') return shown(this.#writes.replace(aim, body as Json), kind)
    if (method === 'DELETE') return this.#delete(aim, isMap(body) ? body : {})
    const type = String(request.headers['content-type']).split(';')[0]!
    const types = [
      'application/json-patch+json',
      'application/merge-patch+json',
      'application/apply-patch+yaml',
    ]
    if (!types.includes(type))
      throw failure(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`,
      )
    return shown(this.#writes.patch(aim, body, type, aim.query.get('force') === 'true'), kind)
  }

  #get({ kind, namespace, name }: Aim): Json {
    const object = this.store.get(resourceOf(kind), keyIn(kind, namespace, name))
    if (object === undefined) throw notFound(kind, name)
    return shownAs(object, kind)
  }

  #delete(aim: Aim, options: Json): Written {
    if (aim.name !== '') {
      const written = this.#writes.delete(aim, options)
      if (aim.kind.plural === 'namespaces') this.#empty(aim.name)
      return written
    }
    const keys = this.#selected(aim).map(([, object]) => object.metadata.name)
    for (const name of keys) this.#writes.delete({ ...aim, name }, {})
    return { status: 200, object: { kind: 'Status', apiVersion: 'v1', status: 'Success' } }
  }

  #empty(namespace: string): void {
    for (const kind of this.#kinds().filter(({ namespaced }) => namespaced)) {
      for (const [key] of this.store.list(resourceOf(kind)))
        if (key.startsWith(`${namespace}/`)) this.store.remove(resourceOf(kind), key)
    }
  }

  #selected(aim: Aim, revision?: number): readonly (readonly [string, Stored])[] {
    const isSelected = selectorOf(aim)
    return this.store.list(resourceOf(aim.kind), revision).filter(([, one]) => isSelected(one))
  }

  #list(aim: Aim, request: IncomingMessage): Json {
    const { kind, query } = aim
    const token = query.get('continue')
    const from = token === null ? undefined : this.#readToken(token)
    const revision = from?.rv ?? this.store.revision
    const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY
    const selected = this.#selected(aim, revision).filter(
      ([key]) => from === undefined || key >= from.start,
    )
    const items = selected.slice(0, limit).map(([, object]) => object)
    const rest = selected.length - items.length
    const isFiltered = query.has('labelSelector') || query.has('fieldSelector')
    const metadata = {
      resourceVersion: String(revision),
      continue: rest === 0 ? '' : writeToken(revision, selected[items.length]![0]),
      ...(rest === 0 || isFiltered ? {} : { remainingItemCount: rest }),
    }
    if (wantsMetadata(request)) {
      const partial = items.map((object) => metadataOf(object))
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        items: partial,
      }
    }
    const shownItems = items.map((object) => {
      const { kind: _kind, apiVersion: _version, ...rest } = shownAs(object, kind)
      return kind.isCustom ? shownAs(object, kind) : rest
    })
    return { kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata, items: shownItems }
  }

  #readToken(token: string): { readonly rv: number; readonly start: string } {
    const decoded = Buffer.from(token, 'base64url').toString('latin1')
    let parsed: { rv: number; start: string }
    try {
      parsed = JSON.parse(decoded) as { rv: number; start: string }
    } catch {
      const found = JSON.stringify(decoded[0] ?? '').slice(1, -1)
      const escaped =
        decoded.charCodeAt(0) < 127 ? found : `\\u00${decoded.charCodeAt(0).toString(16)}`
      throw failure(
        400,
        'BadRequest',
        `invalid continue token: continue key is not valid: invalid character '${escaped}' looking for beginning of value`,
      )
    }
    if (parsed.rv >= this.store.compacted) return parsed
    const expired = failure(410, 'Expired', expiredToken)
    Object.assign(expired.answer, {
      metadata: { continue: writeToken(this.store.revision, parsed.start) },
    })
    throw expired
  }

  #watch(aim: Aim, request: IncomingMessage, response: ServerResponse): void {
    const { kind, query } = aim
    const version = query.get('resourceVersion') ?? ''
    if (!/^\d*$/.test(version)) {
      const message = `resourceVersion: Invalid value: "${version}": strconv.ParseUint: parsing "${version}": invalid syntax`
      const refusal = failure(500, '', message)
      delete (refusal.answer as Json).reason
      throw refusal
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const isPartial = wantsMetadata(request)
    const tell = (type: string, object: Json): void => {
      response.write(`${JSON.stringify({ type, object })}\n`)
    }
    const show = (object: Stored): Json => (isPartial ? metadataOf(object) : shownAs(object, kind))
    if (version !== '' && version !== '0' && Number(version) < this.store.compacted) {
      const message = `too old resource version: ${version} (${this.store.revision})`
      tell('ERROR', failure(410, 'Expired', message).answer as Json)
      response.end()
      return
    }
    const isFresh = version === '' || version === '0'
    if (isFresh) for (const [, object] of this.#selected(aim)) tell('ADDED', show(object))
    const from = isFresh ? this.store.revision : Number(version)
    const isSelected = selectorOf(aim)
    const unfollow = this.store.follow(from, (change) => {
      if (change.resource !== resourceOf(kind)) return
      const event = eventOf(change, isSelected)
      if (event !== undefined) tell(event.type, show(event.object))
    })
    this.#endWatch(aim, response, { tell, unfollow })
  }

  #endWatch(
    { kind, query }: Aim,
    response: ServerResponse,
    stream: { tell(type: string, object: Json): void; unfollow(): void },
  ): void {
    const seconds = Number(query.get('timeoutSeconds') ?? 1800)
    const bookmark = (): void =>
      stream.tell('BOOKMARK', {
        kind: kind.kind,
        apiVersion: apiVersionOf(kind),
        metadata: { resourceVersion: String(this.store.revision) },
      })
    // A real server sends them every minute, and two seconds before the end.
    const bookmarkMs = Math.max(200, Math.min(60_000, (seconds - 2) * 1000))
    const beat =
      query.get('allowWatchBookmarks') === 'true' ? setInterval(bookmark, bookmarkMs) : undefined
    const end = setTimeout(() => response.end(), seconds * 1000)
    response.on('close', () => {
      clearInterval(beat)
      clearTimeout(end)
      stream.unfollow()
    })
  }
}

const expiredToken =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'

function writeToken(rv: number, start: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv, start })).toString('base64url')
}

function selectorOf({ kind, namespace, query }: Aim): Selector {
  const byLabel = labelSelector(query.get('labelSelector') ?? '')
  const byField = fieldSelector(query.get('fieldSelector') ?? '')
  return (object) =>
    (namespace === '' || !kind.namespaced || object.metadata.namespace === namespace) &&
    byLabel(object) &&
    byField(object)
}

// Through a selector, entering it is an addition and leaving it a deletion.
function eventOf(
  change: Change,
  isSelected: Selector,
): { readonly type: string; readonly object: Stored } | undefined {
  const { type, object, before } = change
  const was = before !== undefined && isSelected(before)
  const is = type !== 'DELETED' && isSelected(object)
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object }
  if (!was) return undefined
  // What it was, at the version at which it went.
  const { resourceVersion } = object.metadata
  return {
    type: 'DELETED',
    object: { ...before, metadata: { ...before.metadata, resourceVersion } },
  }
}

function shown({ status, object }: Written, kind: ServedKind): Written {
  return { status, object: shownAs(object, kind) }
}

function shownAs(object: Json, kind: ServedKind): Json {
  return object.kind === 'Status'
    ? object
    : { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind }
}

function metadataOf({ metadata }: Stored): Json {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}

function wantsMetadata(request: IncomingMessage): boolean {
  return String(request.headers.accept).includes('as=PartialObjectMetadata')
}

function forbidden({ kind, namespace, name, method }: Aim, request: IncomingMessage): Refusal {
  const verb = {
    GET: name === '' ? 'list' : 'get',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  }[method]
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const about = name === '' ? resourceOf(kind) : `${resourceOf(kind)} "${name}"`
  return failure(
    403,
    'Forbidden',
    `${about} is forbidden: User "${request.headers['impersonate-user']}" cannot ${verb} resource "${kind.plural}" in API group "${kind.group}" ${where}`,
    {
      ...(name === '' ? {} : { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.plural,
    },
  )
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const piece of request) text += String(piece)
  if (text === '') return undefined
  const type = String(request.headers['content-type'])
  if (type.includes('protobuf'))
    throw failure(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
    )
  return type.includes('yaml') ? parseYaml(text) : JSON.parse(text)
}

function send(response: ServerResponse, status: number, answer: Json | string): void {
  const isText = typeof answer === 'string'
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' })
  response.end(isText ? answer : JSON.stringify(answer))
}
