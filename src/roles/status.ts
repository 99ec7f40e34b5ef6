// The state of the process as its status routes show it: ready or not, reloads, replay, features.

import { stringify } from 'yaml'
import type { StatusDoor } from '../api/index.ts'
import { languageFeatures } from '../promql/index.ts'
import type { QueryPool } from '../query/index.ts'
import type { Config } from './config-schema.ts'
import { leavesOf } from './config-schema.ts'
import { headStatus } from './head-status.ts'
import { engineOptions, msOf } from './options.ts'
import type { Threads } from './threads.ts'
import { version } from './version.ts'

const pollMs = 100

/** What the process knows of itself. */
export interface ProcessStatus {
  readonly door: StatusDoor
  /** Why queries are not answered, or undefined. */
  notReady(): string | undefined
  startDraining(): void
  noteReload(): void
  /** Runs a reload and remembers whether it went well. */
  guardReload(reload: () => Promise<void>): Promise<void>
  /** Starts a query thread and watches the lanes until their replay has ended; resolves at once. */
  start(): Promise<void>
}

/** Status of a process with these threads. */
export function createStatus(parts: {
  readonly config: Config
  readonly threads: Threads
  readonly pool: QueryPool
}): ProcessStatus {
  const { config, threads, pool } = parts
  const startTimeMs = Date.now()
  let reason: string | undefined = 'starting'
  let isServing = false
  let draining = false
  let replay = { min: 0, max: 0, current: 0 }
  let lastReload = { timeMs: startTimeMs, success: true }
  const look = async (): Promise<void> => {
    const reasons = await Promise.all(threads.lanes.map((lane) => lane.call('notReady')))
    const progress = (await Promise.all(
      threads.lanes.map((lane) => lane.call('replayProgress')),
    )) as { doneBytes: number; totalBytes: number }[]
    const sum = (of: (one: { doneBytes: number; totalBytes: number }) => number): number =>
      progress.reduce((total, one) => total + of(one), 0)
    replay = { min: 0, max: sum((one) => one.totalBytes), current: sum((one) => one.doneBytes) }
    reason = reasons.find((one) => one !== undefined) as string | undefined
    if (reason === undefined && !isServing) reason = 'a query thread is starting'
    if (reason !== undefined && !draining) setTimeout(() => void look(), pollMs)
  }
  return {
    door: {
      version,
      startTimeMs,
      retention: config.storage.retentionTime,
      configYaml: () => stringify(config),
      flags: () => flagsOf(config),
      features: () => featuresOf(config),
      headStatus: (asked) =>
        headStatus({ threads, pool, timeoutMs: msOf(config.query.timeout) }, asked),
      blocks: async (tenants) => (await threads.blocks.call('metas', tenants)) as unknown[],
      replay: () => replay,
      activeQueries: () => pool.active(),
      lastReload: () => lastReload,
    },
    notReady: () => (draining ? 'shutting down' : reason),
    startDraining: () => {
      draining = true
    },
    noteReload: () => {
      lastReload = { timeMs: Date.now(), success: true }
    },
    async guardReload(reload) {
      try {
        await reload()
      } catch (error) {
        lastReload = { ...lastReload, success: false }
        throw error
      }
    },
    start() {
      void pool.startFirst().then(() => {
        isServing = true
      })
      return look()
    },
  }
}

function flagsOf(config: Config): Record<string, string> {
  return Object.fromEntries(
    leavesOf().map(({ path, flag }) => {
      const value = path.reduce<unknown>(
        (at, name) => (at as Record<string, unknown>)[name],
        config,
      )
      return [flag, typeof value === 'object' ? JSON.stringify(value) : String(value)]
    }),
  )
}

function featuresOf(config: Config): Record<string, Record<string, boolean>> {
  const { features, delayedNameRemoval, perStepStats, typeAndUnitLabels } = engineOptions(config)
  const language = languageFeatures(features)
  return {
    api: { admin: config.web.enableAdminApi, exclude_alerts: true, query_stats: true },
    otlp_receiver: { otlp_write_receiver: true },
    prometheus: { remote_write_receiver: true },
    promql: {
      ...language.promql,
      at_modifier: true,
      delayed_name_removal: delayedNameRemoval,
      negative_offset: true,
      per_query_lookback_delta: true,
      per_step_stats: perStepStats,
      subqueries: true,
      type_and_unit_labels: typeAndUnitLabels,
    },
    promql_functions: language.promql_functions,
    promql_operators: language.promql_operators,
    tsdb: { delete_series: config.web.enableAdminApi, native_histograms: true, snapshot: true },
  }
}
