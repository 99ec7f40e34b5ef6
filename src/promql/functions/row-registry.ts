// Window functions that do a whole row of floats at once, by name.

import type { RowFunction } from '../operators/operator.ts'
import { floatAverage, floatSum } from './over-time.ts'
import { extremeRow, windowsRow } from './over-time-row.ts'
import { rateRow } from './rate-row.ts'

/** Row functions; the others are called window by window. */
export const rowFunctions: ReadonlyMap<string, RowFunction> = new Map([
  ['rate', rateRow({ isCounter: true, isRate: true })],
  ['increase', rateRow({ isCounter: true, isRate: false })],
  ['delta', rateRow({ isCounter: false, isRate: false })],
  ['max_over_time', extremeRow('max')],
  ['min_over_time', extremeRow('min')],
  ['sum_over_time', windowsRow(floatSum)],
  ['avg_over_time', windowsRow(floatAverage)],
  ['count_over_time', windowsRow(({ from, to }) => to - from)],
  ['last_over_time', windowsRow(({ values, to }) => values[to - 1]!)],
])
