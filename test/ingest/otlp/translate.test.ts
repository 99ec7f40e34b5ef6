import { describe, expect, it } from 'vitest'
import { io, otlp } from '../../../src/encoding/index.ts'
import { type OtlpOptions, otlpDefaults, translateOtlp } from '../../../src/ingest/index.ts'
import { formatLabels } from '../../../src/model/index.ts'

const atMs = 1_700_000_000_001
const timeUnixNano = `${atMs}000000`
const startTimeUnixNano = `${atMs - 60_000}000000`
const cumulative = { aggregationTemporality: 2 }
const service = { attributes: attributes({ 'service.name': 'shop' }) }

function attributes(pairs: Readonly<Record<string, string>>) {
  return Object.entries(pairs).map(([key, value]) => ({ key, value: { stringValue: value } }))
}

interface Translated {
  /** `series value@time`, `(start)` and `stale` where there are any. */
  readonly lines: readonly string[]
  readonly request: io.prometheus.write.v2.Request | undefined
  readonly refused: number
  readonly reasons: readonly string[]
}

/** Translates one resource with one scope of metrics. */
function translated(
  metrics: readonly object[],
  options: Partial<OtlpOptions> = {},
  around: { resource?: object; scope?: object; schemaUrl?: string } = {},
): Translated {
  const { resource = service, ...scope } = around
  const message = { resourceMetrics: [{ resource, scopeMetrics: [{ ...scope, metrics }] }] }
  const wire = otlp.ExportMetricsServiceRequest.encode(
    otlp.ExportMetricsServiceRequest.fromObject(message),
  ).finish()
  const outcome = translateOtlp(wire, 'protobuf', { ...otlpDefaults, ...options })
  const { dataPointCount, reasons } = outcome.rejections
  if (outcome.body === undefined) {
    return { lines: [], request: undefined, refused: dataPointCount, reasons }
  }
  const request = io.prometheus.write.v2.Request.decode(outcome.body)
  return { lines: linesOf(request), request, refused: dataPointCount, reasons }
}

function seriesOf(request: io.prometheus.write.v2.Request, refs: readonly number[]): string {
  const labels = refs.flatMap((ref, i) =>
    i % 2 === 0 ? [{ name: request.symbols[ref]!, value: request.symbols[refs[i + 1]!]! }] : [],
  )
  return formatLabels(labels)
}

function linesOf(request: io.prometheus.write.v2.Request): string[] {
  return request.timeseries.flatMap((series) => {
    const name = seriesOf(request, series.labelsRefs!)
    return series.samples!.map((sample) => {
      const bits = Buffer.alloc(8)
      bits.writeDoubleBE(sample.value!)
      const shown = bits.toString('hex') === '7ff0000000000002' ? 'stale' : sample.value
      const start = Number(sample.startTimestamp ?? 0)
      return `${name} ${shown}@${Number(sample.timestamp)}${start === 0 ? '' : ` (${start})`}`
    })
  })
}

describe('gauges and sums', () => {
  it('become a series with job and instance, type and unit in the name and in the metadata', () => {
    const resource = {
      attributes: attributes({
        'service.name': 'shop',
        'service.namespace': 'eu',
        'service.instance.id': 'pod-1',
      }),
    }
    const sum = {
      ...cumulative,
      isMonotonic: true,
      dataPoints: [
        {
          timeUnixNano,
          startTimeUnixNano,
          asInt: '7',
          attributes: attributes({ 'http.code': '200' }),
        },
      ],
    }
    const gauge = { dataPoints: [{ timeUnixNano, asDouble: 0.5 }] }
    const { lines, request } = translated(
      [
        { name: 'http.requests', unit: '{request}', description: 'Requests.', sum },
        { name: 'heap', unit: 'By', gauge },
      ],
      {},
      { resource },
    )
    expect(lines).toEqual([
      `http_requests_total{http_code="200", instance="pod-1", job="eu/shop"} 7@${atMs} (${atMs - 60_000})`,
      `heap_bytes{instance="pod-1", job="eu/shop"} 0.5@${atMs}`,
    ])
    const { symbols, timeseries } = request!
    expect(symbols[0]).toBe('')
    expect(timeseries.map(({ metadata }) => metadata!.type)).toEqual([1, 2])
    expect(symbols[timeseries[0]!.metadata!.helpRef!]).toBe('Requests.')
    expect(symbols[timeseries[1]!.metadata!.unitRef!]).toBe('bytes')
  })

  it('gather the points of one series, sorted by time', () => {
    const later = `${atMs + 1000}000000`
    const dataPoints = [
      { timeUnixNano: later, asDouble: 2 },
      { timeUnixNano, asDouble: 1 },
    ]
    const { request, lines } = translated([{ name: 'a', gauge: { dataPoints } }])
    expect(request!.timeseries).toHaveLength(1)
    expect(lines).toEqual([`a{job="shop"} 1@${atMs}`, `a{job="shop"} 2@${atMs + 1000}`])
  })

  it('end with a stale marker where no value was recorded', () => {
    const dataPoints = [{ timeUnixNano, flags: 1 }]
    expect(translated([{ name: 'a', gauge: { dataPoints } }]).lines).toEqual([
      `a{job="shop"} stale@${atMs}`,
    ])
  })

  it('join the values of attributes that escape to one name', () => {
    const point = {
      timeUnixNano,
      asInt: 1,
      attributes: attributes({ 'a.b': 'x', 'a-b': 'y', a_b: 'z' }),
    }
    const metric = { name: 'm', gauge: { dataPoints: [point] } }
    expect(translated([metric]).lines).toEqual([`m{a_b="y;x;z", job="shop"} 1@${atMs}`])
    expect(translated([metric], { translation: 'NoTranslation' }).lines).toEqual([
      `m{"a-b"="y", "a.b"="x", a_b="z", job="shop"} 1@${atMs}`,
    ])
  })

  it('never take their name from an attribute', () => {
    const point = { timeUnixNano, asInt: 1, attributes: attributes({ __name__: 'evil' }) }
    expect(translated([{ name: 'm', gauge: { dataPoints: [point] } }]).lines).toEqual([
      `m{job="shop"} 1@${atMs}`,
    ])
  })

  it('carry exemplars with trace and span', () => {
    const exemplars = [
      {
        timeUnixNano,
        asDouble: 0.25,
        traceId: Buffer.from('0102', 'hex'),
        spanId: Buffer.from('ff', 'hex'),
        filteredAttributes: attributes({ user: 'u' }),
      },
    ]
    const sum = {
      ...cumulative,
      isMonotonic: true,
      dataPoints: [{ timeUnixNano, asInt: 1, exemplars }],
    }
    const { request } = translated([{ name: 'm', sum }])
    const exemplar = request!.timeseries[0]!.exemplars![0]!
    expect(seriesOf(request!, exemplar.labelsRefs!)).toBe(
      '{span_id="ff", trace_id="0102", user="u"}',
    )
    expect([exemplar.value, Number(exemplar.timestamp)]).toEqual([0.25, atMs])
  })
})

describe('histograms with explicit bounds', () => {
  const point = {
    timeUnixNano,
    count: 10,
    sum: 12.5,
    bucketCounts: [1, 2, 3, 4],
    explicitBounds: [0.1, 1, 10],
    exemplars: [
      { timeUnixNano, asDouble: 5 },
      { timeUnixNano, asDouble: 0.05 },
    ],
  }
  const metric = (dataPoint: object) => ({
    name: 'latency',
    unit: 's',
    histogram: { ...cumulative, dataPoints: [dataPoint] },
  })

  it('become cumulative classic series, exemplars in their buckets', () => {
    const { lines, request } = translated([metric(point)])
    expect(lines).toEqual([
      `latency_seconds_sum{job="shop"} 12.5@${atMs}`,
      `latency_seconds_count{job="shop"} 10@${atMs}`,
      `latency_seconds_bucket{job="shop", le="0.1"} 1@${atMs}`,
      `latency_seconds_bucket{job="shop", le="1"} 3@${atMs}`,
      `latency_seconds_bucket{job="shop", le="10"} 6@${atMs}`,
      `latency_seconds_bucket{job="shop", le="+Inf"} 10@${atMs}`,
    ])
    expect(request!.timeseries.map(({ exemplars }) => exemplars!.map((e) => e.value))).toEqual([
      [],
      [],
      [0.05],
      [],
      [5],
      [],
    ])
  })

  it('have no _sum series where no sum was sent, and only +Inf without bounds', () => {
    const bare = { timeUnixNano, count: 3 }
    expect(translated([metric(bare)]).lines).toEqual([
      `latency_seconds_count{job="shop"} 3@${atMs}`,
      `latency_seconds_bucket{job="shop", le="+Inf"} 3@${atMs}`,
    ])
  })

  it('are all stale where no value was recorded', () => {
    const { lines } = translated([metric({ ...point, flags: 1 })])
    expect(lines).toHaveLength(6)
    for (const line of lines) expect(line).toContain(' stale@')
  })

  it('become native histograms with custom buckets where that is wanted', () => {
    const { request, lines } = translated([metric(point)], { convertHistogramsToNhcb: true })
    expect(lines).toEqual([])
    const histogram = request!.timeseries[0]!.histograms![0]!
    expect(seriesOf(request!, request!.timeseries[0]!.labelsRefs!)).toBe(
      'latency_seconds{job="shop"}',
    )
    expect(histogram).toMatchObject({
      schema: -53,
      sum: 12.5,
      customValues: [0.1, 1, 10],
      positiveSpans: [{ length: 4 }],
    })
    expect(histogram.positiveDeltas!.map(Number)).toEqual([1, 1, 1, 1])
    expect(Number(histogram.countInt)).toBe(10)
  })

  it('are refused where counts and bounds do not fit', () => {
    const { refused, reasons, request } = translated([metric({ ...point, bucketCounts: [1, 2] })])
    expect(request).toBeUndefined()
    expect([refused, reasons[0]]).toEqual([
      1,
      'metric "latency": a data point has 2 bucket counts for 3 bounds; send one count more than bounds',
    ])
  })
})

describe('exponential histograms', () => {
  const metric = (dataPoint: object) => ({
    name: 'latency',
    exponentialHistogram: { ...cumulative, dataPoints: [{ timeUnixNano, ...dataPoint }] },
  })
  const histogramOf = (dataPoint: object) =>
    translated([metric(dataPoint)]).request!.timeseries[0]!.histograms![0]!

  it('become native histograms', () => {
    const histogram = histogramOf({
      scale: 3,
      count: 9,
      sum: 4.5,
      zeroCount: 2,
      startTimeUnixNano,
      positive: { offset: -2, bucketCounts: [1, 0, 0, 0, 3] },
      negative: { offset: 4, bucketCounts: [3] },
    })
    expect(histogram).toMatchObject({
      schema: 3,
      sum: 4.5,
      zeroThreshold: 1e-128,
      positiveSpans: [
        { offset: -1, length: 1 },
        { offset: 3, length: 1 },
      ],
      negativeSpans: [{ offset: 5, length: 1 }],
    })
    expect(histogram.positiveDeltas!.map(Number)).toEqual([1, 2])
    expect(histogram.negativeDeltas!.map(Number)).toEqual([3])
    expect(Number(histogram.zeroCountInt)).toBe(2)
    expect(Number(histogram.startTimestamp)).toBe(atMs - 60_000)
    expect(Number(histogram.timestamp)).toBe(atMs)
  })

  it('keep the zero threshold that was sent', () => {
    expect(histogramOf({ count: 0, zeroThreshold: 0.001 }).zeroThreshold).toBe(0.001)
  })

  it('are merged down to schema 8 and refused below -4', () => {
    const histogram = histogramOf({
      scale: 9,
      count: 4,
      positive: { offset: 0, bucketCounts: [1, 2, 1] },
    })
    expect(histogram).toMatchObject({ schema: 8, positiveSpans: [{ offset: 1, length: 2 }] })
    expect(histogram.positiveDeltas!.map(Number)).toEqual([3, -2])
    expect(translated([metric({ scale: -5 })]).reasons[0]).toMatch(/scale -5 is below -4/)
  })

  it('end with the stale marker as their sum', () => {
    const histogram = histogramOf({ flags: 1, count: 5, positive: { bucketCounts: [5] } })
    const bits = Buffer.alloc(8)
    bits.writeDoubleBE(histogram.sum!)
    expect(bits.toString('hex')).toBe('7ff0000000000002')
    expect(histogram.positiveSpans).toEqual([])
  })
})

describe('summaries', () => {
  it('become sum, count and a series per quantile', () => {
    const quantileValues = [
      { quantile: 0.5, value: 1 },
      { quantile: 0.99, value: 3 },
    ]
    const summary = { dataPoints: [{ timeUnixNano, count: 4, sum: 5, quantileValues }] }
    expect(translated([{ name: 's', summary }]).lines).toEqual([
      `s_sum{job="shop"} 5@${atMs}`,
      `s_count{job="shop"} 4@${atMs}`,
      `s{job="shop", quantile="0.5"} 1@${atMs}`,
      `s{job="shop", quantile="0.99"} 3@${atMs}`,
    ])
  })
})

describe('resources and scopes', () => {
  const metric = { name: 'm', gauge: { dataPoints: [{ timeUnixNano, asInt: 1 }] } }
  const resource = {
    attributes: attributes({ 'service.name': 'shop', 'k8s.pod.name': 'p', 'cloud.region': 'eu' }),
  }

  it('give target_info what is not job and instance', () => {
    expect(translated([metric], {}, { resource }).lines).toEqual([
      `m{job="shop"} 1@${atMs}`,
      `target_info{cloud_region="eu", job="shop", k8s_pod_name="p"} 1@${atMs}`,
    ])
    const kept = translated([metric], { keepIdentifyingResourceAttributes: true }, { resource })
    expect(kept.lines[1]).toContain('service_name="shop"')
  })

  it('give no target_info without job and instance', () => {
    const nameless = { attributes: attributes({ 'cloud.region': 'eu' }) }
    expect(translated([metric], {}, { resource: nameless }).lines).toEqual([`m 1@${atMs}`])
  })

  it('repeat target_info from the first to the last point, a bounded number of times', () => {
    const gauge = (firstMs: number) => ({
      dataPoints: [
        { timeUnixNano: `${firstMs}000000`, asInt: 1 },
        { timeUnixNano, asInt: 2 },
      ],
    })
    const info = (firstMs: number) =>
      translated([{ name: 'm', gauge: gauge(firstMs) }], {}, { resource }).lines.filter((line) =>
        line.startsWith('target_info'),
      )
    expect(info(atMs - 200_000).map((line) => Number(line.split('@')[1]))).toEqual([
      atMs - 200_000,
      atMs - 50_000,
      atMs,
    ])
    expect(info(1)).toHaveLength(257)
  })

  it('promote chosen or all attributes, which never replace a label of the point', () => {
    const chosen = translated(
      [metric],
      { promoteResourceAttributes: ['k8s.pod.name'] },
      { resource },
    )
    expect(chosen.lines[0]).toBe(`m{job="shop", k8s_pod_name="p"} 1@${atMs}`)
    const all = { promoteAllResourceAttributes: true, ignoreResourceAttributes: ['service.name'] }
    expect(translated([metric], all, { resource }).lines[0]).toBe(
      `m{cloud_region="eu", job="shop", k8s_pod_name="p"} 1@${atMs}`,
    )
    const own = { timeUnixNano, asInt: 1, attributes: attributes({ 'cloud.region': 'us' }) }
    const labelled = { name: 'm', gauge: { dataPoints: [own] } }
    expect(translated([labelled], all, { resource }).lines[0]).toContain('cloud_region="us"')
  })

  it('put the scope into labels where that is wanted', () => {
    const scope = { name: 'lib', version: '1.2', attributes: attributes({ 'x.y': 'z' }) }
    const around = { scope, schemaUrl: 'http://schema' }
    expect(translated([metric], { promoteScopeMetadata: true }, around).lines).toEqual([
      `m{job="shop", otel_scope_name="lib", otel_scope_schema_url="http://schema", otel_scope_version="1.2", otel_scope_x_y="z"} 1@${atMs}`,
    ])
    expect(translated([metric], {}, around).lines).toEqual([`m{job="shop"} 1@${atMs}`])
  })
})

describe('refusals', () => {
  const good = { name: 'good', gauge: { dataPoints: [{ timeUnixNano, asInt: 1 }] } }

  it('name the metric and the remedy for delta temporality, and the rest goes on', () => {
    const delta = {
      aggregationTemporality: 1,
      isMonotonic: true,
      dataPoints: [
        { timeUnixNano, asInt: 1 },
        { timeUnixNano, asInt: 2 },
      ],
    }
    const { lines, refused, reasons } = translated([{ name: 'bad', sum: delta }, good])
    expect(lines).toEqual([`good{job="shop"} 1@${atMs}`])
    expect(refused).toBe(2)
    expect(reasons).toHaveLength(1)
    expect(reasons[0]).toMatch(/^metric "bad": .*delta.*only cumulative.*temporality preference/)
  })

  it('cover points without a value, metrics without data, and unusable names', () => {
    const metrics = [
      { name: 'empty', gauge: { dataPoints: [{ timeUnixNano }] } },
      { name: 'nothing' },
      { name: '...', gauge: { dataPoints: [{ timeUnixNano, asInt: 1 }] } },
      {
        name: 'label',
        gauge: { dataPoints: [{ timeUnixNano, asInt: 1, attributes: attributes({ éé: 'x' }) }] },
      },
      good,
    ]
    const { lines, refused, reasons } = translated(metrics)
    expect(lines).toHaveLength(1)
    expect(refused).toBe(3)
    expect(reasons.map((reason) => reason.slice(0, 20))).toEqual([
      'metric "empty": a da',
      'metric "nothing": it',
      'metric "...": its na',
      'metric "label": attr',
    ])
  })

  it('list ten reasons at most and count all points', () => {
    const bad = Array.from({ length: 25 }, (_, i) => ({
      name: `bad${i}`,
      gauge: { dataPoints: [{ timeUnixNano }] },
    }))
    const { refused, reasons } = translated(bad)
    expect([refused, reasons.length]).toEqual([25, 10])
  })
})

describe('JSON', () => {
  const json = (value: unknown) =>
    translateOtlp(
      Buffer.from(JSON.stringify(value).replace('"as number"', timeUnixNano)),
      'json',
      otlpDefaults,
    )

  it('means the same as protobuf, with ids in hexadecimal and integers as text or number', () => {
    const exemplars = [{ timeUnixNano, asDouble: 1, traceId: '0a0b', spanId: '' }]
    const dataPoints = [
      { timeUnixNano, asInt: '7', exemplars },
      { timeUnixNano: 'as number', asInt: 8, attributes: attributes({ a: 'b' }) },
    ]
    const sum = { aggregationTemporality: 2, isMonotonic: true, dataPoints }
    const metrics = [{ name: 'm', sum, unknownField: { x: 1 } }]
    const { body } = json({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })
    const request = io.prometheus.write.v2.Request.decode(body!)
    expect(linesOf(request)).toEqual([`m_total 7@${atMs}`, `m_total{a="b"} 8@${atMs}`])
    const exemplar = request.timeseries[0]!.exemplars![0]!
    expect(seriesOf(request, exemplar.labelsRefs!)).toBe('{trace_id="0a0b"}')
  })

  it('may hold no metrics, and must be a document of the right shape', () => {
    expect(json({}).body).toBeUndefined()
    for (const wrong of [[], 'x', 1, null, { resourceMetrics: 1 }, { resourceMetrics: ['x'] }]) {
      expect(() => json(wrong), JSON.stringify(wrong)).toThrow(/not an OTLP metrics request/)
    }
    expect(() => translateOtlp(Buffer.from('{'), 'json', otlpDefaults)).toThrow(/in json/)
  })
})

describe('hostile protobuf', () => {
  it('is refused as undecodable, never anything else', () => {
    const message = otlp.ExportMetricsServiceRequest.fromObject({
      resourceMetrics: [
        {
          resource: service,
          scopeMetrics: [
            { metrics: [{ name: 'm', gauge: { dataPoints: [{ timeUnixNano, asInt: 1 }] } }] },
          ],
        },
      ],
    })
    const wire = otlp.ExportMetricsServiceRequest.encode(message).finish()
    for (let position = 0; position < wire.length; position++) {
      for (const bit of [1, 4, 16, 128]) {
        const mutated = Uint8Array.from(wire)
        mutated[position]! ^= bit
        try {
          translateOtlp(mutated, 'protobuf', otlpDefaults)
        } catch (error) {
          expect((error as { code?: string }).code).toBe('bad_data')
        }
      }
      expect(() => translateOtlp(wire.subarray(0, position), 'protobuf', otlpDefaults)).not.toThrow(
        RangeError,
      )
    }
  })
})
