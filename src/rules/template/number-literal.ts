// Number literals of templates: integers in any Go base, floats, character constants.

import { unquoteGo } from './go-string.ts'

/** A literal's value: whole where it is one, and as a double. */
export interface NumberLiteral {
  readonly int: bigint | undefined
  readonly float: number
  readonly isFloat: boolean
}

/** The value of a literal, or undefined where it is none. */
export function parseNumber(text: string): NumberLiteral | undefined {
  if (text.startsWith("'")) return characterOf(text)
  const sign = text.startsWith('-') ? -1n : 1n
  const bare = text.replace(/^[+-]/, '').replaceAll('_', '')
  const octal = /^0[0-7]+$/.test(bare) ? `0o${bare.slice(1)}` : bare
  if (/^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|\d+)$/.test(octal)) {
    const int = sign * BigInt(octal)
    if (BigInt.asIntN(64, int) !== int) return undefined
    return { int, float: Number(int), isFloat: false }
  }
  if (!/^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(bare)) return undefined
  const float = Number(sign) * Number(bare)
  if (!Number.isFinite(float)) return undefined
  return { int: Number.isInteger(float) ? BigInt(float) : undefined, float, isFloat: true }
}

function characterOf(text: string): NumberLiteral | undefined {
  const inner = text.slice(1, -1)
  if (inner === '') return undefined
  try {
    const value = unquoteGo(`"${inner === "\\'" ? "'" : inner.replaceAll('"', '\\"')}"`)
    if ([...value].length !== 1) return undefined
    const code = value.codePointAt(0)!
    return { int: BigInt(code), float: code, isFloat: false }
  } catch {
    return undefined
  }
}
