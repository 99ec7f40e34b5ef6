// What an expression says without running it: a finite set of values, or literals with gaps between them. An index
// looks values up instead of scanning, and scanning compares strings instead of running an automaton.

import type { CharClass } from './char-class.ts'
import { codePointMax } from './char-class.ts'
import type { RegexNode } from './regex-syntax.ts'

/** Most values of an alternation; those that tools generate have thousands. */
const setCountMax = 200_000

/** Most values that a sequence of alternations multiplies to. */
const productCountMax = 1024

/** Most characters of a finite set in all, so that products of alternatives stay small. */
const setLengthMax = 1 << 20

/** Literals with gaps between them, `lit.*lit.+lit`. */
export interface Glob {
  /** The first stands at the start, the last at the end; both may be ''. With one literal, it is all there is. */
  readonly literals: readonly string[]
  /** Fewest characters, 0 or 1, in the gap after each literal but the last. */
  readonly gaps: readonly number[]
}

/** What is known about the values that match. */
export interface RegexShape {
  /** Exactly these values match. */
  readonly set: readonly string[] | undefined
  /** Exactly the values of this form match. */
  readonly glob: Glob | undefined
  /** Every value that matches starts with this. */
  readonly prefix: string
}

/** The tree without anchors that only say what holds anyway, since whole values are matched. */
export function withoutOuterAnchors(root: RegexNode): RegexNode {
  return trimAnchors(trimAnchors(root, 'beginText'), 'endText')
}

function trimAnchors(node: RegexNode, anchor: 'beginText' | 'endText'): RegexNode {
  if (node.kind === 'assert')
    return node.assertion === anchor ? { kind: 'concat', items: [] } : node
  if (node.kind === 'alternate') {
    return { kind: 'alternate', items: node.items.map((item) => trimAnchors(item, anchor)) }
  }
  if (node.kind !== 'concat' || node.items.length === 0) return node
  const index = anchor === 'beginText' ? 0 : node.items.length - 1
  return { kind: 'concat', items: node.items.with(index, trimAnchors(node.items[index]!, anchor)) }
}

/** Looks at a tree; takes time in proportion to it, or to the bounded set it stands for. */
export function analyseRegex(root: RegexNode): RegexShape {
  const set = setOf(root)
  return {
    set: set === undefined ? undefined : [...new Set(set)],
    glob: globOf(root),
    prefix: headOf(root).prefix,
  }
}

function setOf(node: RegexNode): string[] | undefined {
  switch (node.kind) {
    case 'text':
      return [node.text]
    case 'chars':
      return charsOf(node.chars)
    case 'assert':
      return undefined
    case 'alternate': {
      const out: string[] = []
      for (const item of node.items) {
        const values = setOf(item)
        if (values === undefined || out.length + values.length > setCountMax) return undefined
        for (const value of values) out.push(value)
      }
      return out
    }
    case 'concat':
      return productOf(node.items)
    case 'repeat': {
      if (node.max === 0) return ['']
      if (node.max > 1 || node.min > 1) return repeatedSet(node.item, node.min, node.max)
      const values = setOf(node.item)
      return values === undefined || node.min === 1 ? values : [...values, '']
    }
  }
}

// `a{3}`: only exact counts of single values; other counts are rare.
function repeatedSet(item: RegexNode, min: number, max: number): string[] | undefined {
  if (min !== max) return undefined
  const values = setOf(item)
  if (values === undefined || values.length > 1) return undefined
  return values.map((value) => value.repeat(min))
}

function productOf(items: readonly RegexNode[]): string[] | undefined {
  let out = ['']
  for (const item of items) {
    // Most expressions are text: one value that grows.
    const text = textOf(item)
    if (text !== undefined && out.length === 1) {
      out[0] += text
      continue
    }
    const values = setOf(item)
    if (values === undefined) return undefined
    const length = lengthOf(out) * values.length + lengthOf(values) * out.length
    if (out.length * values.length > productCountMax || length > setLengthMax) return undefined
    if (values.length === 1) out = out.map((head) => head + values[0]!)
    else out = out.flatMap((head) => values.map((value) => head + value))
  }
  return out
}

function textOf(node: RegexNode): string | undefined {
  if (node.kind === 'text') return node.text
  if (node.kind !== 'chars' || node.chars.length !== 2 || node.chars[0] !== node.chars[1]) {
    return undefined
  }
  const code = node.chars[0]!
  return code >= 0xd800 && code < 0xe000 ? undefined : String.fromCodePoint(code)
}

function lengthOf(values: readonly string[]): number {
  let length = 0
  for (const value of values) length += value.length
  return length
}

function charsOf(chars: CharClass): string[] | undefined {
  let count = 0
  for (let i = 0; i < chars.length; i += 2) count += chars[i + 1]! - chars[i]! + 1
  if (count > 64) return undefined
  const out: string[] = []
  for (let i = 0; i < chars.length; i += 2) {
    for (let code = chars[i]!; code <= chars[i + 1]!; code++) {
      // A surrogate alone stands in no value.
      if (code >= 0xd800 && code < 0xe000) return undefined
      out.push(String.fromCodePoint(code))
    }
  }
  return out
}

function globOf(root: RegexNode): Glob | undefined {
  const items = root.kind === 'concat' ? root.items : [root]
  const literals = ['']
  const gaps: number[] = []
  for (const item of items) {
    const head = headOf(item)
    if (head.isWhole) literals[literals.length - 1] += head.prefix
    else {
      const gap = gapOf(item)
      if (gap === undefined) return undefined
      literals.push('')
      gaps.push(gap)
    }
  }
  // Gaps side by side (`.*.+`) would need counting; the automaton does that.
  return literals.slice(1, -1).includes('') ? undefined : { literals, gaps }
}

function gapOf(node: RegexNode): number | undefined {
  if (node.kind !== 'repeat' || node.max !== Infinity || node.min > 1) return undefined
  const { item } = node
  const isAny = item.kind === 'chars' && item.chars[0] === 0 && item.chars[1] === codePointMax
  return isAny ? node.min : undefined
}

// What every match starts with, and whether that is all of it.
interface Head {
  readonly prefix: string
  readonly isWhole: boolean
}

function headOf(node: RegexNode): Head {
  switch (node.kind) {
    case 'text':
    case 'chars': {
      const prefix = textOf(node)
      return { prefix: prefix ?? '', isWhole: prefix !== undefined }
    }
    case 'concat': {
      let prefix = ''
      for (const item of node.items) {
        const head = headOf(item)
        prefix += head.prefix
        if (!head.isWhole) return { prefix, isWhole: false }
      }
      return { prefix, isWhole: true }
    }
    case 'alternate':
      return { prefix: commonPrefix(node.items.map((item) => headOf(item).prefix)), isWhole: false }
    case 'repeat':
      return { prefix: node.min > 0 ? headOf(node.item).prefix : '', isWhole: false }
    case 'assert':
      return { prefix: '', isWhole: false }
  }
}

function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0]!
  for (const text of texts) {
    while (!text.startsWith(prefix)) prefix = prefix.slice(0, -1)
  }
  // Half a surrogate pair is no prefix in bytes.
  return prefix.isWellFormed() ? prefix : prefix.slice(0, -1)
}

/** Whether a value has the form of a glob. */
export function matchesGlob(glob: Glob, value: string): boolean {
  const { literals, gaps } = glob
  const first = literals[0]!
  if (literals.length === 1) return value === first
  const last = literals.at(-1)!
  if (!value.startsWith(first) || !value.endsWith(last)) return false
  let at = first.length
  for (let i = 1; i < literals.length - 1; i++) {
    const found = value.indexOf(literals[i]!, at + gaps[i - 1]!)
    if (found < 0) return false
    at = found + literals[i]!.length
  }
  return at + gaps.at(-1)! + last.length <= value.length
}
