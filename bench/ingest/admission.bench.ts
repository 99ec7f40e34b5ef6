// Admission of new series, the short and the general way, and the translation of OTLP data points.
// Run: node bench/ingest/admission.bench.ts

import { otlp } from '../../src/encoding/index.ts'
import {
  admissionDefaults,
  createAdmission,
  otlpDefaults,
  translateOtlp,
} from '../../src/ingest/index.ts'
import { measure } from '../measure.ts'

const nobody = { key: '', labels: {} }
const labels = [
  { name: '__name__', value: 'http_requests_total' },
  ...Array.from({ length: 13 }, (_, i) => ({
    name: `label_${String(i).padStart(2, '0')}`,
    value: `value-of-label-${i}-with-some-length`,
  })),
]
const rules = [
  { action: 'drop', source_labels: ['__name__'], regex: 'go_.*|process_.*' },
  { action: 'labeldrop', regex: 'pod_template_hash' },
]

const plain = createAdmission(admissionDefaults)
const relabelling = createAdmission({
  ...admissionDefaults,
  relabel: { default: rules, tenants: {} },
})

const pointCount = 2000

function otlpBody(): Uint8Array {
  const dataPoints = Array.from({ length: pointCount }, (_, i) => ({
    timeUnixNano: '1700000000000000000',
    asDouble: i,
    attributes: ['http.method', 'http.route', 'k8s.pod.name', 'code', 'zone'].map((key) => ({
      key,
      value: { stringValue: `${key}-${i}` },
    })),
  }))
  const message = otlp.ExportMetricsServiceRequest.fromObject({
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints } }] }] }],
  })
  return otlp.ExportMetricsServiceRequest.encode(message).finish()
}

const body = otlpBody()

measure([
  {
    name: 'admit, 14 labels, no rules',
    unit: 'ns/series',
    budget: 4000,
    run: () => {
      for (let i = 0; i < 100; i++) plain('t', nobody, labels)
      return 100
    },
  },
  {
    name: 'admit, 14 labels, identity label',
    unit: 'ns/series',
    budget: 20_000,
    run: () => {
      const west = { key: 'west', labels: { cluster: 'west' } }
      for (let i = 0; i < 100; i++) plain('t', west, labels)
      return 100
    },
  },
  {
    name: 'admit, 14 labels, two rules',
    unit: 'ns/series',
    budget: 80_000,
    run: () => {
      for (let i = 0; i < 100; i++) relabelling('t', nobody, labels)
      return 100
    },
  },
  {
    name: 'OTLP gauge, 5 attributes',
    unit: 'ns/point',
    budget: 100_000,
    run: () => {
      translateOtlp(body, 'protobuf', otlpDefaults)
      return pointCount
    },
  },
])
