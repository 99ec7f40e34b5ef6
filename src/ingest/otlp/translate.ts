// OTLP metrics to a remote-write 2.0 body. Pure: bytes in, bytes and refusals out.
// A fault refuses the data points of one metric; everything else of the request is translated.
// Source: facts about Prometheus' OTLP receiver, §2.7; OpenTelemetry metrics data model.

import type { otlp } from '../../encoding/index.ts'
import { type Labels, metricNameLabel } from '../../model/index.ts'
import type { OtlpForm } from '../negotiate.ts'
import { decodeOtlp } from './decode.ts'
import { OtlpFault } from './fault.ts'
import { metricNameOf, type OtlpKind, unitNameOf } from './names.ts'
import type { OtlpOptions } from './options.ts'
import {
  classicParts,
  customBucketsRow,
  exemplarsOf,
  exponentialRow,
  type FloatPart,
  numberPart,
  summaryParts,
  timesOf,
} from './points.ts'
import {
  attributeLabelsOf,
  type ResourceLabels,
  resourceLabelsOf,
  scopeLabelsOf,
  sortedLabels,
  targetInfoLabelsOf,
} from './resource.ts'
import { type FamilyMetadata, metricTypes, WriteRequestBuilder } from './write-request.ts'

/** A translated request. */
export interface OtlpOutcome {
  /** A plain io.prometheus.write.v2.Request; undefined where there is nothing to write. */
  readonly body: Uint8Array | undefined
  readonly rejections: OtlpRejections
}

/** What could not be translated. */
export interface OtlpRejections {
  readonly dataPointCount: number
  /** The first ten reasons, each naming the metric and the remedy. */
  readonly reasons: readonly string[]
}

/** Translates a body. Throws UserError bad_data where it cannot be decoded, body_too_large beyond its bound. */
export function translateOtlp(
  body: Uint8Array,
  encoding: OtlpForm['encoding'],
  options: OtlpOptions,
): OtlpOutcome {
  const translation = new Translation(options)
  const request = decodeOtlp(body, encoding, options.elementCountMax)
  for (const resource of request.resourceMetrics) translation.resource(resource)
  return translation.outcome()
}

type Attributes = readonly otlp.KeyValue.$Properties[] | null | undefined

/** What surrounds a metric. */
interface Surroundings {
  readonly resource: ResourceLabels
  readonly scope: ReadonlyMap<string, string>
}

/** A metric taken apart. */
interface Family {
  readonly name: string
  readonly metadata: FamilyMetadata
  /** Adds one data point under these labels (without metric name). */
  readonly points: readonly {
    readonly attributes?: Attributes
    readonly timeMs: number
    readonly add: (labels: ReadonlyMap<string, string>) => void
  }[]
}

const reasonCountMax = 10
const targetInfoMetadata = { type: metricTypes.gauge, help: 'Target metadata', unit: '' }
// Half the default lookback, so that target_info is found at every time between the first and the last point.
const targetInfoIntervalMs = 150_000
// A request may hold points decades apart: its target_info is then given for the last hours only.
const targetInfoCountMax = 256

class Translation {
  readonly #options: OtlpOptions
  readonly #builder = new WriteRequestBuilder()
  readonly #reasons: string[] = []
  readonly #targetInfoSeen = new Set<string>()
  #refusedCount = 0

  constructor(options: OtlpOptions) {
    this.#options = options
  }

  outcome(): OtlpOutcome {
    return {
      body: this.#builder.isEmpty ? undefined : this.#builder.encode(),
      rejections: { dataPointCount: this.#refusedCount, reasons: this.#reasons },
    }
  }

  resource(sent: otlp.ResourceMetrics.$Properties): void {
    const attributes = sent.resource?.attributes
    const scopes = sent.scopeMetrics ?? []
    const everyPoint = (): number => scopes.reduce((sum, scope) => sum + pointCountOf(scope), 0)
    const labels = this.#guarded('a resource', everyPoint, () =>
      resourceLabelsOf(attributes, this.#options),
    )
    if (labels === undefined) return
    const timesMs = scopes.flatMap((scope) => this.#scope(scope, labels))
    if (timesMs.length > 0) this.#targetInfo(attributes, labels, timesMs)
  }

  /** Translates a scope and gives the times of its data points. */
  #scope(sent: otlp.ScopeMetrics.$Properties, resource: ResourceLabels): number[] {
    const scope = this.#guarded(
      'a scope',
      () => pointCountOf(sent),
      () => scopeLabelsOf(sent.scope, sent.schemaUrl ?? '', this.#options),
    )
    if (scope === undefined) return []
    return (sent.metrics ?? []).flatMap((metric) => this.#metric(metric, { resource, scope }))
  }

  #metric(metric: otlp.Metric.$Properties, around: Surroundings): number[] {
    const where = `metric ${JSON.stringify(metric.name ?? '')}`
    const family = this.#guarded(
      where,
      () => pointsOf(metric).length,
      () => this.#family(metric),
    )
    if (family === undefined) return []
    return family.points.flatMap((point) => {
      const added = this.#guarded(
        where,
        () => 1,
        () => {
          point.add(this.#labels(point.attributes, around))
          return point.timeMs
        },
      )
      return added === undefined ? [] : [added]
    })
  }

  #labels(attributes: Attributes, { resource, scope }: Surroundings): Map<string, string> {
    const labels = attributeLabelsOf(attributes, this.#options)
    for (const [name, value] of resource.promoted) if (!labels.get(name)) labels.set(name, value)
    for (const [name, value] of resource.identity) labels.set(name, value)
    for (const [name, value] of scope) labels.set(name, value)
    return labels
  }

  #family(metric: otlp.Metric.$Properties): Family {
    const { gauge, sum, histogram, exponentialHistogram, summary } = metric
    if (gauge) {
      const named = this.#named(metric, 'gauge', metricTypes.gauge)
      return {
        ...named,
        points: this.#floats(gauge.dataPoints, named, (p) => [numberPart(p, false)]),
      }
    }
    if (sum) {
      refuseDelta(sum.aggregationTemporality)
      const kind = sum.isMonotonic ? 'counter' : 'other'
      const type = sum.isMonotonic ? metricTypes.counter : metricTypes.gauge
      const named = this.#named(metric, kind, type)
      return { ...named, points: this.#floats(sum.dataPoints, named, (p) => [numberPart(p, true)]) }
    }
    if (histogram) {
      refuseDelta(histogram.aggregationTemporality)
      const named = this.#named(metric, 'other', metricTypes.histogram)
      const points = this.#options.convertHistogramsToNhcb
        ? this.#histograms(histogram.dataPoints, named, customBucketsRow)
        : this.#floats(histogram.dataPoints, named, classicParts)
      return { ...named, points }
    }
    if (exponentialHistogram) {
      refuseDelta(exponentialHistogram.aggregationTemporality)
      const named = this.#named(metric, 'other', metricTypes.histogram)
      const { dataPoints } = exponentialHistogram
      return { ...named, points: this.#histograms(dataPoints, named, exponentialRow) }
    }
    if (summary) {
      const named = this.#named(metric, 'other', metricTypes.summary)
      return { ...named, points: this.#floats(summary.dataPoints, named, summaryParts) }
    }
    throw new OtlpFault('it has no data of a known kind', 'update the exporter, or us')
  }

  #named(
    metric: otlp.Metric.$Properties,
    kind: OtlpKind,
    type: number,
  ): { readonly name: string; readonly metadata: FamilyMetadata } {
    const unit = metric.unit ?? ''
    const sent = { name: metric.name ?? '', unit, kind }
    const name = metricNameOf(sent, this.#options.translation)
    if (name === undefined) throw new OtlpFault('its name leaves no metric name', 'rename it')
    return { name, metadata: { type, help: metric.description ?? '', unit: unitNameOf(unit) } }
  }

  #floats<P extends Parameters<typeof timesOf>[0] & { readonly attributes?: Attributes }>(
    points: readonly P[] | null | undefined,
    { name, metadata }: { readonly name: string; readonly metadata: FamilyMetadata },
    partsOf: (point: P) => readonly FloatPart[],
  ): Family['points'] {
    return (points ?? []).map((point) => ({
      attributes: point.attributes,
      timeMs: timesOf(point).timestampMs,
      add: (labels) => {
        for (const { suffix, label, row, exemplars } of partsOf(point)) {
          const own = label === undefined ? labels : new Map(labels).set(label.name, label.value)
          this.#builder.addFloat(sortedLabels(own, name + suffix), metadata, row, exemplars)
        }
      },
    }))
  }

  #histograms<
    P extends Parameters<typeof timesOf>[0] & {
      readonly attributes?: Attributes
      readonly exemplars?: Parameters<typeof exemplarsOf>[0]
    },
  >(
    points: readonly P[] | null | undefined,
    { name, metadata }: { readonly name: string; readonly metadata: FamilyMetadata },
    rowOf: (point: P) => ReturnType<typeof exponentialRow>,
  ): Family['points'] {
    return (points ?? []).map((point) => ({
      attributes: point.attributes,
      timeMs: timesOf(point).timestampMs,
      add: (labels) => {
        const exemplars = exemplarsOf(point.exemplars)
        this.#builder.addHistogram(sortedLabels(labels, name), metadata, rowOf(point), exemplars)
      },
    }))
  }

  #targetInfo(attributes: Attributes, resource: ResourceLabels, timesMs: readonly number[]): void {
    const labels = this.#guarded(
      'target_info',
      () => 0,
      () => targetInfoLabelsOf(attributes, resource, this.#options),
    )
    if (labels === undefined) return
    let lastMs = Number.NEGATIVE_INFINITY
    let firstMs = Number.POSITIVE_INFINITY
    for (const timeMs of timesMs) {
      lastMs = Math.max(lastMs, timeMs)
      firstMs = Math.min(firstMs, timeMs)
    }
    const series = JSON.stringify(labels.filter(({ name }) => name !== metricNameLabel))
    const startMs = Math.max(firstMs, lastMs - targetInfoCountMax * targetInfoIntervalMs)
    for (let atMs = startMs; atMs < lastMs; atMs += targetInfoIntervalMs) {
      this.#targetInfoSample(labels, series, atMs)
    }
    this.#targetInfoSample(labels, series, lastMs)
  }

  // Several resources of a request may describe the same target.
  #targetInfoSample(labels: Labels, series: string, timestampMs: number): void {
    const key = `${timestampMs} ${series}`
    if (this.#targetInfoSeen.has(key)) return
    this.#targetInfoSeen.add(key)
    const row = { timestampMs, startTimestampMs: 0, stale: false, value: 1 }
    this.#builder.addFloat(labels, targetInfoMetadata, row, [])
  }

  #guarded<T>(where: string, pointCount: () => number, run: () => T): T | undefined {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof OtlpFault)) throw error
      this.#refusedCount += pointCount()
      if (this.#reasons.length < reasonCountMax) this.#reasons.push(`${where}: ${error.message}`)
      return undefined
    }
  }
}

// Protobuf carries the number; JSON may carry a name we do not know, which is not cumulative either.
const cumulative = 2

function refuseDelta(temporality: unknown): void {
  if (temporality === cumulative) return
  const said = temporality === 1 ? 'delta' : 'unspecified'
  throw new OtlpFault(
    `its aggregation temporality is ${said}, and only cumulative is accepted`,
    "set the exporter's temporality preference to cumulative, or put a deltatocumulative processor before us",
  )
}

function pointCountOf(scope: otlp.ScopeMetrics.$Properties): number {
  return (scope.metrics ?? []).reduce((sum, metric) => sum + pointsOf(metric).length, 0)
}

function pointsOf(metric: otlp.Metric.$Properties): readonly unknown[] {
  const { gauge, sum, histogram, exponentialHistogram, summary } = metric
  return (gauge ?? sum ?? histogram ?? exponentialHistogram ?? summary)?.dataPoints ?? []
}
