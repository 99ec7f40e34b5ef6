// Who owns which field: server-side apply and its counterpart for ordinary writes.
// Invariants: an ordinary write takes what it changes from everyone; an apply conflicts with other owners of
// values it would change, unless forced; fields that an applier no longer speaks of go, unless others own them.
// Source: Kubernetes API concepts, "Server-Side Apply".

import {
  appliedFields,
  childOf,
  childrenOf,
  compareFields,
  type FieldSet,
  fieldsOf,
  fromFieldsV1,
  type ListTypes,
  parentOf,
  segmentOf,
  toFieldsV1,
} from './field-paths.ts'
import { failure, isEqual, isMap, type Json, mapAt } from './json-objects.ts'

/** Who writes, how, and through which subresource. */
export interface Writer {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string
}

interface Owner extends Writer {
  readonly fields: FieldSet
  readonly time: string
}

/** metadata.managedFields after an ordinary write. `ignored` are top-level fields that are nobody's. */
export function ownAfterUpdate(
  change: { readonly before: Json; readonly after: Json; readonly writer: Writer },
  types: ListTypes,
  { now, ignored }: { readonly now: string; readonly ignored: readonly string[] },
): Json[] {
  const { before, after, writer } = change
  const { added, modified, removed } = compareFields(
    without(before, ignored),
    without(after, ignored),
    types,
  )
  const owners = ownersOf(before)
  const mine = owners.find((owner) => isSame(owner, writer))
  const kept = [...(mine?.fields ?? [])].filter((path) => !removed.has(path))
  const fields = new Set([...kept, ...added, ...modified])
  const others = owners
    .filter((owner) => owner !== mine)
    .map((owner) => reduced(owner, (path) => !modified.has(path) && !removed.has(path)))
  return encode([...others, withFields(mine, writer, fields, now)])
}

/** The object after an apply. Throws the conflict, or what is wrong with the request. */
export function applyFields(
  request: {
    readonly live: Json
    readonly applied: Json
    readonly writer: Writer
    readonly force: boolean
  },
  types: ListTypes,
  now: string,
): Json {
  const { live, applied, writer, force } = request
  const owners = ownersOf(live)
  const mine = owners.find((owner) => isSame(owner, writer))
  const fields = appliedFields(applied, types)
  const merged = mergeValue(live, applied, [], types) as Json
  const { added, modified } = compareFields(live, merged, types)
  const changed = (path: string): boolean => modified.has(path) || added.has(path)
  const rivals = owners.filter((owner) => owner !== mine)
  if (!force) refuseConflicts(rivals, (path) => fields.has(path) && changed(path))
  const others = rivals.map((owner) =>
    reduced(owner, (path) => !(fields.has(path) && changed(path))),
  )
  const elsewhere = new Set(others.flatMap((owner) => [...owner.fields]))
  const dropped = [...(mine?.fields ?? [])].filter(
    (path) => !fields.has(path) && ![...elsewhere, ...fields].some((one) => isWithin(one, path)),
  )
  const object = removePaths(merged, new Set(dropped), types)
  const gone = compareFields(merged, object, types).removed
  const managedFields = encode([
    ...others.map((owner) => reduced(owner, (path) => !gone.has(path))),
    withFields(mine, writer, fields, now),
  ])
  return { ...object, metadata: { ...mapAt(object, 'metadata'), managedFields } }
}

function refuseConflicts(owners: readonly Owner[], isWanted: (path: string) => boolean): void {
  const found = owners.flatMap((owner) => {
    const using = owner.operation === 'Update' ? ` using ${owner.apiVersion}` : ''
    const through = owner.subresource === '' ? '' : ` with subresource "${owner.subresource}"`
    const about = `"${owner.manager}"${through}${using}`
    const paths = [...owner.fields].filter(isWanted)
    // Fields of an object come before fields of what is inside it.
    paths.sort((a, b) => a.split('\n').length - b.split('\n').length || (a < b ? -1 : 1))
    return paths.map((path) => ({ about, field: readable(path) }))
  })
  if (found.length === 0) return
  const abouts = [...new Set(found.map(({ about }) => about))]
  const text =
    found.length === 1
      ? `1 conflict: conflict with ${abouts[0]}: ${found[0]!.field}`
      : `${found.length} conflicts: ${abouts
          .map((about) => {
            const mine = found.filter((one) => one.about === about)
            return `conflicts with ${about}:\n${mine.map(({ field }) => `- ${field}`).join('\n')}`
          })
          .join('\n')}`
  throw failure(409, 'Conflict', `Apply failed with ${text}`, {
    causes: found.map(({ about, field }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${about}`,
      field,
    })),
  })
}

function readable(path: string): string {
  return path
    .split('\n')
    .map((segment) => {
      if (segment.startsWith('f:')) return `.${segment.slice(2)}`
      if (segment.startsWith('v:')) return `[=${segment.slice(2)}]`
      const keys = Object.entries(JSON.parse(segment.slice(2)) as Json)
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
    })
    .join('')
}

function mergeValue(
  live: unknown,
  applied: unknown,
  fields: readonly string[],
  types: ListTypes,
): unknown {
  if (isMap(live) && isMap(applied)) {
    const out: Json = { ...live }
    for (const [key, value] of Object.entries(applied))
      out[key] = mergeValue(live[key], value, [...fields, key], types)
    return out
  }
  const type = Array.isArray(live) && Array.isArray(applied) ? types(fields) : 'atomic'
  if (type === 'atomic') return applied
  const from = new Map((live as unknown[]).map((item) => [segmentOf(item, type), item]))
  const to = new Map((applied as unknown[]).map((item) => [segmentOf(item, type), item]))
  const kept = [...from].map(([segment, item]) =>
    to.has(segment) ? mergeValue(item, to.get(segment), fields, types) : item,
  )
  return [...kept, ...[...to].flatMap(([segment, item]) => (from.has(segment) ? [] : [item]))]
}

// Containers that lose their last member go with it.
function removePaths(object: Json, paths: ReadonlySet<string>, types: ListTypes): Json {
  const walk = (value: unknown, path: string): unknown => {
    const children = childrenOf(value, fieldsOf(path), types)
    if (children === undefined || children.size === 0) return value
    const kept = [...children].flatMap(([segment, child]) => {
      const below = childOf(path, segment)
      if (paths.has(below)) return []
      const after = walk(child, below)
      return after === undefined ? [] : [[segment, after] as const]
    })
    if (kept.length === 0 && ![...paths].every((one) => !isWithin(one, path))) return undefined
    if (Array.isArray(value)) return kept.map(([, item]) => item)
    return Object.fromEntries(kept.map(([segment, item]) => [segment.slice(2), item]))
  }
  return walk(object, '') as Json
}

function isWithin(path: string, container: string): boolean {
  return path === container || path.startsWith(`${container}\n`) || container === ''
}

function ownersOf(object: Json): readonly Owner[] {
  const entries = mapAt(object, 'metadata').managedFields
  return (Array.isArray(entries) ? (entries as readonly Json[]) : []).map((entry) => ({
    manager: String(entry.manager),
    operation: entry.operation as 'Apply' | 'Update',
    apiVersion: String(entry.apiVersion),
    subresource: typeof entry.subresource === 'string' ? entry.subresource : '',
    time: String(entry.time),
    fields: fromFieldsV1(entry.fieldsV1),
  }))
}

function encode(owners: readonly Owner[]): Json[] {
  const rank = ({ operation, time, manager, subresource }: Owner): string =>
    [operation, time, manager, subresource].join('\n')
  return owners
    .filter(({ fields }) => fields.size > 0)
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(fields),
      ...(subresource === '' ? {} : { subresource }),
    }))
}

function withFields(mine: Owner | undefined, writer: Writer, fields: FieldSet, now: string): Owner {
  const isUnchanged = mine !== undefined && isEqual([...mine.fields].sort(), [...fields].sort())
  return { ...writer, fields, time: isUnchanged ? mine.time : now }
}

// A container stays somebody's only as long as something in it is, or it is what they set.
function reduced(owner: Owner, keep: (path: string) => boolean): Owner {
  const fields = new Set([...owner.fields].filter(keep))
  for (const path of [...fields].sort((a, b) => b.length - a.length)) {
    const had = [...owner.fields].some((one) => one !== path && parentOf(one) === path)
    const has = [...fields].some((one) => one !== path && isWithin(one, path))
    if (had && !has && !path.split('\n').at(-1)!.startsWith('k:')) fields.delete(path)
  }
  return { ...owner, fields }
}

function isSame(owner: Owner, writer: Writer): boolean {
  return (
    owner.manager === writer.manager &&
    owner.operation === writer.operation &&
    owner.apiVersion === writer.apiVersion &&
    owner.subresource === writer.subresource
  )
}

function without(object: Json, ignored: readonly string[]): Json {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !ignored.includes(key)))
}
