// Chance without state: numbers that follow from a seed and words alone, so that a demo is the same every time and at
// every moment that one looks at it.
// Source: FNV-1a, and the finaliser of MurmurHash3.

/** A number from 0 (inclusive) to 1 for a seed and some words. */
export type Chance = (...words: readonly (string | number)[]) => number

/** Chance of one seed. */
export function chanceOf(seed: number): Chance {
  return (...words) => {
    let hash = 0x811c9dc5 ^ seed
    const text = words.join('\0')
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
  }
}
