// What a sample costs in the head, from the compressed body to the log record: live bodies of 2000 series × 1 sample,
// 14 labels and about 475 label bytes a series, counters that move.
// Run: node bench/tsdb/head-append.bench.ts [series count, default 100000] [general: no series is taken as plain]
// Units: nanoseconds of CPU time per sample inside `Head.append`; making the bodies is not counted.

import { randomBytes } from 'node:crypto'
import { prometheus } from '../../src/encoding/index.ts'
import { admissionDefaults, createAdmission, plainBoundsOf } from '../../src/ingest/index.ts'
import { CodecKernel, hashKeySizeBytes } from '../../src/kernel/index.ts'
import { windowMs } from '../../src/model/index.ts'
import { createMatcherCompiler } from '../../src/promql/index.ts'
import { Head, headLimitDefaults } from '../../src/tsdb/index.ts'
import { cpuMs } from '../measure.ts'

const seriesCount = Number(process.argv[2] ?? 100_000)
const isGeneral = process.argv[3] === 'general'
const seriesPerBody = 2000
const codec = CodecKernel.create()
const sender = { key: '', labels: {} }
const start = 236_000 * windowMs

/** A body whose samples are patched in place: the value and the time's varint keep their sizes. */
class BodyTemplate {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #offsets: number[] = []
  readonly #first: number

  constructor(first: number, samplesPerSeries: number) {
    this.#first = first
    const timeseries = Array.from({ length: seriesPerBody }, (_, k) => ({
      labels: labelsOf(first + k),
      samples: Array.from({ length: samplesPerSeries }, () => ({ value: 1.5, timestamp: start })),
    }))
    this.#bytes = Uint8Array.from(prometheus.WriteRequest.encode({ timeseries }).finish())
    this.#view = new DataView(this.#bytes.buffer)
    for (let at = 0; at <= this.#bytes.length - 18; at++) {
      if (this.#bytes[at] !== 18 || this.#bytes[at + 1] !== 16) continue
      if (this.#bytes[at + 2] === 9 && this.#bytes[at + 11] === 16) this.#offsets.push(at + 3)
    }
    if (this.#offsets.length !== seriesPerBody * samplesPerSeries) throw new Error('template')
  }

  fill(timeMs: number, stepMs: number, perSeries: number): Uint8Array {
    for (let i = 0; i < this.#offsets.length; i++) {
      const at = this.#offsets[i]!
      const series = this.#first + Math.floor(i / perSeries)
      const time = timeMs + (i % perSeries) * stepMs + (series % 1000)
      this.#view.setFloat64(at, Math.floor(((time - start) / 1000) * (1 + (series % 7))), true)
      let rest = time
      for (let byte = 0; byte < 6; byte++) {
        this.#bytes[at + 9 + byte] = (rest % 128) | (byte < 5 ? 128 : 0)
        rest = Math.floor(rest / 128)
      }
    }
    return codec.deflate(this.#bytes).slice()
  }
}

function labelsOf(series: number) {
  const pod = `checkout-service-${(series >> 6).toString(16).padStart(10, '0')}-${series % 64}`
  const names: [string, string][] = [
    ['__name__', `http_server_request_duration_seconds_bucket_${series % 64}`],
    ['cluster', `production-europe-west-${(series >> 14) % 40}`],
    ['container', 'checkout-service-container'],
    ['endpoint', 'https-metrics-endpoint'],
    ['instance', `10.128.${(series >> 14) & 255}.${(series >> 6) & 255}:9443`],
    ['job', 'kubernetes-service-endpoints'],
    ['le', `${(series % 16) / 8}`],
    ['method', series % 2 === 0 ? 'GET' : 'POST'],
    ['namespace', `team-namespace-${(series >> 10) % 100}`],
    ['node', `worker-node-${(series >> 9) % 500}.internal`],
    ['pod', pod],
    ['prometheus', 'openshift-monitoring/k8s-prometheus'],
    ['service', 'checkout-service-metrics'],
    ['status_class', `${2 + (series % 4)}xx`],
  ]
  return names.map(([name, value]) => ({ name, value }))
}

let recordBytes = 0
const admission = createAdmission(admissionDefaults)
const head = new Head({
  seed: new Uint32Array(randomBytes(16).buffer.slice(0, 16)),
  hashKeys: new Uint8Array(randomBytes(hashKeySizeBytes)),
  sink: {
    push: (record) => {
      recordBytes += record.length
    },
  },
  compile: createMatcherCompiler(),
  startTimestamps: false,
  limits: headLimitDefaults,
  oldestAcceptedMs: () => 0,
  cutWindows: [],
  admission: {
    epoch: 1,
    admit: admission,
    plainBounds: (tenant, from) =>
      isGeneral ? undefined : plainBoundsOf(admissionDefaults, tenant, from),
    seriesMax: () => 0,
    checkSize: () => undefined,
  },
})

function pass(name: string, timeMs: number, options: { perSeries?: number; budget: number }): void {
  const { perSeries = 1, budget } = options
  // All bodies first, so that their garbage is not collected while the head is measured.
  const bodies: Uint8Array[] = []
  for (let first = 0; first < seriesCount; first += seriesPerBody)
    bodies.push(new BodyTemplate(first, perSeries).fill(timeMs, 15_000, perSeries))
  let samples = 0
  const before = cpuMs()
  for (const body of bodies) {
    const request = {
      tenant: 't',
      sender,
      format: 'remote-write-1',
      compression: 'snappy',
      body,
    } as const
    samples += head.append(request, timeMs + 3_600_000).samplesWritten
  }
  const used = cpuMs() - before
  if (samples !== seriesCount * perSeries) throw new Error(`${name}: ${samples} written`)
  const cost = (used * 1e6) / samples
  const verdict = cost <= budget ? 'ok' : 'OVER BUDGET'
  console.log(`${name}: ${cost.toFixed(0)} ns/sample (budget ${budget}) ${verdict}`)
  if (cost > budget) process.exitCode = 1
}

const rss = (): number => process.memoryUsage().rss
const before = rss()
pass(isGeneral ? 'create, label by label' : 'create', start + 60_000, {
  budget: isGeneral ? 20_000 : 9_000,
})
const created = head.memoryBytes()
for (let i = 1; i <= 4; i++) pass(`live ${i}`, start + 60_000 + i * 15_000, { budget: 500 })
pass('back-fill, 20 a series', start + 200_000, { perSeries: 20, budget: 200 })
pass('next window', start + windowMs + 15_000, { budget: 10_000 })
pass('live in it', start + windowMs + 30_000, { budget: 500 })
const perSeries = (bytes: number): string => (bytes / seriesCount).toFixed(0)
console.log(
  `memory after create: ${perSeries(created)} B/series; at the end ${perSeries(head.memoryBytes())}`,
)
console.log(
  `RSS grew by ${perSeries(rss() - before)} B/series; records ${perSeries(recordBytes)} B/series`,
)
