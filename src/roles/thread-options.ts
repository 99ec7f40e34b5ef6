// What threads are started with, from the configuration.

import { parseSizeBytes } from '../model/index.ts'
import { cutRuleDefaults, type DataDirectory, headLimitDefaults } from '../tsdb/index.ts'
import type { Config } from './config-schema.ts'
import { admissionConfig, memoryLimitBytes, msOf } from './options.ts'

/** Memory that is not the head's: the heaps of all threads, code, buffers. */
const otherMemoryBytes = 320 << 20
const headMemoryBytesMin = 64 << 20
/** Above the last resort of cutting, and below 1.15 times the limit with what is not the head's. */
const hardShare = 1.2

function headMemoryBytes(config: Config, lanes: number): number {
  return Math.floor(
    Math.max(headMemoryBytesMin, memoryLimitBytes(config) - otherMemoryBytes) / lanes,
  )
}

/** Room for a thread's short-lived objects: V8's default of 96 MB, less where all threads have less than 3 GB. */
export function youngGenerationSizeMb(config: Config): number {
  return Math.max(8, Math.min(96, Math.floor(memoryLimitBytes(config) / 2 ** 25)))
}

/** A lane's start but for its place. */
export function laneThreadData(config: Config, lanes: number, seed: Uint32Array) {
  const limits = {
    ...headLimitDefaults,
    outOfOrderWindowMs: msOf(config.ingest.outOfOrderWindow),
    memoryBytes: headMemoryBytes(config, lanes),
    memoryBytesHard: Math.floor(hardShare * headMemoryBytes(config, lanes)),
    bodyPlainSizeBytesMax: 8 * parseSizeBytes(config.limits.bodySize),
    exemplarsPerTenantMax: config.ingest.exemplarsPerTenant,
  }
  const retentionMs = msOf(config.storage.retentionTime)
  return {
    seed,
    limits,
    startTimestamps: config.storage.startTimestamps,
    admission: admissionConfig(config, 1),
    retentionMs,
    logLevel: config.log.level,
  }
}

/** The block thread's start but for its ports. */
export function blockThreadData(
  config: Config,
  directory: DataDirectory,
  lanes: number,
  seed: Uint32Array,
) {
  const memoryBytesMax = Math.floor(0.9 * headMemoryBytes(config, lanes))
  const idleMs = msOf(config.storage.lateDataWait)
  const gone = directory.lanesOnDisk().filter((lane) => lane >= lanes)
  return {
    directory: directory.blocksDirectory,
    seed,
    logLevel: config.log.level,
    rehome: {
      from: gone.map((lane) => directory.laneDirectory(lane)),
      to: directory.laneDirectory(0),
      head: { ...laneThreadData(config, 1, seed), cutWindows: [] },
    },
    rules: {
      ...cutRuleDefaults,
      idleMs,
      openMax: headLimitDefaults.generationsMax,
      memoryBytesMax,
    },
    mergeIndexSizeBytesMax: Math.floor(memoryLimitBytes(config) / 8),
    indexSizeBytesMax: Math.min(128 << 20, Math.floor(memoryLimitBytes(config) / 16)),
    retentionMs: msOf(config.storage.retentionTime),
    retentionSizeBytes: parseSizeBytes(config.storage.retentionSize),
    cutIntervalMs: 5000,
    dropDelayMs: 10_000,
    objstoreConfigFile: config.objstore.configFile,
    bucketDirectory: directory.bucketDirectory,
    cacheDirectory: `${directory.path}/cache`,
    externalLabels: config.externalLabels,
    tenantLabel: config.tenants.label,
    deleteDelayMs: msOf(config.objstore.deleteDelay),
    shipIntervalMs: msOf(config.storage.shipInterval),
    bucketCacheSizeBytes: 32 << 20,
    bucketReadSizeBytesMax: 512 << 20,
    clientPorts: [],
  }
}
