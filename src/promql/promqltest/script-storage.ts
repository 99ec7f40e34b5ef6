// What a script loads into and reads from: a storage of any kind that takes series and can be emptied.

import type { Queryable } from '../../storage/index.ts'
import type { LoadSeries } from './script.ts'

/** A storage for test scripts. */
export interface ScriptStorage {
  readonly queryable: Queryable
  /** Adds samples; throws UserError where they do not fit what is there. */
  append(series: readonly LoadSeries[]): Promise<void>
  /** Forgets everything. */
  clear(): Promise<void>
}
