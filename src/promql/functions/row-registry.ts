// Window functions that do a whole row of floats at once, by name.

import type { RateKind } from '../../kernel/index.ts'
import type { RowFunction } from '../operators/operator.ts'
import { floatAverage, floatSum } from './over-time.ts'
import { extremeRow, windowsRow } from './over-time-row.ts'
import { rateRow } from './rate-row.ts'

/** rate and its kin, which the row kernel knows. */
export const rateKinds: ReadonlyMap<string, RateKind> = new Map([
  ['rate', { isCounter: true, isRate: true }],
  ['increase', { isCounter: true, isRate: false }],
  ['delta', { isCounter: false, isRate: false }],
])

/** Row functions; the others are called window by window. */
export const rowFunctions: ReadonlyMap<string, RowFunction> = new Map([
  ...[...rateKinds].map(([name, kind]) => [name, rateRow(kind)] as const),
  ['max_over_time', extremeRow('max')],
  ['min_over_time', extremeRow('min')],
  ['sum_over_time', windowsRow(floatSum)],
  ['avg_over_time', windowsRow(floatAverage)],
  ['count_over_time', windowsRow(({ from, to }) => to - from)],
  ['last_over_time', windowsRow(({ values, to }) => values[to - 1]!)],
])
