// A regular expression as a nondeterministic automaton over character classes: the code points that the
// expression cannot tell apart are one symbol.
// Invariants: the program has at most `instructionCountMax` instructions, and its symbols are bounded by
// `signatureWorkMax`, so that building takes milliseconds whatever the expression.
// Source: Cox, "Regular Expression Matching: the Virtual Machine Approach".

import type { CharClass } from './char-class.ts'
import { asciiWord } from './named-class.ts'
import { type Assertion, type RegexNode, regexFault } from './regex-syntax.ts'

/** Most instructions of a program. */
const instructionCountMax = 100_000

// Most (interval, class) pairs looked at while symbols are made.
const signatureWorkMax = 4_000_000

/** What an instruction does. */
export const opcode = { chars: 0, split: 1, assert: 2, match: 3 } as const

/** A program; instruction `i` is `ops[i]` with its operands. Execution starts at `start`. */
export interface Nfa {
  readonly ops: Uint8Array
  /** Where to go on. */
  readonly next: Int32Array
  /** chars: index of a class; split: the second way; assert: index into `assertions`. */
  readonly operand: Int32Array
  readonly start: number
  readonly assertions: readonly Assertion[]
  readonly classCount: number
  /** For each symbol, the classes that hold it. */
  readonly classesOf: readonly Int32Array[]
  readonly symbols: SymbolTable
}

/** Which symbol a code point is. */
export interface SymbolTable {
  readonly count: number
  /** The symbols of the first 128 code points. */
  readonly ascii: Uint16Array
  /** First code points of the intervals, ascending from 0, and the symbol of each. */
  readonly starts: Uint32Array
  readonly symbolOf: Uint16Array
}

/** The symbol of any code point. */
export function symbolOf(table: SymbolTable, code: number): number {
  if (code < 128) return table.ascii[code]!
  let low = 0
  let high = table.starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (table.starts[middle]! <= code) low = middle
    else high = middle - 1
  }
  return table.symbolOf[low]!
}

/** Compiles a tree; `pattern` is what messages show. Throws UserError bad_data when it becomes too large. */
export function compileNfa(pattern: string, root: RegexNode): Nfa {
  const compiler = new Compiler(pattern)
  const match = compiler.emit(opcode.match, -1, -1)
  const start = compiler.compile(root, match)
  const classes = [...compiler.classes]
  // Assertions look at newlines and word characters, which then must be symbols of their own.
  if (compiler.assertions.length > 0) classes.push([10, 10], asciiWord)
  const { table, classesOf } = makeSymbols(pattern, classes)
  return {
    ops: Uint8Array.from(compiler.ops),
    next: Int32Array.from(compiler.next),
    operand: Int32Array.from(compiler.operand),
    start,
    assertions: compiler.assertions,
    classCount: classes.length,
    classesOf,
    symbols: table,
  }
}

class Compiler {
  readonly ops: number[] = []
  readonly next: number[] = []
  readonly operand: number[] = []
  readonly assertions: Assertion[] = []
  readonly classes: CharClass[] = []
  readonly #pattern: string
  readonly #classIndex = new Map<string, number>()
  readonly #indexOfChar = new Map<number, number>()
  readonly #indexOf = new Map<CharClass, number>()

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  emit(op: number, next: number, operand: number): number {
    if (this.ops.length >= instructionCountMax) throw tooLarge(this.#pattern)
    this.ops.push(op)
    this.next.push(next)
    return this.operand.push(operand) - 1
  }

  // Returns the instruction that matches `node` and then goes on at `then`.
  compile(node: RegexNode, then: number): number {
    switch (node.kind) {
      case 'chars':
        return this.emit(opcode.chars, then, this.#classOf(node.chars))
      case 'text': {
        let entry = then
        for (const char of [...node.text].reverse()) {
          const code = char.codePointAt(0)!
          entry = this.emit(opcode.chars, entry, this.#classOfChar(code))
        }
        return entry
      }
      case 'assert':
        return this.emit(opcode.assert, then, this.assertions.push(node.assertion) - 1)
      case 'concat': {
        let entry = then
        for (let i = node.items.length - 1; i >= 0; i--) entry = this.compile(node.items[i]!, entry)
        return entry
      }
      case 'alternate': {
        let entry = this.compile(node.items.at(-1)!, then)
        for (let i = node.items.length - 2; i >= 0; i--) {
          entry = this.emit(opcode.split, this.compile(node.items[i]!, then), entry)
        }
        return entry
      }
      case 'repeat':
        return this.#compileRepeat(node.item, node.min, node.max, then)
    }
  }

  #compileRepeat(item: RegexNode, min: number, max: number, then: number): number {
    let entry = then
    let copyCount = min
    if (max === Infinity) {
      const loop = this.emit(opcode.split, -1, then)
      const body = this.compile(item, loop)
      this.next[loop] = body
      // `a+` goes through its one body first; a second one would double at every level of nesting.
      entry = min === 0 ? loop : body
      if (min > 0) copyCount--
    } else {
      for (let i = min; i < max; i++) {
        entry = this.emit(opcode.split, this.compile(item, entry), then)
      }
    }
    for (let i = 0; i < copyCount; i++) entry = this.compile(item, entry)
    return entry
  }

  #classOfChar(code: number): number {
    const seen = this.#indexOfChar.get(code)
    if (seen !== undefined) return seen
    const index = this.#classOf([code, code])
    this.#indexOfChar.set(code, index)
    return index
  }

  #classOf(chars: CharClass): number {
    const seen = this.#indexOf.get(chars)
    if (seen !== undefined) return seen
    const key = chars.join()
    let index = this.#classIndex.get(key)
    if (index === undefined) {
      index = this.classes.push(chars) - 1
      this.#classIndex.set(key, index)
    }
    this.#indexOf.set(chars, index)
    return index
  }
}

function tooLarge(pattern: string): Error {
  return regexFault('expression too large', pattern)
}

// Cuts the code points where any class begins or ends; intervals in the same classes are one symbol.
function makeSymbols(
  pattern: string,
  classes: readonly CharClass[],
): { table: SymbolTable; classesOf: Int32Array[] } {
  const cuts = new Set([0])
  for (const chars of classes) {
    for (let i = 0; i < chars.length; i += 2) cuts.add(chars[i]!).add(chars[i + 1]! + 1)
  }
  const starts = Uint32Array.from(cuts).sort()
  const indexOfStart = new Map<number, number>()
  for (const [index, start] of starts.entries()) indexOfStart.set(start, index)
  const signatures: number[][] = Array.from(starts, () => [])
  let work = 0
  for (const [index, chars] of classes.entries()) {
    for (let i = 0; i < chars.length; i += 2) {
      const to = indexOfStart.get(chars[i + 1]! + 1)!
      for (let at = indexOfStart.get(chars[i]!)!; at < to; at++) {
        signatures[at]!.push(index)
        if (++work > signatureWorkMax) throw tooLarge(pattern)
      }
    }
  }
  const symbolBySignature = new Map<string, number>()
  const symbols = new Uint16Array(starts.length)
  const classesOf: Int32Array[] = []
  for (const [index, signature] of signatures.entries()) {
    const key = signature.join()
    let symbol = symbolBySignature.get(key)
    if (symbol === undefined) {
      symbol = classesOf.push(Int32Array.from(signature)) - 1
      if (symbol > 0xffff) throw tooLarge(pattern)
      symbolBySignature.set(key, symbol)
    }
    symbols[index] = symbol
  }
  const ascii = new Uint16Array(128)
  const table = { count: classesOf.length, ascii, starts, symbolOf: symbols }
  let interval = 0
  for (let code = 0; code < 128; code++) {
    while (interval + 1 < starts.length && starts[interval + 1]! <= code) interval++
    ascii[code] = symbols[interval]!
  }
  return { table, classesOf }
}
