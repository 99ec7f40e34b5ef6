// Prometheus durations ("1h30m") and byte sizes ("512MB"), as configuration and PromQL write them.
// Source: prometheus/common model.ParseDuration: units y w d h m s ms, descending, each at most once.

import { UserError } from './errors.ts'

const unitsMs: readonly (readonly [string, number])[] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]

const durationPattern =
  /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Milliseconds of a Prometheus duration, or undefined where the text is none. "0" needs no unit. */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0
  const match = text === '' ? null : durationPattern.exec(text)
  if (match === null) return undefined
  let totalMs = 0
  for (let i = 0; i < unitsMs.length; i++) totalMs += Number(match[i + 1] ?? 0) * unitsMs[i]![1]
  return totalMs
}

/** A duration as Prometheus prints it: 1h30m, 1d, 0s; negative with a leading minus. */
export function formatDurationMs(durationMs: number): string {
  if (durationMs === 0) return '0s'
  let restMs = Math.abs(durationMs)
  let out = durationMs < 0 ? '-' : ''
  for (const [unit, sizeMs] of unitsMs) {
    // Years and weeks are printed only when they come out even, as Prometheus does.
    if ((unit === 'y' || unit === 'w') && restMs % sizeMs !== 0) continue
    const count = Math.floor(restMs / sizeMs)
    if (count === 0) continue
    out += `${count}${unit}`
    restMs -= count * sizeMs
  }
  return out
}

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
  TIB: 1024 ** 4,
}

/** Bytes of "512MB", "1GiB" or "1024" (units are powers of 1024, as in Prometheus); throws UserError bad_config. */
export function parseSizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim())
  const unit = match === null ? undefined : byteUnits[match[2]!.toUpperCase()]
  if (match !== null && unit !== undefined) return Math.floor(Number(match[1]) * unit)
  throw new UserError('bad_config', {
    what: `"${text}" is not a size`,
    fix: 'write a number with B, KB, MB or GB',
  })
}
