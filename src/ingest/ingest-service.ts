// The life of one write: tenant, bounds, body, lane. HTTP is above (api/write), storage below (an Appendable).
// Invariants: nothing is read of a body before the request has a tenant and a place; a body is bounded before it
// is read (as it arrives) and before it is decoded (its declared decompressed size).

import { gunzip } from 'node:zlib'
import type { Caller, TenantNaming } from '../model/index.ts'
import { tenantNamingDefaults, UserError } from '../model/index.ts'
import type { Appendable, AppendRequest, AppendResult, WriteFormat } from '../storage/index.ts'
import type { Metrics } from '../telemetry/index.ts'
import { answerStatus } from './answer.ts'
import { InFlight, type InFlightBounds } from './in-flight.ts'
import { createIngestMetrics, type IngestMetrics } from './ingest-metrics.ts'
import { type AdmissionConfig, admissionDefaults, limitsOf, type TenantLimits } from './limits.ts'
import type { OtlpForm, WriteDialect } from './negotiate.ts'
import { type OtlpOptions, otlpDefaults } from './otlp/options.ts'
import type { OtlpOutcome, OtlpRejections } from './otlp/translate.ts'
import { type TenantSources, writeTenant } from './tenant.ts'

/** How the door behaves; a reload replaces it as a whole. */
export interface IngestOptions {
  readonly naming: TenantNaming
  readonly admission: AdmissionConfig
  readonly inFlight: InFlightBounds
  readonly otlp: OtlpOptions
}

/** Defaults of embedded mode. */
export const ingestDefaults: IngestOptions = {
  naming: tenantNamingDefaults,
  admission: admissionDefaults,
  inFlight: { requestsMax: 256, bodyBytesMax: 256 * 1024 * 1024 },
  otlp: otlpDefaults,
}

/** One write request before its body has been read. */
export interface IncomingWrite {
  readonly caller: Caller
  readonly sources: TenantSources
  /** Content-Length; undefined where the sender does not say. */
  readonly sizeBytes: number | undefined
  /** Reads the body, at most so many bytes; rejects with UserError body_too_large beyond. Called at most once. */
  readBody(sizeBytesMax: number): Promise<Uint8Array>
}

/** What became of a remote write: the status its dialect asks for, and what was stored. */
export interface WriteAnswer {
  readonly status: number
  readonly result: AppendResult
}

/** What became of an OTLP request. */
export interface OtlpAnswer {
  /** Data points that could not be translated. */
  readonly untranslated: OtlpRejections
  readonly result: AppendResult
}

/** Translates an OTLP body, whose buffer it may take, on whatever thread. Rejects as `translateOtlp` throws. */
export type TranslateOtlp = (
  body: Uint8Array,
  encoding: OtlpForm['encoding'],
  options: OtlpOptions,
) => Promise<OtlpOutcome>

const nothing: AppendResult = {
  samplesWritten: 0,
  histogramsWritten: 0,
  exemplarsWritten: 0,
  rejectedCount: 0,
  rejections: [],
  limited: false,
}

// What a body takes of the bytes in flight when it does not say its size: more than any ordinary body has.
const unknownSizeBytes = 1024 * 1024

/** The door for writes. */
export class IngestService {
  #options: IngestOptions
  readonly #target: Appendable
  readonly #translateOtlp: TranslateOtlp
  readonly #metrics: IngestMetrics
  readonly #inFlight = new InFlight()
  #draining = false

  constructor(parts: {
    readonly options: IngestOptions
    readonly target: Appendable
    readonly translateOtlp: TranslateOtlp
    readonly metrics: Metrics
  }) {
    this.#options = parts.options
    this.#target = parts.target
    this.#translateOtlp = parts.translateOtlp
    this.#metrics = createIngestMetrics(parts.metrics, () => this.#inFlight)
  }

  /** The header names that may carry a tenant, lower-case. */
  get tenantHeaders(): readonly string[] {
    return [this.#options.naming.header.toLowerCase(), 'thanos-tenant']
  }

  /** Labels that the caller's identity fixes. Throws UserError where it may not write to the tenant it names. */
  identityLabels(caller: Caller, sources: TenantSources): Readonly<Record<string, string>> {
    writeTenant(this.#options.naming, caller, sources)
    return caller.identity.labels
  }

  /** The options in use. */
  get options(): IngestOptions {
    return this.#options
  }

  /** Uses other options for requests from now on. */
  reload(options: IngestOptions): void {
    this.#options = options
  }

  /** Refuses requests from now on with not_ready and resolves once those in flight have ended. */
  drain(): Promise<void> {
    this.#draining = true
    return this.#inFlight.empty()
  }

  /** Stores a remote-write body, block snappy. Throws UserError where nothing was stored. */
  write(write: IncomingWrite, format: WriteFormat, dialect: WriteDialect): Promise<WriteAnswer> {
    return this.#enter(write, async (tenant, limits) => {
      const body = await this.#read(write, tenant, limits)
      refusePlainSize(snappySizeBytes(body), limits, tenant)
      const request = {
        tenant,
        sender: senderOf(write),
        format,
        compression: 'snappy',
        body,
      } as const
      const result = await this.#append(request)
      const status = answerStatus(dialect, result)
      this.#note(String(status), tenant, result)
      return { status, result }
    })
  }

  /** Translates and stores an OTLP/HTTP metrics body. Throws UserError where nothing was stored. */
  writeOtlp(write: IncomingWrite, form: OtlpForm): Promise<OtlpAnswer> {
    return this.#enter(write, async (tenant, limits) => {
      const sent = await this.#read(write, tenant, limits)
      const plain = form.compression === 'gzip' ? await inflate(sent, limits, tenant) : sent
      refusePlainSize(plain.length, limits, tenant)
      const { otlp } = this.#options
      const { body, rejections } = await this.#translateOtlp(plain, form.encoding, otlp)
      const result =
        body === undefined
          ? nothing
          : await this.#append({
              tenant,
              sender: senderOf(write),
              format: 'remote-write-2',
              compression: 'none',
              body,
            })
      this.#note('otlp', tenant, result)
      return { untranslated: rejections, result }
    })
  }

  async #enter<T>(
    write: IncomingWrite,
    serve: (tenant: string, limits: TenantLimits) => Promise<T>,
  ): Promise<T> {
    try {
      if (this.#draining) {
        throw new UserError('not_ready', { what: 'shutting down', fix: 'retry' })
      }
      const { naming, admission, inFlight } = this.#options
      const tenant = writeTenant(naming, write.caller, write.sources)
      const limits = limitsOf(admission, tenant)
      refuseSize(write.sizeBytes ?? 0, limits, tenant)
      const reserved = write.sizeBytes ?? unknownSizeBytes
      const place = this.#inFlight.enter(tenant, reserved, limits.requestsInFlightMax, inFlight)
      try {
        return await serve(tenant, limits)
      } finally {
        place.leave()
      }
    } catch (error) {
      this.#metrics.refused.inc({ reason: error instanceof UserError ? error.code : 'internal' })
      throw error
    }
  }

  async #read(write: IncomingWrite, tenant: string, limits: TenantLimits): Promise<Uint8Array> {
    const max = write.sizeBytes ?? (limits.bodySizeBytesMax || this.#options.inFlight.bodyBytesMax)
    const body = await write.readBody(max)
    this.#metrics.bodyBytes.inc({ tenant }, body.length)
    return body
  }

  #note(code: string, tenant: string, result: AppendResult): void {
    this.#metrics.samples.observe({ code, tenant }, elementsOf(result))
    if (result.seriesCount !== undefined)
      this.#metrics.series.observe({ code, tenant }, result.seriesCount)
  }

  async #append(request: AppendRequest): Promise<AppendResult> {
    const result = await this.#target.append(request)
    if (result.rejectedCount > 0) {
      this.#metrics.rejected.inc({ tenant: request.tenant }, result.rejectedCount)
    }
    return result
  }
}

/** The decompressed size that a block-snappy body declares; 0 where the body has no readable size. */
export function snappySizeBytes(body: Uint8Array): number {
  let size = 0
  for (let i = 0; i < 5 && i < body.length; i++) {
    size += (body[i]! & 0x7f) * 2 ** (7 * i)
    if (body[i]! < 0x80) return size
  }
  return 0
}

function senderOf(write: IncomingWrite): AppendRequest['sender'] {
  const { key, labels } = write.caller.identity
  return { key, labels }
}

function elementsOf(result: AppendResult): number {
  return result.samplesWritten + result.histogramsWritten + result.rejectedCount
}

function refuseSize(sizeBytes: number, limits: TenantLimits, tenant: string): void {
  if (limits.bodySizeBytesMax === 0 || sizeBytes <= limits.bodySizeBytesMax) return
  throw new UserError('body_too_large', {
    what: `the body has ${sizeBytes} bytes, more than ${limits.bodySizeBytesMax}`,
    where: `tenant ${tenant}`,
    fix: 'send smaller requests or raise limits.bodySize',
  })
}

function refusePlainSize(sizeBytes: number, limits: TenantLimits, tenant: string): void {
  if (limits.bodyPlainSizeBytesMax === 0 || sizeBytes <= limits.bodyPlainSizeBytesMax) return
  throw new UserError('body_too_large', {
    what: `the decompressed body has ${sizeBytes} bytes, more than ${limits.bodyPlainSizeBytesMax}`,
    where: `tenant ${tenant}`,
    fix: 'send smaller requests or raise limits.bodySize',
  })
}

function inflate(body: Uint8Array, limits: TenantLimits, tenant: string): Promise<Uint8Array> {
  const maxOutputLength = limits.bodyPlainSizeBytesMax || 2 ** 30
  return new Promise((resolve, reject) => {
    gunzip(body, { maxOutputLength }, (error, plain) => {
      if (error === null) return resolve(plain)
      const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      reject(
        tooLarge
          ? new UserError('body_too_large', {
              what: `the decompressed body has more than ${maxOutputLength} bytes`,
              where: `tenant ${tenant}`,
              fix: 'send smaller requests or raise limits.bodySize',
            })
          : new UserError('bad_data', {
              what: `the body is not gzip: ${error.message}`,
              fix: 'correct the sender',
              cause: error,
            }),
      )
    })
  })
}
