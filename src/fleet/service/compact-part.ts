// Parts in as little memory as they need: a hub repeats the same few names and messages hundreds of thousands of times.
// Invariants: a compact part equals the one that was read, but for history that is older than what is kept; the pool
// is bounded, and forgetting it costs memory only.

import type { FleetPart, ReplicatedPolicyPart } from '../model/parts.ts'

/** Texts that are remembered. */
const textsMax = 50_000
/** Longer texts are rarely repeated. */
const textLengthMax = 500
/** Entries of a template's history that are kept: older ones are events of ours. */
const historyCountMax = 3

/** Equal texts as one. */
export class TextPool {
  readonly #texts = new Map<string, string>()

  /** Texts that are remembered now. */
  get size(): number {
    return this.#texts.size
  }

  /** The same text, shared with all that were equal. */
  of(text: string): string {
    if (text.length > textLengthMax) return text
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    if (this.#texts.size >= textsMax) this.#texts.clear()
    this.#texts.set(text, text)
    return text
  }
}

/** A part that was just read and that nobody else holds yet: it is changed in place. */
export function compactPart(part: FleetPart, pool: TextPool): FleetPart {
  const short = part.part === 'replicated_policy' ? withShortHistory(part) : part
  shareTexts(short as unknown as Fields, pool)
  return short
}

type Fields = Record<string, unknown>

function withShortHistory(part: ReplicatedPolicyPart): ReplicatedPolicyPart {
  if (part.details.every(({ history }) => history.length <= historyCountMax)) return part
  const details = part.details.map((detail) => ({
    ...detail,
    history: detail.history.slice(0, historyCountMax),
  }))
  return { ...part, details }
}

function shareTexts(fields: Fields, pool: TextPool): void {
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    if (typeof value === 'string') fields[name] = pool.of(value)
    else if (typeof value === 'object' && value !== null && !(value instanceof Map))
      shareTexts(value as Fields, pool)
  }
}
