// Structural sharing: a new value in which everything that equals what was there before is what was there before.
// Invariants: the result equals `next`; neither argument is changed; lists of entries per cluster are aligned by
// cluster, since one cluster more must not make all after it new.

import { isObject } from '../kube-object.ts'

/** `next`, with its parts that equal those of `before` replaced by these; `before` itself where all is equal. */
export function keepSame<T>(before: T | undefined, next: T): T {
  return keep(before, next) as T
}

function keep(before: unknown, next: unknown): unknown {
  if (Object.is(before, next)) return before
  if (Array.isArray(before) && Array.isArray(next)) return keepList(before, next)
  if (before instanceof Map && next instanceof Map) return keepMap(before, next)
  if (isPlain(before) && isPlain(next)) return keepFields(before, next)
  return next
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !(value instanceof Map)
}

function keepList(before: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  const kept = clusterOf(next[0]) === undefined ? byIndex(before, next) : byCluster(before, next)
  const isSame = kept.length === before.length && kept.every((item, i) => item === before[i])
  return isSame ? before : kept
}

function byIndex(before: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  return next.map((item, i) => keep(before[i], item))
}

// Both lists are in order of cluster.
function byCluster(before: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  let at = 0
  return next.map((item) => {
    const cluster = clusterOf(item) ?? ''
    while (at < before.length && (clusterOf(before[at]) ?? '') < cluster) at++
    return clusterOf(before[at]) === cluster ? keep(before[at++], item) : item
  })
}

function clusterOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null || !('cluster' in item)) return undefined
  return item.cluster as string
}

function keepMap(
  before: ReadonlyMap<unknown, unknown>,
  next: ReadonlyMap<unknown, unknown>,
): ReadonlyMap<unknown, unknown> {
  if (before.size !== next.size) return next
  for (const [key, value] of next) {
    if (!before.has(key) || keep(before.get(key), value) !== before.get(key)) return next
  }
  return before
}

function keepFields(
  before: Record<string, unknown>,
  next: Record<string, unknown>,
): Record<string, unknown> {
  const names = Object.keys(next)
  let isSame = Object.keys(before).length === names.length
  let kept: Record<string, unknown> | undefined
  for (const name of names) {
    const old = Object.hasOwn(before, name) ? before[name] : undefined
    const value = keep(old, next[name])
    isSame &&= value === old && Object.hasOwn(before, name)
    if (value === next[name]) continue
    kept ??= { ...next }
    kept[name] = value
  }
  return isSame ? before : (kept ?? next)
}
