// Cut plan: which windows of a lane are to become blocks now. Pure: facts in, keys out.
// Units: Unix milliseconds. The clock of the data decides for windows, so that a lane fed with old data behaves as a
// live one; the wall clock decides how long late data is waited for.

import { windowMs } from '../../model/index.ts'

/** What a lane knows about one of its generations. */
export interface WindowStats {
  readonly windowKey: number
  readonly windowStartMs: number
  readonly isOutOfOrder: boolean
  readonly isSealed: boolean
  readonly seriesCount: number
  readonly sampleCount: number
  readonly memoryBytes: number
  /** Bounds of the samples; infinite where there is none. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Wall times. */
  readonly createdMs: number
  readonly lastWriteMs: number
}

/** When to cut. */
export interface CutRules {
  /** A window is due once the newest sample of the lane is so much later than its end. */
  readonly graceMs: number
  /** Late data is waited for until none came for so long, … */
  readonly idleMs: number
  /** … or until the generation is so old. */
  readonly ageMs: number
  readonly openMax: number
  /** With what cutting takes, above this windows are cut before they are due. */
  readonly memoryBytesMax: number
}

/** One hour of grace, ten minutes idle, one hour of age. */
export const cutRuleDefaults = {
  graceMs: 3_600_000,
  idleMs: 600_000,
  ageMs: 3_600_000,
} as const

// Writing the block of a window takes so much memory for each byte of the window: 0.62 was measured with 500,000 series of
// one sample each, every one with two label values of its own.
const cutCostShare = 0.8

// What a series will take besides what it takes now: samples of two hours at 30 s, at 1.7 bytes each.
const seriesToComeBytes = 400

/** What decides about the memory of a window. */
export type WindowSize = Pick<WindowStats, 'memoryBytes' | 'seriesCount' | 'isSealed'>

/**
 * The memory that windows will need: their series go on for the rest of the window, and the largest must still be cut
 * into a block.
 */
export function bytesToCome(windows: readonly WindowSize[]): number {
  const sizes = windows.map(({ memoryBytes, seriesCount, isSealed }) => {
    return memoryBytes + (isSealed ? 0 : seriesCount * seriesToComeBytes)
  })
  return withCut(sizes)
}

/** The memory of windows while the largest of them is written into a block. */
export function bytesWithCut(windows: readonly { readonly memoryBytes: number }[]): number {
  return withCut(windows.map(({ memoryBytes }) => memoryBytes))
}

function withCut(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, cutCostShare * Math.max(0, ...sizes))
}

/** Keys of the windows to cut, in the order in which to cut them. */
export function windowsToCut(
  windows: readonly WindowStats[],
  nowMs: number,
  rules: CutRules,
): number[] {
  const open = windows.filter((window) => !window.isSealed)
  const newestMs = Math.max(...open.map((window) => window.maxTimeMs))
  const due = open.filter((window) => {
    const isDue = window.isOutOfOrder || window.windowStartMs + windowMs + rules.graceMs <= newestMs
    const isIdle = nowMs - window.lastWriteMs >= rules.idleMs
    return isDue && (isIdle || nowMs - window.createdMs >= rules.ageMs)
  })
  const rest = open.filter((window) => !due.includes(window))
  due.push(...tooMany(rest, rules.openMax), ...tooBig(rest, windows, rules.memoryBytesMax))
  return [...new Set(due)]
    .sort((a, b) => a.windowStartMs - b.windowStartMs)
    .map((window) => window.windowKey)
}

// The least recently written go first.
function tooMany(open: readonly WindowStats[], openMax: number): WindowStats[] {
  const byUse = [...open].sort((a, b) => a.lastWriteMs - b.lastWriteMs)
  return byUse.slice(0, Math.max(0, open.length - openMax))
}

// Beyond the bound by so much, even the only open window is cut.
const lastResortShare = 1.25

// The oldest window goes first, unless what is being cut may do. The only open one is spared for longer, because what is
// written to it afterwards needs a generation of its own; but known series are never refused, so it cannot be for ever.
function tooBig(
  open: readonly WindowStats[],
  all: readonly WindowStats[],
  memoryBytesMax: number,
): WindowStats[] {
  if (open.length === 0 || all.some((window) => window.isSealed)) return []
  const isTooBig =
    open.length > 1
      ? bytesToCome(open) > memoryBytesMax
      : withCut(open.map((window) => window.memoryBytes)) > lastResortShare * memoryBytesMax
  if (!isTooBig) return []
  return [[...open].sort((a, b) => a.windowStartMs - b.windowStartMs)[0]!]
}
