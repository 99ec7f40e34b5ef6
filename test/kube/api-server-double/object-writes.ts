// Creating, updating, patching, applying and deleting objects, with all that a server does on the way.
// Invariants: a write with an old resource version is refused; a write that changes nothing keeps the resource
// version; the status changes through its subresource only, and nothing else changes through it; the generation
// counts changes of what is neither metadata nor status.

import { randomUUID } from 'node:crypto'
import { failure, invalid, isEqual, isMap, type Json, mapAt, type Stored } from './json-objects.ts'
import { apiVersionOf, resourceOf, type ServedKind } from './kinds.ts'
import { applyFields, ownAfterUpdate, type Writer } from './managed-fields.ts'
import type { ObjectStore } from './object-store.ts'
import { jsonPatch, mergePatch } from './patches.ts'
import { newSigningRequest, nextSigningRequest, type Requester } from './signing-rules.ts'

/** What a write is aimed at, and by whom. */
export interface Target {
  readonly kind: ServedKind
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  readonly manager: string
  readonly requester: Requester
}

/** An answer to a write. */
export interface Written {
  readonly status: number
  readonly object: Json
}

const signing = 'certificatesigningrequests'

/** Writes to one store. */
export class ObjectWrites {
  readonly #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** POST. */
  create(target: Target, body: Json, managedFields?: unknown): Written {
    const { kind, namespace, requester } = target
    checkIdentity(kind, body)
    const metadata = mapAt(body, 'metadata')
    const generated = String(metadata.generateName ?? '')
    const name = String(metadata.name ?? '') || `${generated}${randomName(5)}`
    checkName(kind, name)
    if (kind.namespaced && this.#store.get('namespaces', namespace) === undefined)
      throw failure(404, 'NotFound', `namespaces "${namespace}" not found`, {
        name: namespace,
        kind: 'namespaces',
      })
    if (this.#store.get(resourceOf(kind), keyIn(kind, namespace, name)) !== undefined)
      throw failure(
        409,
        'AlreadyExists',
        `${resourceOf(kind)} "${name}" already exists`,
        detailsOf(kind, name),
      )
    const { status: _, ...rest } = body
    const asked = kind.hasStatus ? rest : body
    const checked = kind.plural === signing ? newSigningRequest(asked, requester) : asked
    return { status: 201, object: this.#insert(target, checked, name, managedFields) }
  }

  /** PUT. */
  replace(target: Target, body: Json): Written {
    const { kind, name } = target
    checkIdentity(kind, body)
    const metadata = mapAt(body, 'metadata')
    checkUrlName(target, metadata)
    const live = this.#live(target)
    const version = metadata.resourceVersion
    if (version === undefined && kind.isCustom)
      throw invalid({ group: kind.group, kind: kind.plural, name }, [
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: 0: must be specified for an update',
          field: 'metadata.resourceVersion',
        },
      ])
    checkVersion(kind, live, version)
    return { status: 200, object: this.#update(target, live, body) }
  }

  /** PATCH with a JSON merge patch, a JSON patch, or an apply configuration. */
  patch(target: Target, body: unknown, type: string, force: boolean): Written {
    if (type === 'application/apply-patch+yaml') return this.#apply(target, body as Json, force)
    const live = this.#live(target)
    const patched =
      type === 'application/json-patch+json'
        ? jsonPatch(live, body as Parameters<typeof jsonPatch>[1])
        : (mergePatch(live, body) as Json)
    checkVersion(target.kind, live, mapAt(patched, 'metadata').resourceVersion)
    return { status: 200, object: this.#update(target, live, patched) }
  }

  /** DELETE. */
  delete(target: Target, options: Json): Written {
    const { kind, name } = target
    const live = this.#live(target)
    const wanted = mapAt(options, 'preconditions')
    for (const [field, word] of [
      ['uid', 'UID'],
      ['resourceVersion', 'ResourceVersion'],
    ] as const) {
      const [asked, found] = [wanted[field], live.metadata[field]]
      if (asked === undefined || asked === found) continue
      throw failure(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${kind.kind}.${kind.group} "${name}": the ${word} in the precondition (${asked}) does not match the ${word} in record (${found}). The object might have been deleted and then recreated`,
        { ...detailsOf(kind, name), kind: kind.kind },
      )
    }
    if ((live.metadata.finalizers ?? []).length > 0)
      return { status: 200, object: this.#mark(target, live) }
    this.#remove(target)
    return {
      status: 200,
      object: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { ...detailsOf(kind, name), uid: live.metadata.uid },
      },
    }
  }

  #live({ kind, namespace, name }: Target): Stored {
    const live = this.#store.get(resourceOf(kind), keyIn(kind, namespace, name))
    if (live === undefined) throw notFound(kind, name)
    return live
  }

  // With `managedFields` it is made by an apply, and no ordinary write owns anything.
  #insert(target: Target, body: Json, name: string, managedFields: unknown): Stored {
    const { kind, namespace } = target
    const { managedFields: _, deletionTimestamp: _none, ...metadata } = mapAt(body, 'metadata')
    const stored: Stored = {
      ...body,
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: {
        ...metadata,
        name,
        ...(kind.namespaced ? { namespace } : {}),
        uid: randomUUID(),
        creationTimestamp: now(),
        ...(kind.hasGeneration ? { generation: 1 } : {}),
        resourceVersion: '',
      },
    }
    const managed =
      managedFields === undefined
        ? this.#owned(target, { metadata: {} }, stored)
        : { ...stored, metadata: { ...stored.metadata, managedFields } }
    return this.#store.put(resourceOf(kind), keyIn(kind, namespace, name), managed)
  }

  #update(target: Target, live: Stored, asked: Json): Json {
    const { kind, subresource } = target
    const next = restricted(target, live, asked)
    const owned = this.#owned(target, live, next)
    return this.#write(
      target,
      live,
      kind.hasGeneration ? counted(live, owned, kind, subresource) : owned,
    )
  }

  #write(target: Target, live: Stored, next: Stored): Stored {
    const { kind, namespace, name } = target
    if (isEqual(live, next)) return live
    const isLast =
      next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0
    if (isLast) {
      this.#remove(target)
      return next
    }
    return this.#store.put(resourceOf(kind), keyIn(kind, namespace, name), next)
  }

  #owned(target: Target, before: Json, after: Stored): Stored {
    const managedFields = ownAfterUpdate(
      { before, after, writer: writerOf(target, 'Update') },
      target.kind.listTypes,
      { now: now(), ignored: ignoredFields(target) },
    )
    return {
      ...after,
      metadata: { ...after.metadata, managedFields: structured(target, managedFields) },
    }
  }

  #apply(target: Target, body: Json, force: boolean): Written {
    const { kind, namespace, name, subresource } = target
    if (target.manager === '')
      throw failure(
        422,
        'Invalid',
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
        {
          group: 'meta.k8s.io',
          kind: 'PatchOptions',
          causes: [
            {
              reason: 'FieldValueRequired',
              message: 'Required value: is required for apply patch',
              field: 'fieldManager',
            },
          ],
        },
      )
    checkIdentity(kind, body)
    const metadata = mapAt(body, 'metadata')
    checkUrlName(target, metadata)
    if (metadata.managedFields !== undefined && metadata.managedFields !== null)
      throw failure(400, 'BadRequest', 'metadata.managedFields must be nil')
    const live = this.#store.get(resourceOf(kind), keyIn(kind, namespace, name))
    if (live === undefined && subresource !== '') throw notFound(kind, name)
    if (live !== undefined) checkVersion(kind, live, metadata.resourceVersion)
    const kept = subresource === 'status' ? ['apiVersion', 'kind', 'metadata', 'status'] : undefined
    const applied = Object.fromEntries(
      Object.entries(body).filter(([key]) =>
        kept === undefined ? !(key === 'status' && kind.hasStatus) : kept.includes(key),
      ),
    )
    const merged = applyFields(
      { live: live ?? { metadata: {} }, applied, writer: writerOf(target, 'Apply'), force },
      kind.listTypes,
      now(),
    ) as Stored
    if (live !== undefined) {
      const next = kind.hasGeneration ? counted(live, merged, kind, subresource) : merged
      return { status: 200, object: this.#write(target, live, next) }
    }
    return this.create(target, merged, merged.metadata.managedFields)
  }

  #mark(target: Target, live: Stored): Stored {
    if (live.metadata.deletionTimestamp !== undefined) return live
    const { generation } = live.metadata
    return this.#store.put(
      resourceOf(target.kind),
      keyIn(target.kind, target.namespace, target.name),
      {
        ...live,
        metadata: {
          ...live.metadata,
          deletionTimestamp: now(),
          deletionGracePeriodSeconds: 0,
          ...(generation === undefined ? {} : { generation: generation + 1 }),
        },
      },
    )
  }

  #remove({ kind, namespace, name }: Target): void {
    this.#store.remove(resourceOf(kind), keyIn(kind, namespace, name))
  }
}

/** `NS/NAME`, or `NAME` where the kind has no namespaces. */
export function keyIn(kind: ServedKind, namespace: string, name: string): string {
  return kind.namespaced ? `${namespace}/${name}` : name
}

/** Status 404 of an object. */
export function notFound(kind: ServedKind, name: string): Error {
  return failure(404, 'NotFound', `${resourceOf(kind)} "${name}" not found`, detailsOf(kind, name))
}

// What a write may change: the status through its subresource only, everything else through the object only.
function restricted(target: Target, live: Stored, asked: Json): Stored {
  const { kind, subresource } = target
  const metadata = {
    ...mapAt(asked, 'metadata'),
    ...pick(live.metadata, [
      'name',
      'namespace',
      'uid',
      'creationTimestamp',
      'resourceVersion',
      'generation',
      'managedFields',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
    ]),
  }
  if (kind.plural === signing) {
    const next = nextSigningRequest(live, { ...asked, metadata }, subresource, now())
    return next as Stored
  }
  if (subresource === 'status') {
    const { status: _, ...rest } = live
    return { ...rest, ...pick(asked, ['status']) } as Stored
  }
  const { status, ...rest } = asked
  const own = kind.hasStatus ? pick(live, ['status']) : status === undefined ? {} : { status }
  return dropEmptied({ ...rest, ...own, metadata }) as Stored
}

// Labels and annotations that lost their last entry are not stored.
function dropEmptied(object: Json): Json {
  const metadata = { ...mapAt(object, 'metadata') }
  for (const key of ['labels', 'annotations', 'finalizers']) {
    const value = metadata[key]
    if (isMap(value) && Object.keys(value).length === 0) delete metadata[key]
    if (Array.isArray(value) && value.length === 0) delete metadata[key]
  }
  return { ...object, metadata }
}

function counted(live: Stored, next: Stored, kind: ServedKind, subresource: string): Stored {
  const { generation = 1 } = live.metadata
  if (subresource !== '') return next
  const counts = (object: Stored): Json =>
    Object.fromEntries(
      Object.entries(object).filter(
        ([key]) => key !== 'metadata' && !(key === 'status' && kind.hasStatus),
      ),
    )
  if (isEqual(counts(live), counts(next))) return next
  return { ...next, metadata: { ...next.metadata, generation: generation + 1 } }
}

function writerOf({ kind, manager, subresource }: Target, operation: 'Apply' | 'Update'): Writer {
  return { manager, operation, apiVersion: apiVersionOf(kind), subresource }
}

function ignoredFields({ kind, subresource }: Target): readonly string[] {
  if (kind.plural === signing) return subresource === '' ? ['spec', 'status'] : ['spec']
  return []
}

// In kinds that are built in, spec and status are always there, and nobody's.
function structured({ kind }: Target, managedFields: readonly Json[]): readonly Json[] {
  if (kind.isCustom) return managedFields
  return managedFields.map((entry) => {
    const fields = { ...mapAt(entry, 'fieldsV1') }
    for (const key of ['f:spec', 'f:status']) {
      if (!isMap(fields[key])) continue
      const { '.': _, ...rest } = fields[key]
      fields[key] = rest
    }
    return { ...entry, fieldsV1: fields }
  })
}

function checkIdentity(kind: ServedKind, body: Json): void {
  const expected = apiVersionOf(kind)
  const found = typeof body.apiVersion === 'string' ? body.apiVersion : ''
  // Kinds that are built in take what the URL says where the body says nothing.
  if (found === expected || (found === '' && !kind.isCustom)) return
  throw failure(
    400,
    'BadRequest',
    `the API version in the data (${found}) does not match the expected API version (${expected})`,
  )
}

function checkUrlName({ name }: Target, metadata: Json): void {
  const found = metadata.name
  if (found === undefined || found === name) return
  throw failure(
    400,
    'BadRequest',
    `the name of the object (${found}) does not match the name on the URL (${name})`,
  )
}

function checkVersion(kind: ServedKind, live: Stored, version: unknown): void {
  if (version === undefined || version === '' || version === live.metadata.resourceVersion) return
  throw failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(kind)} "${live.metadata.name}": the object has been modified; please apply your changes to the latest version and try again`,
    detailsOf(kind, live.metadata.name),
  )
}

const subdomain = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'

function checkName({ group, kind, plural }: ServedKind, name: string): void {
  // Names of roles are path segments.
  if (plural.includes('role') || new RegExp(`^${subdomain}$`).test(name)) return
  const message = `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomain}')`
  throw invalid({ group, kind, name }, [
    { reason: 'FieldValueInvalid', message, field: 'metadata.name' },
  ])
}

function detailsOf({ group, plural }: ServedKind, name: string): Json {
  return { name, ...(group === '' ? {} : { group }), kind: plural }
}

function pick(map: Json, keys: readonly string[]): Json {
  return Object.fromEntries(
    keys.flatMap((key) => (map[key] === undefined ? [] : [[key, map[key]]])),
  )
}

function randomName(length: number): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789'
  return Array.from({ length }, () => letters[Math.floor(Math.random() * letters.length)]).join('')
}

/** Now, in whole seconds as metav1.Time is written. */
function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`
}
