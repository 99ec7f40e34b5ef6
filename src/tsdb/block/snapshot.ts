// Snapshot: a second name for every file of a block, so that a copy costs no room and later changes do not reach it:
// index and chunks never change, meta and tombstones are only ever replaced by new files.

import { linkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assert } from '../../model/index.ts'
import type { Files } from '../files.ts'
import { blockFilePaths } from './block-size.ts'
import { creationSuffix } from './write-block.ts'

/** Makes the block in `source` appear as `target` too, whole or not at all. Both must lie on one file system. */
export function linkBlock(files: Files, source: string, target: string): void {
  assert(!files.exists(target), `${target} exists already`)
  const temporary = target + creationSuffix
  files.remove(temporary)
  files.makeDirectory(join(temporary, 'chunks'))
  for (const path of blockFilePaths(files, source))
    linkSync(join(source, path), join(temporary, path))
  files.syncDirectory(join(temporary, 'chunks'))
  files.syncDirectory(temporary)
  files.rename(temporary, target)
  files.syncDirectory(dirname(target))
}
