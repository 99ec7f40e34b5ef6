// Sets of code points, as sorted, disjoint, non-touching ranges in one flat array: [low, high, low, high, …],
// both ends inclusive. Case folding is Go's simple folding.
// Source: Go regexp/syntax, Unicode CaseFolding.txt (status C and S).

/** A set of code points. */
export type CharClass = readonly number[]

/** The largest code point. */
export const codePointMax = 0x10ffff

/** Every code point. */
export const anyChar: CharClass = [0, codePointMax]

/** Every code point but the newline. */
export const anyCharNotNewline: CharClass = [0, 9, 11, codePointMax]

/** The set of these ranges, given in any order, overlapping or not. */
export function classOfRanges(ranges: readonly number[]): CharClass {
  const pairs: [number, number][] = []
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i]!, ranges[i + 1]!])
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const out: number[] = []
  for (const [low, high] of pairs) {
    const last = out.length - 1
    if (last > 0 && low <= out[last]! + 1) out[last] = Math.max(out[last]!, high)
    else out.push(low, high)
  }
  return out
}

/** Every code point that is not in the set. */
export function negateClass(chars: CharClass): CharClass {
  const out: number[] = []
  let from = 0
  for (let i = 0; i < chars.length; i += 2) {
    if (chars[i]! > from) out.push(from, chars[i]! - 1)
    from = chars[i + 1]! + 1
  }
  if (from <= codePointMax) out.push(from, codePointMax)
  return out
}

/** Whether the set holds the code point. */
export function classHas(chars: CharClass, code: number): boolean {
  let low = 0
  let high = chars.length / 2 - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (code < chars[2 * middle]!) high = middle - 1
    else if (code > chars[2 * middle + 1]!) low = middle + 1
    else return true
  }
  return false
}

/** The set with every code point that differs from one of its own only by case. */
export function foldClass(chars: CharClass): CharClass {
  const added: number[] = []
  const add = (orbit: readonly number[] | undefined) => {
    for (const other of orbit ?? []) if (!classHas(chars, other)) added.push(other, other)
  }
  // Small sets look each code point up; large ones go through everything that has case.
  if (chars.length === 2 && chars[1]! - chars[0]! < 100) {
    for (let code = chars[0]!; code <= chars[1]!; code++) add(orbits().get(code))
  } else {
    for (const [code, orbit] of orbits()) if (classHas(chars, code)) add(orbit)
  }
  return added.length === 0 ? chars : classOfRanges([...chars, ...added])
}

// Blocks that hold letters with case; scanning all of Unicode would take ten times as long.
const casedBlocks = [
  [0x41, 0x58f],
  [0x10a0, 0x10ff],
  [0x13a0, 0x13ff],
  [0x1c80, 0x1cbf],
  [0x1d79, 0x1d8e],
  [0x1e00, 0x1fff],
  [0x2126, 0x2188],
  [0x24b6, 0x24e9],
  [0x2c00, 0x2d2d],
  [0xa640, 0xa7ff],
  [0xab53, 0xabbf],
  [0xfb05, 0xfb06],
  [0xff21, 0xff5a],
  [0x10400, 0x104ff],
  [0x10570, 0x105bf],
  [0x10c80, 0x10cff],
  [0x10d50, 0x10d85],
  [0x118a0, 0x118df],
  [0x16e40, 0x16eff],
  [0x1e900, 0x1e943],
] as const

let knownOrbits: ReadonlyMap<number, readonly number[]> | undefined

// Code points that fold together, under each of them. Built once, on the first case-insensitive expression.
function orbits(): ReadonlyMap<number, readonly number[]> {
  if (knownOrbits !== undefined) return knownOrbits
  const byFold = new Map<number, number[]>()
  for (const [first, last] of casedBlocks) {
    for (let code = first; code <= last; code++) {
      const fold = foldOf(code)
      const orbit = byFold.get(fold)
      if (orbit === undefined) byFold.set(fold, [code])
      else orbit.push(code)
    }
  }
  const built = new Map<number, readonly number[]>()
  for (const orbit of byFold.values()) {
    if (orbit.length > 1) for (const code of orbit) built.set(code, orbit)
  }
  knownOrbits = built
  return built
}

// The dotted and dotless i fold with nothing else, other than toUpperCase has it.
function foldOf(code: number): number {
  if (code === 0x130 || code === 0x131) return code
  return singleCase(singleCase(code, 'toUpperCase'), 'toLowerCase')
}

// Letters whose other case is several letters long stay as they are.
function singleCase(code: number, method: 'toUpperCase' | 'toLowerCase'): number {
  const changed = String.fromCodePoint(code)[method]()
  const other = changed.codePointAt(0)!
  return String.fromCodePoint(other) === changed ? other : code
}
