// Patches of objects: JSON merge patch (RFC 7396) and JSON patch (RFC 6902).

import { failure, isEqual, isMap, type Json } from './json-objects.ts'

/** A value after a merge patch; null removes. */
export function mergePatch(value: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch
  const out: Json = isMap(value) ? { ...value } : {}
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete out[key]
    else out[key] = mergePatch(out[key], change)
  }
  return out
}

interface Operation {
  readonly op: 'add' | 'replace' | 'remove' | 'test'
  readonly path: string
  readonly value?: unknown
}

/** An object after a JSON patch. Throws 422 where an operation cannot be carried out. */
export function jsonPatch(object: Json, operations: readonly Operation[]): Json {
  let out: unknown = structuredClone(object)
  for (const operation of operations) {
    const keys = operation.path
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    out = patched(out, keys, operation)
  }
  return out as Json
}

function patched(value: unknown, [key, ...rest]: readonly string[], operation: Operation): unknown {
  const refuse = (): Error =>
    failure(422, 'Invalid', 'the server rejected our request due to an error in our request')
  if (key === undefined) {
    if (operation.op === 'test' && !isEqual(value, operation.value)) throw refuse()
    return operation.op === 'test' ? value : operation.value
  }
  if (Array.isArray(value)) {
    const list = [...(value as unknown[])]
    const index = key === '-' ? list.length : Number(key)
    if (rest.length > 0 || operation.op === 'test' || operation.op === 'replace')
      list[index] = patched(list[index], rest, operation)
    else if (operation.op === 'remove') list.splice(index, 1)
    else list.splice(index, 0, operation.value)
    return list
  }
  if (!isMap(value)) throw refuse()
  if (rest.length > 0 || operation.op === 'test')
    return { ...value, [key]: patched(value[key], rest, operation) }
  if (operation.op !== 'add' && !Object.hasOwn(value, key)) throw refuse()
  const { [key]: _, ...others } = value
  return operation.op === 'remove' ? others : { ...others, [key]: operation.value }
}
