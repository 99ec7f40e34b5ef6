// Natural order of strings: runs of digits compare as numbers ("node-2" before "node-10").
// Source: PromQL's sort_by_label, which uses github.com/facette/natsort's chunking.

import { compareUtf8 } from '../../model/index.ts'

const chunkPattern = /\d+|\D+/g

/** Negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareNatural(a: string, b: string): number {
  const left = a.match(chunkPattern) ?? []
  const right = b.match(chunkPattern) ?? []
  const count = Math.min(left.length, right.length)
  for (let i = 0; i < count; i++) {
    const order = compareChunks(left[i]!, right[i]!)
    if (order !== 0) return order
  }
  return left.length - right.length
}

function compareChunks(a: string, b: string): number {
  if (isDigits(a) && isDigits(b)) {
    const left = a.replace(/^0+/, '')
    const right = b.replace(/^0+/, '')
    if (left.length !== right.length) return left.length - right.length
    return left === right ? 0 : left < right ? -1 : 1
  }
  return compareUtf8(a, b)
}

function isDigits(text: string): boolean {
  const unit = text.charCodeAt(0)
  return unit >= 0x30 && unit <= 0x39
}
