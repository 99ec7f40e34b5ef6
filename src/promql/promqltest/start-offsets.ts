// The values of an @st line: where each sample's count began, relative to the sample (`_ -1m -30s-1mx3`).
// Units: milliseconds. Source: Prometheus promql/promqltest/test.go (parseSTSequence).

import { parseDurationMs, UserError } from '../../model/index.ts'

const item = /^([+-]?\d+[a-wyz]*)(?:([+-]\d+[a-wyz]*))?(?:x(\d+))?$/

/** One offset per position; undefined where the start is not known. Throws UserError bad_data. */
export function parseStartOffsets(text: string): (number | undefined)[] {
  return text.split(/\s+/).filter(Boolean).flatMap(offsetsOf)
}

function offsetsOf(word: string): (number | undefined)[] {
  const omitted = /^_(?:x(\d+))?$/.exec(word)
  if (omitted !== null) return new Array<undefined>(Number(omitted[1] ?? 1)).fill(undefined)
  const match = item.exec(word)
  if (match === null || (match[2] !== undefined && match[3] === undefined)) throw fault(word)
  const stepMs = match[2] === undefined ? 0 : signedMs(match[2], word)
  let offsetMs = signedMs(match[1]!, word)
  const out: number[] = []
  for (let i = Number(match[3] ?? 0); i >= 0; i--) {
    out.push(offsetMs)
    offsetMs += stepMs
  }
  return out
}

function signedMs(text: string, word: string): number {
  const durationMs = parseDurationMs(text.replace(/^[+-]/, ''))
  if (durationMs === undefined) throw fault(word)
  return text.startsWith('-') ? -durationMs : durationMs
}

function fault(word: string): UserError {
  return new UserError('bad_data', { what: `cannot read the start offset "${word}"` })
}
