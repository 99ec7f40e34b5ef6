// Spare builders: batch builders that are done are used again. Their columns are outside of the JavaScript heap, and
// allocating them anew for every select makes the collector run for memory that it does not own.
// Invariants: few are kept, and none that one large answer made large.

import type { HashSeed } from '../../kernel/index.ts'
import { BatchBuilder } from './batch-builder.ts'

const countMax = 4
const sizeBytesMax = 4 * 2 ** 20

/** Batch builders of one thread. */
export class SpareBuilders {
  readonly #seed: HashSeed
  readonly #spare: BatchBuilder[] = []

  constructor(seed: HashSeed) {
    this.#seed = seed
  }

  /** An empty builder. */
  take(): BatchBuilder {
    return this.#spare.pop() ?? new BatchBuilder(this.#seed)
  }

  /** Takes back a builder that the caller no longer uses; one that is not empty is dropped. */
  give(builder: BatchBuilder): void {
    if (builder.rowCount > 0 || builder.pairCount > 0 || builder.sizeBytes > sizeBytesMax) return
    if (this.#spare.length < countMax) this.#spare.push(builder)
  }
}
