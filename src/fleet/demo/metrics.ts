// What the demo's clusters measure: series shaped as those of node exporter, kube-state-metrics and the API server.
// Invariants: values follow from time alone, counters never fall within a week, and a cluster that cannot be reached
// sends nothing.
// Units: times in Unix milliseconds.

import { clustersOf, type DemoCluster, demoApplications, hasJoined } from './cast.ts'
import { type Chance, chanceOf } from './chance.ts'
import { type DemoPace, type DemoRollout, demoAt } from './course.ts'

/** One sample with its labels. */
export interface DemoSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** A trace that fell into the bucket, and its seconds. */
  readonly exemplar?: { readonly traceId: string; readonly value: number }
}

/** What a family is. */
export interface DemoFamily {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
}

/** The families that clusters send. */
export const demoFamilies: readonly DemoFamily[] = [
  { name: 'up', type: 'gauge', help: 'Whether the last scrape went well.' },
  { name: 'node_cpu_seconds_total', type: 'counter', help: 'Seconds of CPU by mode.' },
  { name: 'node_memory_MemTotal_bytes', type: 'gauge', help: 'Memory.' },
  { name: 'node_memory_MemAvailable_bytes', type: 'gauge', help: 'Memory that is available.' },
  { name: 'node_filesystem_size_bytes', type: 'gauge', help: 'Size of a file system.' },
  { name: 'node_filesystem_avail_bytes', type: 'gauge', help: 'Room on a file system.' },
  { name: 'node_network_receive_bytes_total', type: 'counter', help: 'Bytes received.' },
  { name: 'node_load1', type: 'gauge', help: 'Load over one minute.' },
  { name: 'kube_node_status_condition', type: 'gauge', help: 'Conditions of nodes.' },
  { name: 'kube_pod_status_phase', type: 'gauge', help: 'Phase of pods.' },
  { name: 'kube_deployment_spec_replicas', type: 'gauge', help: 'Replicas wanted.' },
  { name: 'kube_deployment_status_replicas_available', type: 'gauge', help: 'Replicas there.' },
  { name: 'apiserver_request_total', type: 'counter', help: 'Requests by verb and code.' },
  { name: 'apiserver_request_duration_seconds', type: 'histogram', help: 'Time of requests.' },
  { name: 'etcd_server_has_leader', type: 'gauge', help: 'Whether etcd has a leader.' },
]

/** Everything that a cluster sends at one time; nothing where it cannot. */
export function demoSamples(
  pace: DemoPace,
  cluster: DemoCluster,
  nowMs: number,
): readonly DemoSample[] {
  const course = demoAt(pace, nowMs)
  const { state } = course.cluster(cluster)
  if (!hasJoined(cluster) || state === 'unreachable') return []
  const meter = new Meter(cluster, chanceOf(pace.seed), nowMs)
  for (let node = 0; node < cluster.nodeCount; node++) nodeSeries(meter, node)
  apiServerSeries(meter, state === 'available')
  for (const application of demoApplications) {
    const isHere = clustersOf(application).some(({ name }) => name === cluster.name)
    if (isHere)
      applicationSeries(meter, application.name, course.application(application, cluster).state)
  }
  return meter.samples
}

const weekMs = 7 * 86_400_000

class Meter {
  readonly samples: DemoSample[] = []
  readonly #cluster: string
  readonly #chance: Chance
  readonly #nowMs: number

  constructor({ name }: DemoCluster, chance: Chance, nowMs: number) {
    this.#cluster = name
    this.#chance = chance
    this.#nowMs = nowMs
  }

  add(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    const own = { __name__: name, cluster: this.#cluster, ...labels }
    this.samples.push({ labels: own, value })
  }

  /** Gives the sample that was added last an exemplar. */
  addExemplar(value: number): void {
    const last = this.samples.at(-1)!
    const bits = this.#chance(this.#nowMs, JSON.stringify(last.labels)) * 2 ** 32
    const traceId = bits.toString(16).padStart(32, '0')
    this.samples[this.samples.length - 1] = { ...last, exemplar: { traceId, value } }
  }

  /** A value that swings around `middle` by a share of it, once an hour, each series at its own time. */
  wave(middle: number, share: number, ...words: readonly string[]): number {
    return middle * (1 + share * Math.sin(this.#angle(words)))
  }

  /** The sum over this week's seconds of a rate that swings around `rate` by half of it. */
  total(rate: number, ...words: readonly string[]): number {
    const seconds = (this.#nowMs % weekMs) / 1000
    const swing = (3600 / (2 * Math.PI)) * (1 - Math.cos(this.#angle(words)))
    return rate * Math.max(0, seconds + 0.5 * swing)
  }

  #angle(words: readonly string[]): number {
    const phase = this.#chance(this.#cluster, ...words)
    return 2 * Math.PI * (this.#nowMs / 3_600_000 + phase)
  }
}

function nodeSeries(meter: Meter, index: number): void {
  const instance = `node-${index}:9100`
  const labels = { job: 'node', instance }
  meter.add('up', labels, 1)
  for (let cpu = 0; cpu < 2; cpu++) {
    for (const [mode, share] of cpuModes) {
      const own = { ...labels, cpu: String(cpu), mode }
      meter.add('node_cpu_seconds_total', own, meter.total(share, instance, mode, String(cpu)))
    }
  }
  const memory = 32 * 2 ** 30
  meter.add('node_memory_MemTotal_bytes', labels, memory)
  const available = meter.wave(memory * 0.45, 0.4, instance, 'memory')
  meter.add('node_memory_MemAvailable_bytes', labels, Math.round(available))
  const disk = { ...labels, device: '/dev/sda1', mountpoint: '/' }
  meter.add('node_filesystem_size_bytes', disk, 100 * 2 ** 30)
  const room = meter.wave(40 * 2 ** 30, 0.6, instance, 'disk')
  meter.add('node_filesystem_avail_bytes', disk, Math.round(room))
  const network = { ...labels, device: 'eth0' }
  const received = meter.total(2e6, instance, 'network')
  meter.add('node_network_receive_bytes_total', network, Math.round(received))
  meter.add('node_load1', labels, meter.wave(2, 0.8, instance, 'load'))
  const ready = { job: 'kube-state-metrics', node: `node-${index}`, condition: 'Ready' }
  for (const status of ['true', 'false', 'unknown'])
    meter.add('kube_node_status_condition', { ...ready, status }, status === 'true' ? 1 : 0)
}

const cpuModes = [
  ['idle', 0.6],
  ['user', 0.25],
  ['system', 0.1],
  ['iowait', 0.05],
] as const

const verbs = [
  ['GET', 40],
  ['LIST', 12],
  ['WATCH', 3],
  ['PATCH', 9],
  ['POST', 4],
] as const

/** Upper bounds in seconds, and the share of requests below each. */
const buckets = [
  ['0.005', 0.35],
  ['0.025', 0.7],
  ['0.1', 0.9],
  ['0.5', 0.97],
  ['1', 0.99],
  ['5', 0.999],
  ['+Inf', 1],
] as const

function apiServerSeries(meter: Meter, isUp: boolean): void {
  const labels = { job: 'apiserver', instance: 'apiserver:6443' }
  meter.add('up', labels, isUp ? 1 : 0)
  if (!isUp) return
  meter.add('etcd_server_has_leader', labels, 1)
  for (const [verb, rate] of verbs) {
    for (const [code, share] of [
      ['200', 0.97],
      ['404', 0.02],
      ['500', 0.01],
    ] as const) {
      const value = Math.round(meter.total(rate * share, verb, code))
      meter.add('apiserver_request_total', { ...labels, verb, code }, value)
    }
    const name = 'apiserver_request_duration_seconds'
    const count = Math.round(meter.total(rate, verb))
    for (const [le, share] of buckets) {
      meter.add(`${name}_bucket`, { ...labels, verb, le }, Math.floor(count * share))
      if (le === '0.5') meter.addExemplar(0.3)
    }
    meter.add(`${name}_sum`, { ...labels, verb }, count * 0.04)
    meter.add(`${name}_count`, { ...labels, verb }, count)
  }
}

const replicasWanted = 3

const replicasThere: Readonly<Record<DemoRollout, number>> = {
  old: 3,
  progressing: 2,
  failed: 0,
  new: 3,
}

function applicationSeries(meter: Meter, name: string, state: DemoRollout): void {
  const labels = { job: 'kube-state-metrics', namespace: name }
  const deployment = { ...labels, deployment: name }
  meter.add('kube_deployment_spec_replicas', deployment, replicasWanted)
  meter.add('kube_deployment_status_replicas_available', deployment, replicasThere[state])
  for (let pod = 0; pod < replicasWanted; pod++) {
    for (const phase of ['Running', 'Pending', 'Failed']) {
      const own = pod < replicasThere[state] ? 'Running' : state === 'failed' ? 'Failed' : 'Pending'
      const value = phase === own ? 1 : 0
      meter.add('kube_pod_status_phase', { ...labels, pod: `${name}-${pod}`, phase }, value)
    }
  }
}
