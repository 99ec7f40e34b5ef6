// Runs an automaton over values in time linear in the value: states are made when first reached and kept, up to a
// bound; beyond it the sets of instructions are followed without being kept.
// A state is the set of instructions before their splits and assertions are taken, and the kind of the character
// before; so assertions, which also look at the next character, are decided on the way out of a state.
// Invariants: state 0 is dead; tables never exceed `tableCountMax` entries and `setCountMax` instructions.
// One value may cost at most `workMax` visits of an instruction; an expression that needs more is refused with an
// error, so that no value holds a thread for longer than a few tens of milliseconds.
// Source: Cox, "Regular Expression Matching in the Wild" (the lazy DFA).

import { UserError } from '../../model/index.ts'
import { type Nfa, opcode, symbolOf } from './nfa.ts'
import type { Assertion } from './regex-syntax.ts'

const stateCountMax = 2000
const tableCountMax = 1 << 18
const setCountMax = 1 << 18
const workMax = 2_000_000
// Larger sets are followed without being kept: sorting and naming them costs more than finding them again.
const kernelCountMax = 4096

// Kinds of neighbours of a position.
const outside = 0
const newline = 1
const wordChar = 2
const otherChar = 3

interface State {
  readonly kernel: Int32Array
  readonly before: number
}

/** Answers whether whole values match. Not shared between threads; grows as it meets new values. */
export class Dfa {
  readonly #nfa: Nfa
  readonly #symbolCount: number
  // Words of memory that the program takes.
  readonly #nfaCount: number
  readonly #kindOf: Uint8Array
  readonly #states: State[] = []
  readonly #byKey = new Map<string, number>()
  readonly #walk: ClosureWalk
  #accepting = new Uint8Array(16)
  // [state × symbol]: the state after it, or -1 where it is not known yet.
  #table: Int32Array
  readonly #classMarks: Uint32Array
  #markedSymbol = -1
  #setCount = 0
  #work = 0

  constructor(nfa: Nfa) {
    this.#nfa = nfa
    this.#symbolCount = nfa.symbols.count
    this.#kindOf = kindsOfSymbols(nfa)
    this.#walk = new ClosureWalk(nfa)
    this.#classMarks = new Uint32Array(nfa.classCount)
    let classEntryCount = 0
    for (const classes of nfa.classesOf) classEntryCount += classes.length
    this.#nfaCount = 6 * nfa.ops.length + 2 * nfa.symbols.starts.length + classEntryCount
    this.#table = new Int32Array(16 * this.#symbolCount).fill(-1)
    this.#add({ kernel: new Int32Array(0), before: outside })
    this.#add({ kernel: Int32Array.of(nfa.start), before: outside })
  }

  /** Approximate memory of the tables. */
  get sizeBytes(): number {
    return 4 * (this.#table.length + this.#setCount + this.#nfaCount)
  }

  /** Whether the whole value matches. */
  matches(value: string): boolean {
    const { symbols } = this.#nfa
    const { ascii } = symbols
    const symbolCount = this.#symbolCount
    let table = this.#table
    let state = 1
    this.#work = 0
    for (let i = 0; i < value.length; i++) {
      let code = value.charCodeAt(i)
      if (code >= 0xd800 && code < 0xe000) {
        code = value.codePointAt(i)!
        if (code > 0xffff) i++
        else code = 0xfffd
      }
      const symbol = code < 128 ? ascii[code]! : symbolOf(symbols, code)
      let next = table[state * symbolCount + symbol]!
      if (next < 0) {
        next = this.#follow(state, symbol)
        if (next < 0) return this.#simulate(this.#states[state]!, value, code > 0xffff ? i - 1 : i)
        table = this.#table
      }
      if (next === 0) return false
      state = next
    }
    return this.#accepting[state] === 1
  }

  // Makes the state after a symbol; -1 when there is no room for it.
  #follow(from: number, symbol: number): number {
    const state = this.#step(this.#states[from]!, symbol)
    if (state.kernel.length > kernelCountMax) return -1
    state.kernel.sort()
    const key = `${state.before}:${state.kernel.join()}`
    const known = state.kernel.length === 0 ? 0 : this.#byKey.get(key)
    const to = known ?? this.#add(state, key)
    if (to >= 0) this.#table[from * this.#symbolCount + symbol] = to
    return to
  }

  #add(state: State, key = ''): number {
    const index = this.#states.length
    const isFull =
      index >= stateCountMax ||
      (index + 1) * this.#symbolCount > Math.max(tableCountMax, 16 * this.#symbolCount) ||
      this.#setCount + state.kernel.length > setCountMax
    if (isFull && index > 1) return -1
    this.#makeRoom(index + 1)
    this.#states.push(state)
    this.#setCount += state.kernel.length
    if (key !== '') this.#byKey.set(key, index)
    this.#accepting[index] = this.#accepts(state) ? 1 : 0
    return index
  }

  #makeRoom(stateCount: number): void {
    if (stateCount <= this.#accepting.length) return
    const roomCount = 2 * this.#accepting.length
    const table = new Int32Array(roomCount * this.#symbolCount).fill(-1)
    table.set(this.#table)
    this.#table = table
    const accepting = new Uint8Array(roomCount)
    accepting.set(this.#accepting)
    this.#accepting = accepting
  }

  #step(state: State, symbol: number): State {
    const { ops, next, operand, assertions } = this.#nfa
    const after = this.#kindOf[symbol]!
    const closed = this.#walk.closure(state.kernel, state.before, after)
    this.#spend()
    this.#markClasses(symbol)
    this.#walk.startKernel()
    for (const instruction of closed) {
      if (ops[instruction] !== opcode.chars) continue
      if (this.#classMarks[operand[instruction]!] === symbol + 1) {
        this.#walk.addToKernel(next[instruction]!)
      }
    }
    // What stands before matters to assertions only; without any, fewer states are told apart.
    return { kernel: this.#walk.kernel(), before: assertions.length === 0 ? outside : after }
  }

  // Classes that hold the symbol bear its number; those of the symbol before are wiped first.
  #markClasses(symbol: number): void {
    const { classesOf } = this.#nfa
    if (this.#markedSymbol === symbol) return
    if (this.#markedSymbol >= 0) {
      for (const index of classesOf[this.#markedSymbol]!) this.#classMarks[index] = 0
    }
    for (const index of classesOf[symbol]!) this.#classMarks[index] = symbol + 1
    this.#markedSymbol = symbol
    this.#work += classesOf[symbol]!.length
  }

  #accepts(state: State): boolean {
    const closed = this.#walk.closure(state.kernel, state.before, outside)
    this.#spend()
    return closed.some((instruction) => this.#nfa.ops[instruction] === opcode.match)
  }

  #spend(): void {
    this.#work += this.#walk.visitCount
    if (this.#work <= workMax) return
    throw new UserError('execution', {
      what: 'a regular expression takes too long on a label value',
      fix: 'simplify the expression, or lower its counts',
    })
  }

  #simulate(from: State, value: string, index: number): boolean {
    let state = from
    for (const char of value.slice(index)) {
      const code = char.codePointAt(0)!
      const isLone = code >= 0xd800 && code < 0xe000
      state = this.#step(state, symbolOf(this.#nfa.symbols, isLone ? 0xfffd : code))
      if (state.kernel.length === 0) return false
    }
    return this.#accepts(state)
  }
}

// Sets of instructions: marks by round say what is in the set, so that nothing is cleared between rounds.
class ClosureWalk {
  readonly #nfa: Nfa
  readonly #seenAt: Uint32Array
  readonly #pending: Int32Array
  readonly #found: Int32Array
  // How many instructions the last closure looked at.
  visitCount = 0
  #kernelCount = 0
  #round = 0

  constructor(nfa: Nfa) {
    this.#nfa = nfa
    this.#seenAt = new Uint32Array(nfa.ops.length)
    this.#pending = new Int32Array(nfa.ops.length)
    this.#found = new Int32Array(nfa.ops.length)
  }

  // Everything that can be reached without reading a character, in any order; valid until the next call.
  closure(kernel: Int32Array, before: number, after: number): Int32Array {
    const { ops, next, operand, assertions } = this.#nfa
    const round = this.#nextRound()
    const [seenAt, pending, found] = [this.#seenAt, this.#pending, this.#found]
    let pendingCount = 0
    let foundCount = 0
    this.visitCount = 0
    const visit = (at: number) => {
      if (seenAt[at] === round) return
      seenAt[at] = round
      this.visitCount++
      pending[pendingCount++] = at
    }
    for (const at of kernel) visit(at)
    while (pendingCount > 0) {
      const at = pending[--pendingCount]!
      const op = ops[at]!
      if (op === opcode.split) {
        visit(operand[at]!)
        visit(next[at]!)
      } else if (op === opcode.assert) {
        if (holds(assertions[operand[at]!]!, before, after)) visit(next[at]!)
      } else found[foundCount++] = at
    }
    return found.subarray(0, foundCount)
  }

  // The kernel being gathered reuses `pending`, which no closure needs meanwhile.
  startKernel(): void {
    this.#nextRound()
    this.#kernelCount = 0
  }

  addToKernel(at: number): void {
    if (this.#seenAt[at] === this.#round) return
    this.#seenAt[at] = this.#round
    this.#pending[this.#kernelCount++] = at
  }

  kernel(): Int32Array {
    return this.#pending.slice(0, this.#kernelCount)
  }

  #nextRound(): number {
    if (this.#round === 0xffffffff) {
      this.#seenAt.fill(0)
      this.#round = 0
    }
    return ++this.#round
  }
}

function holds(assertion: Assertion, before: number, after: number): boolean {
  switch (assertion) {
    case 'beginText':
      return before === outside
    case 'endText':
      return after === outside
    case 'beginLine':
      return before === outside || before === newline
    case 'endLine':
      return after === outside || after === newline
    case 'wordBoundary':
      return (before === wordChar) !== (after === wordChar)
    case 'noWordBoundary':
      return (before === wordChar) === (after === wordChar)
  }
}

function kindsOfSymbols(nfa: Nfa): Uint8Array {
  const kinds = new Uint8Array(nfa.symbols.count).fill(otherChar)
  if (nfa.assertions.length === 0) return kinds
  for (let code = 0; code < 128; code++) {
    const char = String.fromCharCode(code)
    if (char === '\n') kinds[nfa.symbols.ascii[code]!] = newline
    else if (/\w/.test(char)) kinds[nfa.symbols.ascii[code]!] = wordChar
  }
  return kinds
}
