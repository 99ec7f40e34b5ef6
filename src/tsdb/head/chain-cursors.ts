// Chained cursors: one after the other, so that nothing is read before it is asked for.

import type { SeriesBatch, SeriesCursor } from '../../storage/index.ts'

/** The batches of all cursors in turn. Closing it closes all. */
export function chainCursors(cursors: readonly SeriesCursor[]): SeriesCursor {
  let at = 0
  return {
    get warnings() {
      return cursors.flatMap((cursor) => [...cursor.warnings])
    },
    async next(): Promise<SeriesBatch | undefined> {
      for (; at < cursors.length; at++) {
        const batch = await cursors[at]!.next()
        if (batch !== undefined) return batch
      }
      return undefined
    },
    close() {
      at = cursors.length
      for (const cursor of cursors) cursor.close()
    },
  }
}
