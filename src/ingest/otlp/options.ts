// How OTLP becomes series. Names and meanings are those of Prometheus' `otlp` configuration.

import { UserError } from '../../model/index.ts'

/** How names are translated: escape to underscores or keep UTF-8, with or without suffixes for unit and type. */
export type OtlpTranslation =
  | 'UnderscoreEscapingWithSuffixes'
  | 'UnderscoreEscapingWithoutSuffixes'
  | 'NoUTF8EscapingWithSuffixes'
  | 'NoTranslation'

const translations: readonly OtlpTranslation[] = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
]

/** The strategy of this name; throws UserError bad_config. */
export function parseOtlpTranslation(name: string): OtlpTranslation {
  const found = translations.find((translation) => translation === name)
  if (found !== undefined) return found
  throw new UserError('bad_config', {
    what: `"${name}" is no OTLP translation strategy`,
    fix: `use one of ${translations.join(', ')}`,
  })
}

/** Options of the OTLP door. */
export interface OtlpOptions {
  readonly translation: OtlpTranslation
  /** Resource attributes that become labels of every series. */
  readonly promoteResourceAttributes: readonly string[]
  /** All of them become labels, but for those in `ignoreResourceAttributes`. */
  readonly promoteAllResourceAttributes: boolean
  readonly ignoreResourceAttributes: readonly string[]
  /** service.name, service.namespace and service.instance.id stay on target_info, beside job and instance. */
  readonly keepIdentifyingResourceAttributes: boolean
  /** Histograms with explicit bounds become native histograms with custom buckets. */
  readonly convertHistogramsToNhcb: boolean
  /** The instrumentation scope becomes otel_scope_* labels. */
  readonly promoteScopeMetadata: boolean
  /** Most fields and list members of a body: bounds memory, and the time that translating it takes. */
  readonly elementCountMax: number
}

/** Prometheus' defaults. */
export const otlpDefaults: OtlpOptions = {
  translation: 'UnderscoreEscapingWithSuffixes',
  promoteResourceAttributes: [],
  promoteAllResourceAttributes: false,
  ignoreResourceAttributes: [],
  keepIdentifyingResourceAttributes: false,
  convertHistogramsToNhcb: false,
  promoteScopeMetadata: false,
  // About 40 000 data points with five attributes; collectors send some 8000 at a time.
  elementCountMax: 1_000_000,
}
