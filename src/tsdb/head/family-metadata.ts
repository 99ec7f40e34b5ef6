// Family metadata: type, help and unit of metric families, per tenant and bounded; the latest wins.

import { prometheus } from '../../encoding/index.ts'

/** What is known about a metric family. */
export interface FamilyMetadata {
  readonly family: string
  /** counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown. */
  readonly type: string
  readonly help: string
  readonly unit: string
}

const types = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
]

/** The name of a type's number on the wire. */
export function metadataType(type: number): string {
  return types[type] ?? 'unknown'
}

/** The family of a series' metric name: a classic histogram or summary has several names. */
export function familyOf(metricName: string, type: number): string {
  const isComposite = type === 3 || type === 4 || type === 5
  return isComposite ? metricName.replace(/_(bucket|sum|count|gsum|gcount)$/, '') : metricName
}

/** The metadata of all tenants. */
export class FamilyMetadataStore {
  readonly #countMax: number
  readonly #tenants = new Map<string, Map<string, FamilyMetadata>>()

  /** At most `countMax` families per tenant; the one set longest ago goes first. */
  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** Sets a family's metadata; whether that changed anything. */
  set(tenant: string, metadata: FamilyMetadata): boolean {
    let families = this.#tenants.get(tenant)
    if (families === undefined) {
      families = new Map()
      this.#tenants.set(tenant, families)
    }
    const known = families.get(metadata.family)
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(metadata)) return false
    families.delete(metadata.family)
    if (families.size >= this.#countMax) families.delete(families.keys().next().value!)
    families.set(metadata.family, metadata)
    return true
  }

  /** The metadata of a tenant. */
  of(tenant: string): FamilyMetadata[] {
    return [...(this.#tenants.get(tenant)?.values() ?? [])]
  }

  /** Tenants with metadata. */
  tenants(): string[] {
    return [...this.#tenants.keys()]
  }
}

/** Metadata as the bytes of a remote-write message, for the log. */
export function encodeMetadata(metadata: FamilyMetadata): Uint8Array {
  const { family, type, help, unit } = metadata
  const message = { metricFamilyName: family, type: Math.max(0, types.indexOf(type)), help, unit }
  return prometheus.MetricMetadata.encode(message).finish()
}

/** The inverse of `encodeMetadata`. */
export function decodeMetadata(bytes: Uint8Array): FamilyMetadata {
  const message = prometheus.MetricMetadata.decode(bytes)
  return {
    family: message.metricFamilyName ?? '',
    type: metadataType(message.type ?? 0),
    help: message.help ?? '',
    unit: message.unit ?? '',
  }
}
