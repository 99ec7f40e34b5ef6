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

const forgersMax = 10_000
const forged = new Map<string, number>()

/** Series with forged labels by the key of their sender's identity, since the start of the lane. */
export function forgedSeries(): Readonly<Record<string, number>> {
  return Object.fromEntries(forged)
}

function noteForged({ key }: { readonly key: string }): void {
  const count = forged.get(key) ?? 0
  if (count > 0 || forged.size < forgersMax) forged.set(key, count + 1)
}

/** How a head admits series under this configuration. */
export function headAdmission(config: AdmissionConfig): HeadAdmission {
  return {
    epoch: config.epoch,
    admit: createAdmission(config, noteForged),
    plainBounds: (tenant, sender) => plainBoundsOf(config, tenant, sender),
    seriesMax: (tenant) => limitsOf(config, tenant).activeSeriesMax,
    checkSize: (tenant, counts) => checkRequestSize(limitsOf(config, tenant), tenant, counts),
  }
}
