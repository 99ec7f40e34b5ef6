// Reading the configuration again: everything is checked before anything changes.

import type { IngestService } from '../ingest/index.ts'
import type { QueryPool } from '../query/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { Access } from './access.ts'
import { type ConfigSource, readConfig } from './config-read.ts'
import { ingestOptions } from './options.ts'
import { readLimitOptions } from './read-limit-options.ts'
import type { Rules } from './rules.ts'
import type { ProcessStatus } from './status.ts'
import type { Threads } from './threads.ts'

/** What takes a new configuration while the process runs. */
export interface Reloadable {
  readonly access: Access
  readonly rules: Rules
  readonly ingest: IngestService
  readonly pool: QueryPool
  readonly threads: Threads
  readonly status: ProcessStatus
  readonly log: Logger
}

/** The reload of a process. Throws UserError bad_config, and then everything goes on as before. */
export function createReload(source: ConfigSource, parts: Reloadable): () => Promise<void> {
  // Series are looked up anew after a reload, as relabelling and limits may decide otherwise about them.
  let epoch = 1
  return async () => {
    const next = readConfig(source.file, source.flags)
    const options = ingestOptions(next, ++epoch)
    const limits = readLimitOptions(next)
    const applyAccess = parts.access.prepare(next)
    await parts.rules.reload(next)
    applyAccess()
    parts.pool.setLimits(limits)
    parts.ingest.reload(options)
    const { lanes } = parts.threads
    await Promise.all(lanes.map((lane) => lane.call('setAdmission', options.admission)))
    parts.status.noteReload()
    parts.log.info('the configuration was read again')
  }
}
