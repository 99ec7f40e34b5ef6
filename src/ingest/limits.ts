// Limits per tenant: what one request and one tenant may cost. 0 = unlimited.
// Plain values: they travel to the lanes by structured clone, together with an epoch that a reload raises.

import { UserError } from '../model/index.ts'
import type { RelabelRule } from './relabel.ts'

/** The limits of one tenant. */
export interface TenantLimits {
  /** A request body as it arrives. */
  readonly bodySizeBytesMax: number
  /** A request body after decompression. */
  readonly bodyPlainSizeBytesMax: number
  readonly seriesPerRequestMax: number
  readonly samplesPerRequestMax: number
  /** Series with samples in the head. New ones beyond it get 429; known ones are written on. */
  readonly activeSeriesMax: number
  readonly labelCountMax: number
  readonly labelNameSizeBytesMax: number
  readonly labelValueSizeBytesMax: number
  readonly requestsInFlightMax: number
}

/** Bounds that no healthy sender meets: Prometheus sends at most 2000 samples a body. */
export const limitDefaults: TenantLimits = {
  bodySizeBytesMax: 16 * 1024 * 1024,
  bodyPlainSizeBytesMax: 64 * 1024 * 1024,
  seriesPerRequestMax: 0,
  samplesPerRequestMax: 0,
  activeSeriesMax: 0,
  labelCountMax: 128,
  labelNameSizeBytesMax: 1024,
  labelValueSizeBytesMax: 8192,
  requestsInFlightMax: 256,
}

/** What writes are held to: limits and write relabelling, by tenant. */
export interface AdmissionConfig {
  /** Raised by every reload: mappings made under another epoch are not used. */
  readonly epoch: number
  readonly limits: {
    readonly default: TenantLimits
    /** What differs from the default. */
    readonly tenants: Readonly<Record<string, Partial<TenantLimits>>>
  }
  readonly relabel: {
    readonly default: readonly RelabelRule[]
    /** Rules that stand in place of the default ones. */
    readonly tenants: Readonly<Record<string, readonly RelabelRule[]>>
  }
}

/** The defaults, no relabelling. */
export const admissionDefaults: AdmissionConfig = {
  epoch: 0,
  limits: { default: limitDefaults, tenants: {} },
  relabel: { default: [], tenants: {} },
}

/** The limits that hold for a tenant. */
export function limitsOf(config: AdmissionConfig, tenant: string): TenantLimits {
  const { tenants } = config.limits
  return Object.hasOwn(tenants, tenant)
    ? { ...config.limits.default, ...tenants[tenant] }
    : config.limits.default
}

/** Throws UserError body_too_large where a decoded request has more series or samples than its tenant may send. */
export function checkRequestSize(
  limits: TenantLimits,
  tenant: string,
  counts: { readonly series: number; readonly samples: number },
): void {
  refuseAbove('series', counts.series, limits.seriesPerRequestMax, tenant)
  refuseAbove('samples', counts.samples, limits.samplesPerRequestMax, tenant)
}

function refuseAbove(noun: 'series' | 'samples', count: number, max: number, tenant: string): void {
  if (max === 0 || count <= max) return
  throw new UserError('body_too_large', {
    what: `the request has ${count} ${noun}, more than ${max}`,
    where: `tenant ${tenant}`,
    fix: `send smaller requests or raise limits.${noun}PerRequest`,
  })
}
