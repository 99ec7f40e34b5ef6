// Sections of the configuration: the fields of storage and ingest, each with default and description.

import Type from 'typebox'

/** Section of the configuration. */
export const closed = { additionalProperties: false, default: {} } as const

/** A field of the configuration. */
export function duration(byDefault: string, description: string) {
  return Type.String({ default: byDefault, description, kind: 'duration' })
}

/** A field of the configuration. */
export function size(byDefault: string, description: string) {
  return Type.String({ default: byDefault, description, kind: 'size' })
}

/** A field of the configuration. */
export function text(byDefault: string, description: string, kind?: string) {
  return Type.String({ default: byDefault, description, ...(kind === undefined ? {} : { kind }) })
}

/** A field of the configuration. */
export function count(byDefault: number, description: string, minimum = 0) {
  return Type.Integer({ default: byDefault, minimum, description })
}

/** A field of the configuration. */
export function flag(description: string) {
  return Type.Boolean({ default: false, description })
}

/** Section of the configuration. */
export const limits = {
  bodySize: size(
    '32MB',
    'Largest write body as it arrives; decompressed it may be eight times that.',
  ),
  seriesPerRequest: count(0, 'Most series in one write request; 0 = unlimited.'),
  samplesPerRequest: count(0, 'Most samples in one write request; 0 = unlimited.'),
  activeSeries: count(0, 'Most series that a tenant may have in the head; 0 = unlimited.'),
  labelsPerSeries: count(64, 'Most labels on one series; 0 = unlimited.'),
  labelNameSize: count(1024, 'Longest label name in bytes; 0 = unlimited.'),
  labelValueSize: count(8192, 'Longest label value in bytes; 0 = unlimited.'),
  requestsInFlight: count(64, 'Most write requests of one tenant at a time; 0 = unlimited.'),
}

/** A rule of relabel_config; checked where it is compiled. */
export const relabelRule = Type.Record(Type.String(), Type.Unknown())

/** Section of the configuration. */
export const storage = Type.Object(
  {
    lanes: count(0, 'Storage threads; 0 = one, more from eight cores on.'),
    startTimestamps: flag(
      'Keep start timestamps and use them in queries; chunks that have any are in encodings 4 to 6.',
    ),
    lateDataWait: duration(
      '10m',
      'A window that is over becomes a block once nothing was written to it for so long.',
    ),
    retentionTime: duration('15d', 'Age at which local blocks are deleted.'),
    retentionSize: size('0', 'Size of local blocks above which the oldest go; 0 = unlimited.'),
    shipInterval: duration('30s', 'How often new blocks are looked for and shipped.'),
  },
  closed,
)

/** Section of the configuration. */
export const ingest = Type.Object(
  {
    outOfOrderWindow: duration(
      '6h',
      'How far behind its own newest sample a series may be written.',
    ),
    requestsInFlight: count(256, 'Most write requests at a time over all tenants.', 1),
    exemplarsPerTenant: count(10_000, 'Exemplars kept per tenant; the oldest go first.'),
    otlpTranslation: text(
      'UnderscoreEscapingWithSuffixes',
      'How OTLP names become Prometheus names.',
    ),
    otlpPromoteResourceAttributes: Type.Array(Type.String(), {
      default: [],
      description: 'Resource attributes that become labels of every series.',
    }),
    writeRelabel: Type.Array(relabelRule, {
      default: [],
      description: 'relabel_config rules applied to every written series.',
    }),
  },
  closed,
)
