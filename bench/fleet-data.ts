// A fleet that writes: clusters with nodes, pods and API servers, whose scrapes become remote-write bodies (protobuf in
// snappy), the same bytes in every run. Pods live for a while and are replaced, counters begin again when a target restarts,
// scrapes are a few milliseconds late now and then.
// Here: targets and bodies of version 1. Elsewhere: metrics and values (fleet-shapes.ts).
// Units: times in Unix milliseconds, sizes in bytes.
// Invariants: a body depends on nothing but the options and its place in time and fleet; labels of a series are sorted by name.

import snappy from 'snappyjs'
import { mix, type Shape, shapesOf, type TargetKind, valueAt } from './fleet-shapes.ts'

/** What fleet. */
export interface FleetOptions {
  readonly seriesCount: number
  /** How many clusters share the series. */
  readonly clusters: number
  /** Share of the pods that are replaced in an hour; 0 for none. */
  readonly churnPerHour: number
  readonly seed: number
}

/** One scraped thing. Its series are `shapes` with `labels` added. */
export interface Target {
  readonly kind: TargetKind
  /** Place in the fleet: seeds everything that is random about it. */
  readonly slot: number
  readonly labels: readonly (readonly [string, string])[]
  readonly seed: number
}

/** A body as it is posted, with what it holds. */
export interface Body {
  readonly bytes: Uint8Array
  readonly samples: number
  readonly plainSizeBytes: number
}

const hourMs = 3_600_000

const namespaces = [
  'checkout',
  'payments',
  'search',
  'identity',
  'observability',
  'ingress',
  'batch',
]

/** Names of each kind's target labels, sorted. */
const labelNames: Readonly<Record<TargetKind, readonly string[]>> = {
  node: namesOf('node'),
  container: namesOf('container'),
  pod: namesOf('pod'),
  apiserver: namesOf('apiserver'),
}

/** Clusters that suit a number of series. */
export function clustersFor(seriesCount: number): number {
  return Math.min(100, Math.max(1, Math.round(seriesCount / 5000)))
}

/** The fleet's targets in the order in which its senders write them, as they are at a time. */
export class Fleet {
  readonly options: FleetOptions
  readonly #slots: { readonly kind: TargetKind; readonly cluster: number; readonly index: number }[]
  readonly #targets: (Target | undefined)[]
  readonly #generations: Int32Array

  constructor(options: FleetOptions) {
    this.options = options
    this.#slots = slotsOf(options)
    this.#targets = new Array(this.#slots.length)
    this.#generations = new Int32Array(this.#slots.length).fill(-1)
  }

  /** How many targets there are at any time. */
  get targetCount(): number {
    return this.#slots.length
  }

  /** The target in a slot at a time. */
  targetAt(slot: number, timeMs: number): Target {
    const place = this.#slots[slot]!
    const generation = this.#generationAt(place.kind, place.index, timeMs)
    if (this.#generations[slot] !== generation || this.#targets[slot] === undefined) {
      this.#generations[slot] = generation
      this.#targets[slot] = makeTarget(place, slot, generation, this.options.seed)
    }
    return this.#targets[slot]!
  }

  #generationAt(kind: TargetKind, index: number, timeMs: number): number {
    const { churnPerHour, seed } = this.options
    if (churnPerHour === 0 || kind === 'node' || kind === 'apiserver') return 0
    const lifeMs = hourMs / churnPerHour
    return Math.floor((timeMs + (mix(index, seed) / 2 ** 32) * lifeMs) / lifeMs)
  }
}

/** One series at a time: its target, its shape, and the seed of its values. */
export interface FleetSeries {
  readonly target: Target
  readonly shape: Shape
}

/** All series at a time, in order. */
export function* seriesAt(fleet: Fleet, timeMs: number): Generator<FleetSeries> {
  for (let slot = 0, left = fleet.options.seriesCount; left > 0; slot++) {
    const target = fleet.targetAt(slot, timeMs)
    for (const shape of shapesOf[target.kind]) if (left-- > 0) yield { target, shape }
  }
}

/** When the scrape that is due at `dueMs` took place: an even number of milliseconds, so that an odd time is never one. */
export function scrapeTimeMs(target: Target, dueMs: number): number {
  const late = mix(target.slot ^ 0x51ed27, dueMs / 1000)
  const offset = 2 * (mix(target.slot, 77) % 14_000)
  return dueMs + offset + (late % 10 === 0 ? 4 + 2 * ((late >>> 8) % 9) : 0)
}

/** The value of a series at a time. */
export function sampleOf({ target, shape }: FleetSeries, timeMs: number): number {
  const seed = mix(target.seed, shape.histogram?.index ?? hashOf(shape))
  // A target restarts every 20 to 60 hours.
  const lifeMs = (20 + (target.seed % 40)) * hourMs
  const bornMs = Math.floor(timeMs / lifeMs) * lifeMs
  return valueAt(shape, seed, bornMs, timeMs)
}

/**
 * Bodies of `samplesPerBody` samples each with what the whole fleet scraped in `scrapes` rounds from `dueMs` on,
 * `intervalMs` apart: each series once, with its samples in order of time.
 */
export function* bodiesOf(
  fleet: Fleet,
  dueMs: number,
  scrapes: number,
  intervalMs: number,
  samplesPerBody = 2000,
): Generator<Body> {
  const writer = new BodyWriter(samplesPerBody)
  for (const series of seriesAt(fleet, dueMs)) {
    writer.add(series, dueMs, scrapes, intervalMs)
    if (writer.samples >= samplesPerBody) yield writer.take()
  }
  if (writer.samples > 0) yield writer.take()
}

// One body in the making. Label bytes are encoded once per target and shape and copied from then on.
class BodyWriter {
  samples = 0
  #bytes: Buffer
  #at = 0

  constructor(samplesPerBody: number) {
    this.#bytes = Buffer.alloc(samplesPerBody * 1100)
  }

  add(series: FleetSeries, dueMs: number, scrapes: number, intervalMs: number): void {
    const labels = encodedTarget(series.target)
    const own = encodedShape(series.shape, series.target.kind)
    const bytes = this.#bytes
    const start = this.#at
    // The length is written last; three bytes are kept for it: every series is between 128 and 2^21 bytes.
    let at = start + 4
    let from = 0
    for (const { until, piece } of own) {
      const to = labels.offsets[until]!
      at += labels.bytes.copy(bytes, at, from, to)
      at += piece.copy(bytes, at)
      from = to
    }
    at += labels.bytes.copy(bytes, at, from)
    for (let scrape = 0; scrape < scrapes; scrape++) {
      const timeMs = scrapeTimeMs(series.target, dueMs + scrape * intervalMs)
      at = writeSample(bytes, at, sampleOf(series, timeMs), timeMs)
    }
    bytes[start] = 10
    const size = at - start - 4
    bytes[start + 1] = (size & 127) | 128
    bytes[start + 2] = ((size >>> 7) & 127) | 128
    bytes[start + 3] = size >>> 14
    this.#at = at
    this.samples += scrapes
  }

  take(): Body {
    const plain = this.#bytes.subarray(0, this.#at)
    const { samples } = this
    const body = { bytes: snappy.compress(plain), samples, plainSizeBytes: this.#at }
    this.#at = 0
    this.samples = 0
    return body
  }
}

function writeSample(bytes: Buffer, start: number, value: number, timeMs: number): number {
  let at = start + 2
  // As the field's senders do: zero is the default and is left out.
  if (value !== 0) {
    bytes[at] = 9
    at = bytes.writeDoubleLE(value, at + 1)
  }
  bytes[at++] = 16
  for (let rest = timeMs; ; rest = Math.floor(rest / 128)) {
    bytes[at++] = rest < 128 ? rest : (rest % 128) | 128
    if (rest < 128) break
  }
  bytes[start] = 18
  bytes[start + 1] = at - start - 2
  return at
}

interface EncodedTarget {
  readonly bytes: Buffer
  /** Where each label begins, and the end. */
  readonly offsets: readonly number[]
}

const encodedTargets = new WeakMap<Target, EncodedTarget>()

function encodedTarget(target: Target): EncodedTarget {
  let encoded = encodedTargets.get(target)
  if (encoded === undefined) {
    const pieces = target.labels.map(encodeLabel)
    const offsets = [0]
    for (const piece of pieces) offsets.push(offsets.at(-1)! + piece.length)
    encoded = { bytes: Buffer.concat(pieces), offsets }
    encodedTargets.set(target, encoded)
  }
  return encoded
}

/** Labels of a shape: each goes before the target's label number `until`. */
interface OwnLabel {
  readonly until: number
  readonly piece: Buffer
}

const encodedShapes = new Map<Shape, readonly OwnLabel[]>()

function encodedShape(shape: Shape, kind: TargetKind): readonly OwnLabel[] {
  let encoded = encodedShapes.get(shape)
  if (encoded === undefined) {
    const names = labelNames[kind]
    const own = [['__name__', shape.name] as const, ...shape.labels]
    encoded = own.map(([name, value]) => {
      const after = names.findIndex((other) => other > name)
      return { until: after < 0 ? names.length : after, piece: encodeLabel([name, value]) }
    })
    encodedShapes.set(shape, encoded)
  }
  return encoded
}

// All names and values are shorter than 128 bytes, but for a container's image and path: lengths may take two bytes.
function encodeLabel([name, value]: readonly [string, string]): Buffer {
  const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)]
  const inner = Buffer.concat([
    Buffer.from([10, ...varint(nameBytes.length)]),
    nameBytes,
    Buffer.from([18, ...varint(valueBytes.length)]),
    valueBytes,
  ])
  return Buffer.concat([Buffer.from([10, ...varint(inner.length)]), inner])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

const shapeHashes = new Map<Shape, number>()

function hashOf(shape: Shape): number {
  let hash = shapeHashes.get(shape)
  if (hash === undefined) {
    hash = [...JSON.stringify(shape)].reduce((sum, char) => mix(sum, char.charCodeAt(0)), 0)
    shapeHashes.set(shape, hash)
  }
  return hash
}

function namesOf(kind: TargetKind): string[] {
  return makeTarget({ kind, cluster: 0, index: 0 }, 0, 0, 0).labels.map(([name]) => name)
}

function slotsOf(options: FleetOptions) {
  const slots: { kind: TargetKind; cluster: number; index: number }[] = []
  const perCluster = Math.ceil(options.seriesCount / options.clusters)
  for (let cluster = 0; cluster < options.clusters; cluster++) {
    let left = perCluster
    const add = (kind: TargetKind, index: number): void => {
      slots.push({ kind, cluster, index: index + cluster * 1_000_000 })
      left -= shapesOf[kind].length
    }
    // One API server below 8,000 series, else three; a node for every eleven pods.
    for (let i = 0; i < (perCluster < 8000 ? 1 : 3); i++) add('apiserver', i)
    for (let pod = 0; left > 0; pod++) {
      if (pod % 11 === 0) add('node', pod / 11)
      add('container', pod)
      add('pod', pod)
    }
  }
  return slots
}

function hex(seed: number, digits: number): string {
  let text = ''
  for (let i = 0; text.length < digits; i++) text += mix(seed, i).toString(16).padStart(8, '0')
  return text.slice(0, digits)
}

function uuid(seed: number): string {
  const digits = hex(seed, 32)
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20)}`
}

function makeTarget(
  { kind, cluster, index }: { kind: TargetKind; cluster: number; index: number },
  slot: number,
  generation: number,
  fleetSeed: number,
): Target {
  const clusterName = `prod-eu-west-1-commerce-${String(cluster).padStart(3, '0')}`
  const pod = mix(index, mix(generation, fleetSeed))
  const namespace = namespaces[index % namespaces.length]!
  const workload = `${namespace}-service-${index % 23}`
  const podName = `${workload}-${hex(pod, 10)}-${hex(pod ^ 5, 5)}`
  const node = `ip-10-${cluster}-${Math.floor((index % 1_000_000) / 11)}.eu-west-1.compute.internal`
  const common: [string, string][] = [
    ['cluster', clusterName],
    ['clusterID', uuid(mix(cluster, 4711))],
    ['prometheus', 'openshift-monitoring/k8s'],
  ]
  const address = `10.${cluster}.${(index >> 8) & 255}.${index & 255}`
  const labels: Record<TargetKind, () => [string, string][]> = {
    node: () => [
      ['container', 'kube-rbac-proxy'],
      ['endpoint', 'https-metrics'],
      ['instance', `ip-10-${cluster}-${index % 1_000_000}.eu-west-1.compute.internal`],
      ['job', 'node-exporter'],
      ['namespace', 'openshift-monitoring'],
      ['pod', `node-exporter-${hex(pod, 5)}`],
      ['receive', 'true'],
      ['service', 'node-exporter'],
    ],
    container: () => [
      ['container', workload.replace('-service', '')],
      ['endpoint', 'https-metrics'],
      [
        'id',
        `/kubepods.slice/kubepods-burstable-pod${uuid(pod)}.slice/crio-${hex(pod ^ 9, 64)}.scope`,
      ],
      ['image', `quay.io/shop/${workload}:v1.${index % 40}.${generation % 100}`],
      ['instance', `${address}:10250`],
      ['job', 'kubelet'],
      ['metrics_path', '/metrics/cadvisor'],
      ['namespace', namespace],
      ['node', node],
      ['pod', podName],
    ],
    pod: () => [
      ['container', workload.replace('-service', '')],
      ['created_by_name', podName.slice(0, -6)],
      ['endpoint', 'https-main'],
      ['instance', `10.${cluster}.0.17:8443`],
      ['job', 'kube-state-metrics'],
      ['namespace', namespace],
      ['node', node],
      ['pod', podName],
      ['service', 'kube-state-metrics'],
      ['uid', uuid(pod)],
    ],
    apiserver: () => [
      ['apiserver', 'kube-apiserver'],
      ['component', 'apiserver'],
      ['endpoint', 'https'],
      ['instance', `${address}:6443`],
      ['job', 'apiserver'],
      ['namespace', 'default'],
      ['service', 'kubernetes'],
    ],
  }
  const all = [...common, ...labels[kind]()].sort(([a], [b]) => (a < b ? -1 : 1))
  return { kind, slot, labels: all, seed: mix(slot, mix(generation, fleetSeed)) }
}
