// From the configuration to the rooms' options: texts become numbers here, once.

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import {
  type AdmissionConfig,
  compileRelabel,
  type IngestOptions,
  ingestDefaults,
  otlpDefaults,
  parseOtlpTranslation,
  type RelabelRule,
  type TenantLimits,
} from '../ingest/index.ts'
import { parseDurationMs, parseSizeBytes, type TenantNaming } from '../model/index.ts'
import {
  allParserFeatures,
  defaultEngineOptions,
  defaultParserFeatures,
  type EvaluationOptions,
  type ParserFeatures,
} from '../promql/index.ts'
import type { QueryMemory } from '../query/index.ts'
import type { Config } from './config-schema.ts'

/** Milliseconds of a checked duration. */
export function msOf(duration: string): number {
  return parseDurationMs(duration) ?? 0
}

/** The memory that may be used: as configured, else three quarters of the cgroup or the machine. */
export function memoryLimitBytes(config: Config): number {
  if (config.memory.limit !== '') return parseSizeBytes(config.memory.limit)
  return Math.floor(0.75 * Math.min(cgroupLimitBytes(), totalmem()))
}

/** What the queries of one thread may hold at a time. */
export function queryMemory(config: Config, threadCount: number): QueryMemory {
  const { maxMemory, maxMemoryTotal } = config.query
  const total =
    maxMemoryTotal === '' ? memoryLimitBytes(config) / 4 : parseSizeBytes(maxMemoryTotal)
  return {
    callSizeBytesMax: parseSizeBytes(maxMemory),
    threadSizeBytesMax: Math.floor(total / threadCount),
  }
}

/** What a query thread's heap holds beside the objects of its queries: code, plans, dictionaries. */
const heapBaseMebibytes = 192

/** The bound of a query thread's JavaScript heap: were all that queries may hold objects, it would fit. */
export function queryHeapMebibytes(config: Config, threadCount: number): number {
  const { threadSizeBytesMax } = queryMemory(config, threadCount)
  return heapBaseMebibytes + Math.ceil(threadSizeBytesMax / 2 ** 20)
}

/** The bound of the OTLP thread's JavaScript heap; collectors' usual bodies take a tenth of its least. */
export function otlpHeapMebibytes(config: Config): number {
  return Math.min(512, Math.max(128, Math.floor(memoryLimitBytes(config) / 2 ** 23)))
}

/** How an engine evaluates. */
export function engineOptions(
  config: Config,
): EvaluationOptions & { readonly features: ParserFeatures } {
  return {
    ...defaultEngineOptions,
    lookbackMs: msOf(config.query.lookbackDelta),
    maxSamples: config.query.maxSamples,
    maxSamplesOption: 'query.maxSamples',
    useStartTimestamps: config.storage.startTimestamps,
    perStepStats: config.promql.experimental === 'all',
    features: config.promql.experimental === 'all' ? allParserFeatures : defaultParserFeatures,
  }
}

/** Limits and relabelling of all tenants; `epoch` is raised by every reload. Throws UserError bad_config. */
export function admissionConfig(config: Config, epoch: number): AdmissionConfig {
  const overrides = Object.entries(config.tenants.overrides)
  const relabel = {
    default: config.ingest.writeRelabel as RelabelRule[],
    tenants: Object.fromEntries(
      overrides.flatMap(([tenant, { writeRelabel }]) =>
        writeRelabel === undefined ? [] : [[tenant, writeRelabel as RelabelRule[]] as const],
      ),
    ),
  }
  // Compiled here for the sake of its errors; the lanes compile it again for themselves.
  compileRelabel(relabel.default, 'ingest.writeRelabel')
  for (const [tenant, rules] of Object.entries(relabel.tenants)) {
    compileRelabel(rules, `tenants.overrides.${tenant}.writeRelabel`)
  }
  const tenants = overrides.map(([tenant, { limits = {} }]) => [tenant, limitsOf(limits)] as const)
  const complete = limitsOf(config.limits) as TenantLimits
  return { epoch, limits: { default: complete, tenants: Object.fromEntries(tenants) }, relabel }
}

/** How names of tenants become tenants. */
export function namingOf({ tenants }: Config): TenantNaming {
  return { defaultTenant: tenants.default, aliases: tenants.aliases, header: tenants.header }
}

/** The options of the write door. Throws UserError bad_config. */
export function ingestOptions(config: Config, epoch: number): IngestOptions {
  return {
    naming: namingOf(config),
    admission: admissionConfig(config, epoch),
    inFlight: { ...ingestDefaults.inFlight, requestsMax: config.ingest.requestsInFlight },
    otlp: {
      ...otlpDefaults,
      translation: parseOtlpTranslation(config.ingest.otlpTranslation),
      promoteResourceAttributes: config.ingest.otlpPromoteResourceAttributes,
    },
  }
}

function limitsOf(limits: Partial<Config['limits']>): Partial<TenantLimits> {
  const body = limits.bodySize === undefined ? undefined : parseSizeBytes(limits.bodySize)
  const given = {
    bodySizeBytesMax: body,
    bodyPlainSizeBytesMax: body === undefined ? undefined : 8 * body,
    seriesPerRequestMax: limits.seriesPerRequest,
    samplesPerRequestMax: limits.samplesPerRequest,
    activeSeriesMax: limits.activeSeries,
    labelCountMax: limits.labelsPerSeries,
    labelNameSizeBytesMax: limits.labelNameSize,
    labelValueSizeBytesMax: limits.labelValueSize,
    requestsInFlightMax: limits.requestsInFlight,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

// "max" where there is no limit; absent outside of a cgroup v2.
function cgroupLimitBytes(): number {
  try {
    const text = readFileSync('/sys/fs/cgroup/memory.max', 'utf8').trim()
    return text === 'max' ? Infinity : Number(text)
  } catch {
    return Infinity
  }
}
