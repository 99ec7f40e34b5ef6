// What a resource and its scope give to every series: job, instance, promoted attributes, target_info.
// Source: OpenTelemetry "Prometheus and OpenMetrics compatibility", resource attributes.

import type { otlp } from '../../encoding/index.ts'
import { type Labels, metricNameLabel, sortLabels } from '../../model/index.ts'
import { OtlpFault } from './fault.ts'
import { escapes, labelNameOf } from './names.ts'
import type { OtlpOptions } from './options.ts'
import { textOf } from './values.ts'

type Attributes = readonly otlp.KeyValue.$Properties[] | null | undefined

const identifying: ReadonlySet<string> = new Set([
  'service.name',
  'service.namespace',
  'service.instance.id',
])

/** Labels of a resource, by name. */
export interface ResourceLabels {
  /** Promoted attributes: only where the data point has no label of that name. */
  readonly promoted: ReadonlyMap<string, string>
  /** job and instance: always. */
  readonly identity: ReadonlyMap<string, string>
}

/** The labels that a resource gives to its series. Throws OtlpFault. */
export function resourceLabelsOf(attributes: Attributes, options: OtlpOptions): ResourceLabels {
  const values = new Map((attributes ?? []).map(({ key, value }) => [key ?? '', textOf(value)]))
  const identity = new Map<string, string>()
  const name = values.get('service.name')
  const namespace = values.get('service.namespace')
  const instance = values.get('service.instance.id')
  if (name !== undefined) identity.set('job', namespace ? `${namespace}/${name}` : name)
  if (instance !== undefined) identity.set('instance', instance)
  const promotes = options.promoteAllResourceAttributes
    ? (key: string) => !options.ignoreResourceAttributes.includes(key)
    : (key: string) => options.promoteResourceAttributes.includes(key)
  const promoted = new Map<string, string>()
  for (const [key, value] of values) {
    if (promotes(key)) promoted.set(checkedLabelName(key, options), value)
  }
  return { promoted, identity }
}

/** The otel_scope_* labels, empty unless they are wanted and the scope has a name. Throws OtlpFault. */
export function scopeLabelsOf(
  scope: otlp.Scope.$Properties | null | undefined,
  schemaUrl: string,
  options: OtlpOptions,
): ReadonlyMap<string, string> {
  const labels = new Map<string, string>()
  if (!options.promoteScopeMetadata || !scope?.name) return labels
  for (const { key, value } of scope.attributes ?? []) {
    labels.set(checkedLabelName(`otel_scope_${key ?? ''}`, options), textOf(value))
  }
  labels.set('otel_scope_name', scope.name)
  labels.set('otel_scope_version', scope.version ?? '')
  labels.set('otel_scope_schema_url', schemaUrl)
  return labels
}

/**
 * Labels of attributes, by name. Names that become equal by escaping share a label, their values joined by `;` in
 * the order of the original names. Throws OtlpFault where a name leaves nothing usable.
 */
export function attributeLabelsOf(
  attributes: Attributes,
  options: OtlpOptions,
  skip: ReadonlySet<string> = reserved,
): Map<string, string> {
  const sent = (attributes ?? [])
    .map(({ key, value }) => ({ name: key ?? '', value: textOf(value) }))
    .filter(({ name }) => !skip.has(name))
  const labels = new Map<string, string>()
  for (const { name, value } of sortLabels(sent)) {
    const label = checkedLabelName(name, options)
    const earlier = escapes(options.translation) ? labels.get(label) : undefined
    labels.set(label, earlier === undefined ? value : `${earlier};${value}`)
  }
  return labels
}

const reserved: ReadonlySet<string> = new Set([metricNameLabel])

/** Labels of target_info, or undefined where the resource says no more than job and instance, or not even those. */
export function targetInfoLabelsOf(
  attributes: Attributes,
  resource: ResourceLabels,
  options: OtlpOptions,
): Labels | undefined {
  const telling = (attributes ?? []).some(({ key }) => !identifying.has(key ?? ''))
  if (!telling) return undefined
  const skip = options.keepIdentifyingResourceAttributes ? reserved : identifying
  const labels = attributeLabelsOf(attributes, options, skip)
  for (const [name, value] of resource.identity) labels.set(name, value)
  if (!labels.get('job') && !labels.get('instance')) return undefined
  return sortedLabels(labels, 'target_info')
}

/** Sorted labels of a series with this metric name. */
export function sortedLabels(labels: ReadonlyMap<string, string>, metricName: string): Labels {
  const pairs = [...labels].map(([name, value]) => ({ name, value }))
  return sortLabels([
    ...pairs.filter(({ name }) => name !== metricNameLabel),
    { name: metricNameLabel, value: metricName },
  ])
}

function checkedLabelName(name: string, options: OtlpOptions): string {
  const label = labelNameOf(name, options.translation)
  if (label !== undefined) return label
  throw new OtlpFault(`attribute ${JSON.stringify(name)} leaves no label name`, 'rename it')
}
