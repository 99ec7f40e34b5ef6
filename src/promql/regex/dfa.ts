// Runs an automaton over values in time linear in the value: states are made when first reached and kept, up to a
// bound; beyond it the sets of instructions are followed without being kept.
// A state is the set of instructions before their splits and assertions are taken, and the kind of the character
// before; so assertions, which also look at the next character, are decided on the way out of a state.
// Invariants: state 0 is dead; tables never exceed `tableCountMax` entries and `setCountMax` instructions.
// Source: Cox, "Regular Expression Matching in the Wild" (the lazy DFA).

import { type Nfa, opcode, symbolOf } from './nfa.ts'
import type { Assertion } from './regex-syntax.ts'

const stateCountMax = 2000
const tableCountMax = 1 << 18
const setCountMax = 1 << 18

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
  readonly #kindOf: Uint8Array
  readonly #states: State[] = []
  readonly #byKey = new Map<string, number>()
  readonly #walk: ClosureWalk
  #accepting = new Uint8Array(16)
  // [state × symbol]: the state after it, or -1 where it is not known yet.
  #table: Int32Array
  #setCount = 0

  constructor(nfa: Nfa) {
    this.#nfa = nfa
    this.#symbolCount = nfa.symbols.count
    this.#kindOf = kindsOfSymbols(nfa)
    this.#walk = new ClosureWalk(nfa)
    this.#table = new Int32Array(16 * this.#symbolCount).fill(-1)
    this.#add({ kernel: new Int32Array(0), before: outside })
    this.#add({ kernel: Int32Array.of(nfa.start), before: outside })
  }

  /** Approximate memory of the tables. */
  get sizeBytes(): number {
    return 4 * (this.#table.length + this.#setCount + 3 * this.#nfa.ops.length)
  }

  /** Whether the whole value matches. */
  matches(value: string): boolean {
    const { symbols } = this.#nfa
    const { ascii } = symbols
    const symbolCount = this.#symbolCount
    let state = 1
    for (let i = 0; i < value.length; i++) {
      let code = value.charCodeAt(i)
      if (code >= 0xd800 && code < 0xe000) {
        code = value.codePointAt(i)!
        if (code > 0xffff) i++
        else code = 0xfffd
      }
      const symbol = code < 128 ? ascii[code]! : symbolOf(symbols, code)
      let next = this.#table[state * symbolCount + symbol]!
      if (next < 0) {
        next = this.#follow(state, symbol)
        if (next < 0) return this.#simulate(this.#states[state]!, value, code > 0xffff ? i - 1 : i)
      }
      if (next === 0) return false
      state = next
    }
    return this.#accepting[state] === 1
  }

  // Makes the state after a symbol; -1 when there is no room for it.
  #follow(from: number, symbol: number): number {
    const state = this.#step(this.#states[from]!, symbol)
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
    const { ops, next, operand, accepts, assertions } = this.#nfa
    const after = this.#kindOf[symbol]!
    const reached = new Set<number>()
    for (const instruction of this.#walk.closure(state.kernel, state.before, after)) {
      if (ops[instruction] !== opcode.chars) continue
      if (accepts[operand[instruction]!]![symbol] === 1) reached.add(next[instruction]!)
    }
    const kernel = Int32Array.from(reached).sort()
    // What stands before matters to assertions only; without any, fewer states are told apart.
    return { kernel, before: assertions.length === 0 ? outside : after }
  }

  #accepts(state: State): boolean {
    const closed = this.#walk.closure(state.kernel, state.before, outside)
    return closed.some((instruction) => this.#nfa.ops[instruction] === opcode.match)
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

// Everything that can be reached without reading a character.
class ClosureWalk {
  readonly #nfa: Nfa
  readonly #seenAt: Uint32Array
  #round = 0

  constructor(nfa: Nfa) {
    this.#nfa = nfa
    this.#seenAt = new Uint32Array(nfa.ops.length)
  }

  closure(kernel: Int32Array, before: number, after: number): number[] {
    const { ops, next, operand, assertions } = this.#nfa
    const seenAt = this.#seenAt
    if (this.#round === 0xffffffff) {
      seenAt.fill(0)
      this.#round = 0
    }
    const round = ++this.#round
    const found: number[] = []
    const pending = Array.from(kernel)
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seenAt[at] === round) continue
      seenAt[at] = round
      const op = ops[at]!
      if (op === opcode.split) pending.push(operand[at]!, next[at]!)
      else if (op === opcode.assert) {
        if (holds(assertions[operand[at]!]!, before, after)) pending.push(next[at]!)
      } else found.push(at)
    }
    return found
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
