// Block directory: the blocks below one directory, opened to be read and nothing else: no unfinished block is removed,
// so that a running process may own them.

import { join } from 'node:path'
import { UserError } from '../../model/index.ts'
import { nodeFiles } from '../files.ts'
import { type Block, type BlockOptions, openBlock } from './block.ts'
import { isUlid } from './ulid.ts'

/** Opens every block in `directory`, oldest first. Throws UserError not_found where there is none. */
export async function openBlocksIn(directory: string, options: BlockOptions): Promise<Block[]> {
  const blocks: Block[] = []
  for (const name of (options.files ?? nodeFiles).list(directory))
    if (isUlid(name)) blocks.push(await openBlock(join(directory, name), options))
  if (blocks.length === 0) {
    throw new UserError('not_found', {
      what: `there are no blocks in ${directory}`,
      fix: 'name the directory that holds their directories, as data/blocks/TENANT',
    })
  }
  return blocks.sort((a, b) => a.meta.minTimeMs - b.meta.minTimeMs)
}
