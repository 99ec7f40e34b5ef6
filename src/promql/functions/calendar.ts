// Calendar functions of a time in Unix seconds (fractions are cut off), in UTC and the Gregorian calendar.
// Computed from day numbers: Date ends 275,000 years from now, sample values do not.
// Source: Prometheus promql/functions.go (dateWrapper); the algorithm is H. Hinnant's "civil_from_days".

import type { ElementFunction } from '../operators/operator.ts'
import { ofFloat } from './elements.ts'

const daySeconds = 86_400
const daysPerEra = 146_097
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

interface CivilDate {
  readonly year: number
  /** 1…12. */
  readonly month: number
  /** 1…31. */
  readonly day: number
}

/** The functions by name; without argument they are asked with the evaluation time. */
export const calendarFunctions: Readonly<Record<string, ElementFunction>> = {
  minute: ofFloat((value) => Math.floor(secondOfDay(value) / 60) % 60),
  hour: ofFloat((value) => Math.floor(secondOfDay(value) / 3600)),
  day_of_week: ofFloat((value) => modulo(dayNumber(value) + 4, 7)),
  day_of_month: ofFloat((value) => civilDate(dayNumber(value)).day),
  day_of_year: ofFloat(dayOfYear),
  days_in_month: ofFloat((value) => {
    const { year, month } = civilDate(dayNumber(value))
    return month === 2 && isLeap(year) ? 29 : monthDays[month - 1]!
  }),
  month: ofFloat((value) => civilDate(dayNumber(value)).month),
  year: ofFloat((value) => civilDate(dayNumber(value)).year),
}

function modulo(value: number, divisor: number): number {
  return value - Math.floor(value / divisor) * divisor
}

function dayNumber(value: number): number {
  if (Math.abs(value) < 2 ** 53) return Math.floor(Math.trunc(value) / daySeconds)
  const seconds = largeSeconds(value)
  return Number((seconds - secondOfLargeDay(seconds)) / 86_400n)
}

function secondOfDay(value: number): number {
  if (Math.abs(value) < 2 ** 53) return modulo(Math.trunc(value), daySeconds)
  return Number(secondOfLargeDay(largeSeconds(value)))
}

// Where Go's calendar begins.
const firstSecond = -9_223_372_028_715_321_600n

// What is no 64-bit integer counts as the smallest one, as in Go on amd64; what lies before Go's calendar wraps around.
function largeSeconds(value: number): bigint {
  const seconds = Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)) : -(2n ** 63n)
  return seconds < firstSecond ? seconds + 2n ** 64n : seconds
}

function secondOfLargeDay(seconds: bigint): bigint {
  return ((seconds % 86_400n) + 86_400n) % 86_400n
}

function isLeap(year: number): boolean {
  return modulo(year, 4) === 0 && (modulo(year, 100) !== 0 || modulo(year, 400) === 0)
}

function dayOfYear(value: number): number {
  const { year, month, day } = civilDate(dayNumber(value))
  let days = day
  for (let before = 1; before < month; before++) days += monthDays[before - 1]!
  return month > 2 && isLeap(year) ? days + 1 : days
}

// Years begin in March here, so that the leap day is their last.
function civilDate(daysSinceEpoch: number): CivilDate {
  const days = daysSinceEpoch + 719_468
  const era = Math.floor(days / daysPerEra)
  const dayOfEra = days - era * daysPerEra
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfMarchYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfMarchYear + 2) / 153)
  const day = dayOfMarchYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}
