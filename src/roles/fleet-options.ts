// From the configuration to what the fleet thread is started with.

import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { type FleetServiceOptions, fleetServiceDefaults } from '../fleet/index.ts'
import { parseSizeBytes, UserError } from '../model/index.ts'
import type { FleetSourceConfig } from './config-fleet.ts'
import type { Config } from './config-schema.ts'
import { msOf } from './options.ts'

/** The fleet thread's start. */
export interface FleetThreadData {
  /** To the front. */
  readonly port: MessagePort
  readonly logLevel: string
  readonly sources: readonly FleetSourceConfig[]
  /** Journal and decisions. */
  readonly directory: string
  readonly events: {
    readonly countMax: number
    readonly ageMsMax: number
    readonly sizeBytesMax: number
  }
  /** Most memberships that one selector looks at. */
  readonly membershipIntervals: number
  /** Thanos objstore YAML of the bucket that the journal is copied to; '' = none. */
  readonly objstoreConfigFile: string
  /** Below which the copy stands. */
  readonly bucketPrefix: string
  readonly options: FleetServiceOptions
}

/** The hubs of a configuration; none = no fleet is kept. Throws UserError bad_config. */
export function fleetSources({ fleet }: Config): readonly FleetSourceConfig[] {
  const local = { kubeconfig: '', context: '', inCluster: false }
  const sources: FleetSourceConfig[] = [
    ...(fleet.directory === '' ? [] : [{ ...local, name: 'local', directory: fleet.directory }]),
    ...fleet.sources,
  ]
  const names = new Set<string>()
  for (const { name, directory, kubeconfig, inCluster } of sources) {
    const where = `fleet.sources, hub "${name}"`
    if (name === '' || names.has(name))
      throw new UserError('bad_config', { what: 'every hub needs a name of its own', where })
    names.add(name)
    const ways = [directory !== '', kubeconfig !== '', inCluster].filter(Boolean).length
    if (ways === 1) continue
    const what = 'a hub is read from one of directory, kubeconfig and inCluster'
    throw new UserError('bad_config', { what, where })
  }
  return sources
}

/** The fleet thread's start but for its port. Throws UserError bad_config. */
export function fleetThreadData(config: Config): Omit<FleetThreadData, 'port'> {
  const { events, senders, sampleAge, pageLimit } = config.fleet
  const labels = Object.entries(config.externalLabels).map(([name, value]) => `${name}=${value}`)
  return {
    logLevel: config.log.level,
    sources: fleetSources(config),
    directory: join(config.data, 'fleet'),
    events: {
      countMax: events.count,
      ageMsMax: msOf(events.age),
      sizeBytesMax: parseSizeBytes(events.size),
    },
    membershipIntervals: config.fleet.membershipIntervals,
    objstoreConfigFile: config.objstore.configFile,
    bucketPrefix: `crowsnest/journal/${labels.sort().join(',').replace(/[/\\]/g, '_')}`,
    options: { ...fleetServiceDefaults, senders, pageLimit, sampleAgeMsMax: msOf(sampleAge) },
  }
}
