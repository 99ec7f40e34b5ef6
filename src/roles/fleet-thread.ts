// Fleet thread: owns the sources of the fleet, its state, its journal and its series, and answers the front.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { workerData } from 'node:worker_threads'
import {
  DecisionStore,
  type FleetEvent,
  FleetService,
  MembershipStore,
  membershipDefaults,
  serveFleet,
} from '../fleet/index.ts'
import { Journal, JournalMirror, journalDefaults } from '../journal/index.ts'
import { bucketFromConfig, prefixedBucket } from '../objstore/index.ts'
import { createLogger, Metrics } from '../telemetry/index.ts'
import { nodeFiles } from '../tsdb/index.ts'
import type { FleetThreadData } from './fleet-options.ts'
import { openSource, scoreWriter } from './fleet-sources.ts'

const restoreRetryMs = 5000

const data = workerData as FleetThreadData
const log = createLogger(data.logLevel)
const directory = join(data.directory, 'journal')

serveFleet(data.port, async ({ write, onMembership }) => {
  const mirror = await openMirror()
  if (mirror !== undefined) await restore(mirror)
  const onDamage = (message: string): void => log.error(message)
  const journal = Journal.open<FleetEvent>({
    ...journalDefaults,
    ...data.events,
    directory,
    files: nodeFiles,
    onDamage,
  })
  const service = new FleetService({
    sources: data.sources.map(openSource),
    embedded: new Set(data.sources.filter((one) => one.directory !== '').map(({ name }) => name)),
    decisions: new DecisionStore(join(data.directory, 'decisions')),
    memberships: await openMemberships(journal),
    writeScores: scoreWriter(data.sources),
    journal,
    mirror,
    write,
    onMembership,
    log,
    now: Date.now,
    options: data.options,
  })
  await service.start()
  return service
})

function openMemberships(journal: Journal<FleetEvent>): Promise<MembershipStore> {
  return MembershipStore.open(join(data.directory, 'memberships.json'), journal, {
    ...membershipDefaults,
    intervalsPerSelector: data.membershipIntervals,
  })
}

// A journal that begins anew would replace its copy, so a disk without one waits for the bucket.
async function restore(mirror: JournalMirror): Promise<void> {
  for (;;) {
    try {
      if (await mirror.restore()) log.info('the journal of the fleet was restored from the bucket')
      return
    } catch (error) {
      log.error({ err: error }, 'the fleet waits for the copy of its journal in the bucket')
      await sleep(restoreRetryMs)
    }
  }
}

async function openMirror(): Promise<JournalMirror | undefined> {
  if (data.objstoreConfigFile === '') return undefined
  const text = readFileSync(data.objstoreConfigFile, 'utf8')
  const { env: environment } = process
  const bucket = await bucketFromConfig(text, {
    environment,
    log,
    metrics: new Metrics(),
    nowMs: Date.now,
  })
  const checkpointFolders = [data.directory, join(data.directory, 'decisions')]
  const copy = prefixedBucket(bucket, data.bucketPrefix)
  return new JournalMirror(copy, nodeFiles, directory, checkpointFolders)
}
