// The head of a lane, from what its thread is started with.

import {
  type AdmissionConfig,
  checkRequestSize,
  createAdmission,
  limitsOf,
  plainBoundsOf,
} from '../ingest/index.ts'
import { hashKeySizeBytes } from '../kernel/index.ts'
import type { MatcherCompiler } from '../storage/index.ts'
import { Head, type HeadAdmission, type RecordSink } from '../tsdb/index.ts'
import type { LaneHeadData } from './thread-data.ts'

/** A head that logs to `sink`. */
export function createLaneHead(
  data: LaneHeadData,
  sink: RecordSink,
  compile: MatcherCompiler,
): Head {
  return new Head({
    seed: data.seed,
    hashKeys: crypto.getRandomValues(new Uint8Array(hashKeySizeBytes)),
    sink,
    compile,
    admission: headAdmission(data.admission),
    limits: data.limits,
    startTimestamps: data.startTimestamps,
    oldestAcceptedMs: () => Date.now() - data.retentionMs,
    cutWindows: data.cutWindows,
  })
}

/** How a head admits series under this configuration. */
export function headAdmission(config: AdmissionConfig): HeadAdmission {
  return {
    epoch: config.epoch,
    admit: createAdmission(config),
    plainBounds: (tenant, sender) => plainBoundsOf(config, tenant, sender),
    seriesMax: (tenant) => limitsOf(config, tenant).activeSeriesMax,
    checkSize: (tenant, counts) => checkRequestSize(limitsOf(config, tenant), tenant, counts),
  }
}
