// Bucket bounds: where bucket i of a schema ends.
// Exponential schema s: bucket i holds (base^(i−1), base^i] with base = 2^(2^−s); the negative side is mirrored.
// Custom buckets (−53): bucket i holds (bounds[i−1], bounds[i]] between −Inf and +Inf.
// Invariants: bounds of one value are the same double in every schema, and the same double that instrumentation
// libraries use, because thresholds and bounds are compared exactly.

import { customBucketsSchema } from '../../model/index.ts'

const finestSchema = 8
const finestCount = 1 << finestSchema

// 2^(i/256 − 1) for i in 0…255. The libraries' tables were made by square roots from a root of two that is one
// ulp low, multiplied from the largest factor down; Math.pow differs from them in the last digit of most entries.
const finestFractions = makeFractions()

function makeFractions(): Float64Array {
  const roots: number[] = []
  for (let root = Math.SQRT2 - 2 ** -52; roots.length < finestSchema; root = Math.sqrt(root)) {
    roots.push(root)
  }
  const out = new Float64Array(finestCount)
  for (let i = 0; i < finestCount; i++) {
    let fraction = 0.5
    for (let bit = 0; bit < finestSchema; bit++) {
      if (i & (finestCount >> (bit + 1))) fraction *= roots[bit]!
    }
    out[i] = fraction
  }
  return out
}

/** Upper bound of exponential bucket `index` (absolute value). The bucket below infinity ends at the largest double. */
export function exponentialBound(index: number, schema: number): number {
  if (schema < 0) {
    const exponent = index * 2 ** -schema
    return exponent === 1024 ? Number.MAX_VALUE : 2 ** exponent
  }
  const perPower = 2 ** schema
  const power = Math.floor(index / perPower)
  const fraction = schema > finestSchema ? wideFraction(index, perPower) : finestAt(index, schema)
  if (power >= 1024) return power === 1024 && fraction === 0.5 ? Number.MAX_VALUE : Infinity
  // Scaled in two steps: 2^1024 is no double although half of it times two is one.
  return power >= 0 ? fraction * 2 ** power * 2 : fraction * 2 * 2 ** power
}

function finestAt(index: number, schema: number): number {
  const withinPower = index & ((1 << schema) - 1)
  return finestFractions[withinPower << (finestSchema - schema)]!
}

function wideFraction(index: number, perPower: number): number {
  const withinPower = index - Math.floor(index / perPower) * perPower
  return 2 ** (withinPower / perPower - 1)
}

/** Upper bound of bucket `index` on the positive side; custom buckets run from −Inf (index −1) to +Inf. */
export function bucketBound(index: number, schema: number, customValues: Float64Array): number {
  if (schema !== customBucketsSchema) return exponentialBound(index, schema)
  if (index < 0) return -Infinity
  return index < customValues.length ? customValues[index]! : Infinity
}

/** The bucket of the coarser schema that holds bucket `index` of a schema `steps` finer. */
export function coarserIndex(index: number, steps: number): number {
  return Math.floor((index - 1) / 2 ** steps) + 1
}
