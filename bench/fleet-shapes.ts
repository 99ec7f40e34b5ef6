// What a fleet's targets expose: for each kind of target its metric names, the labels a metric adds to its target's,
// and how its value moves. The names are those of node exporter, cAdvisor, kube-state-metrics and the Kubernetes API server.
// Invariants: a value is a pure function of (seed, time), so that bodies can be made in any order and again.
// Units: times in Unix milliseconds; rates per second.

/** How a series' value moves. */
export type Motion =
  | 'constant'
  | 'idle'
  | 'count'
  | 'seconds'
  | 'bytes'
  | 'load'
  | 'bucket'
  | 'bucketCount'
  | 'bucketSum'

/** One series of a target: metric name, the labels it adds, its motion, and its typical size. */
export interface Shape {
  readonly name: string
  readonly labels: readonly (readonly [string, string])[]
  readonly motion: Motion
  /** Rate per second of counters, level of gauges. */
  readonly scale: number
  /** Which of a target's histograms it belongs to, and the share of observations at or below `le`. */
  readonly histogram?: { readonly index: number; readonly share: number }
}

/** The kinds of targets. */
export type TargetKind = 'node' | 'container' | 'pod' | 'apiserver'

const cpuModes = ['idle', 'iowait', 'irq', 'nice', 'softirq', 'steal', 'system', 'user']

const bounds = [
  '0.005',
  '0.025',
  '0.05',
  '0.1',
  '0.2',
  '0.4',
  '0.6',
  '1',
  '2',
  '5',
  '10',
  '30',
  '+Inf',
]

/** What each kind exposes. */
export const shapesOf: Readonly<Record<TargetKind, readonly Shape[]>> = {
  node: nodeShapes(),
  container: containerShapes(),
  pod: podShapes(),
  apiserver: apiserverShapes(),
}

/** A hash of two words, well mixed; 0 ≤ result < 2^32. */
export function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return (hash ^ (hash >>> 15)) >>> 0
}

const word = 2 ** 32

/** The value of a series at a time. `bornMs` is when its target last started: counters begin again there. */
export function valueAt(shape: Shape, seed: number, bornMs: number, timeMs: number): number {
  const tick = Math.floor(timeMs / 15_000)
  const noise = mix(seed, tick) / word
  const spread = 0.25 + (seed & 0xff) / 64
  // An hour more than it is: where a counter is first seen near zero, version 2 and version 3 extrapolate differently.
  const age = (timeMs - bornMs) / 1000 + 3600
  switch (shape.motion) {
    case 'constant':
      return shape.scale
    case 'idle':
      return Math.floor(shape.scale * spread)
    case 'count':
      return Math.floor(shape.scale * spread * (age + 10 * noise))
    case 'seconds':
      return shape.scale * spread * (age + 10 * noise)
    case 'bytes': {
      const wave = 1 + 0.1 * Math.sin(timeMs / 3.6e6 + seed) + 0.04 * noise
      return Math.floor((shape.scale * spread * wave) / 4096) * 4096
    }
    case 'load':
      return Math.round(100 * shape.scale * spread * (1 + 0.3 * noise)) / 100
    default:
      return histogramValue(shape, seed, age, noise)
  }
}

// All buckets of a histogram are called with the same seed, so they see the same number of observations.
function histogramValue(shape: Shape, seed: number, age: number, noise: number): number {
  const observations = Math.floor(shape.scale * (0.1 + (seed & 0xff) / 64) * (age + 10 * noise))
  const slow = 1 + ((seed >>> 8) & 7) / 4
  if (shape.motion === 'bucketCount') return observations
  if (shape.motion === 'bucketSum') return observations * 0.03 * slow
  return Math.floor(observations * shape.histogram!.share ** slow)
}

function plain(motion: Motion, scale: number, names: readonly string[]): Shape[] {
  return names.map((name) => ({ name, labels: [], motion, scale }))
}

function each(
  name: string,
  motion: Motion,
  scale: number,
  label: string,
  values: readonly string[],
): Shape[] {
  return values.map((value) => ({ name, labels: [[label, value]], motion, scale }))
}

function nodeShapes(): Shape[] {
  const cpus = ['0', '1', '2', '3', '4', '5', '6', '7'].flatMap((cpu) =>
    cpuModes.map((mode, i): Shape => {
      const labels = [['cpu', cpu] as const, ['mode', mode] as const]
      const motion = i === 2 || i === 3 || i === 5 ? 'idle' : 'seconds'
      return { name: 'node_cpu_seconds_total', labels, motion, scale: 0.1 }
    }),
  )
  const disks = ['nvme0n1', 'nvme1n1', 'sda']
  const links = ['cali0f32', 'cali7ab1', 'eth0', 'lo', 'tunl0']
  const mounts = ['/', '/boot', '/run', '/var/lib/containerd', '/var/lib/kubelet']
  return [
    ...cpus,
    ...plain('bytes', 8e9, [
      'node_memory_MemAvailable_bytes',
      'node_memory_MemFree_bytes',
      'node_memory_Cached_bytes',
      'node_memory_Buffers_bytes',
      'node_memory_Active_bytes',
    ]),
    ...plain('constant', 34359738368, ['node_memory_MemTotal_bytes', 'node_boot_time_seconds']),
    ...plain('load', 2, ['node_load1', 'node_load5', 'node_load15']),
    ...plain('count', 900, ['node_context_switches_total', 'node_intr_total', 'node_forks_total']),
    ...each('node_filesystem_avail_bytes', 'bytes', 4e10, 'mountpoint', mounts),
    ...each('node_filesystem_size_bytes', 'constant', 107374182400, 'mountpoint', mounts),
    ...each('node_disk_read_bytes_total', 'count', 1e5, 'device', disks),
    ...each('node_disk_written_bytes_total', 'count', 4e5, 'device', disks),
    ...each('node_disk_io_time_seconds_total', 'seconds', 0.05, 'device', disks),
    ...each('node_network_receive_bytes_total', 'count', 2e6, 'device', links),
    ...each('node_network_transmit_bytes_total', 'count', 2e6, 'device', links),
    ...each('node_network_receive_drop_total', 'idle', 3, 'device', links),
    ...each('node_network_up', 'constant', 1, 'device', links),
  ]
}

function containerShapes(): Shape[] {
  const links = ['eth0', 'lo']
  return [
    ...plain('seconds', 0.2, [
      'container_cpu_usage_seconds_total',
      'container_cpu_user_seconds_total',
      'container_cpu_system_seconds_total',
      'container_cpu_cfs_throttled_seconds_total',
    ]),
    ...plain('count', 10, ['container_cpu_cfs_periods_total']),
    ...plain('idle', 40, [
      'container_cpu_cfs_throttled_periods_total',
      'container_oom_events_total',
    ]),
    ...plain('bytes', 2e8, [
      'container_memory_working_set_bytes',
      'container_memory_usage_bytes',
      'container_memory_rss',
      'container_memory_cache',
      'container_memory_mapped_file',
    ]),
    ...plain('idle', 0, ['container_memory_swap', 'container_memory_failcnt']),
    ...plain('constant', 536870912, [
      'container_spec_memory_limit_bytes',
      'container_spec_cpu_quota',
    ]),
    ...plain('constant', 1.7e9, ['container_start_time_seconds', 'container_last_seen']),
    ...plain('count', 2e4, ['container_fs_reads_bytes_total', 'container_fs_writes_bytes_total']),
    ...plain('bytes', 6e7, ['container_fs_usage_bytes']),
    ...plain('load', 12, [
      'container_threads',
      'container_processes',
      'container_file_descriptors',
    ]),
    ...each('container_network_receive_bytes_total', 'count', 5e4, 'interface', links),
    ...each('container_network_transmit_bytes_total', 'count', 5e4, 'interface', links),
    ...each('container_network_receive_errors_total', 'idle', 0, 'interface', links),
  ]
}

function podShapes(): Shape[] {
  const phases = ['Failed', 'Pending', 'Running', 'Succeeded', 'Unknown']
  return [
    ...plain('constant', 1, ['kube_pod_info', 'kube_pod_status_ready', 'kube_pod_labels']),
    ...plain('idle', 3, ['kube_pod_container_status_restarts_total']),
    ...plain('constant', 1.7e9, ['kube_pod_start_time', 'kube_pod_created']),
    ...phases.map((phase): Shape => {
      const labels = [['phase', phase] as const]
      return {
        name: 'kube_pod_status_phase',
        labels,
        motion: 'constant',
        scale: +(phase === 'Running'),
      }
    }),
    ...each('kube_pod_container_resource_requests', 'constant', 0.25, 'resource', [
      'cpu',
      'memory',
    ]),
    ...each('kube_pod_container_resource_limits', 'constant', 1, 'resource', ['cpu', 'memory']),
  ]
}

function apiserverShapes(): Shape[] {
  const shapes: Shape[] = []
  let index = 0
  for (const verb of ['CREATE', 'DELETE', 'GET', 'LIST', 'PATCH', 'PUT']) {
    for (const resource of ['configmaps', 'endpoints', 'leases', 'nodes', 'pods', 'secrets']) {
      const base = 'apiserver_request_duration_seconds'
      const labels = [['resource', resource] as const, ['verb', verb] as const]
      const make = (suffix: string, motion: Motion, le?: string): Shape => {
        const share = le === undefined ? 1 : (bounds.indexOf(le) + 1) / bounds.length
        const histogram = { index, share }
        const all = le === undefined ? labels : [['le', le] as const, ...labels]
        return { name: base + suffix, labels: all, motion, scale: 4, histogram }
      }
      for (const le of bounds) shapes.push(make('_bucket', 'bucket', le))
      shapes.push(make('_sum', 'bucketSum'), make('_count', 'bucketCount'))
      index++
    }
  }
  shapes.push(
    ...each('apiserver_current_inflight_requests', 'load', 20, 'request_kind', [
      'mutating',
      'readOnly',
    ]),
    ...each('workqueue_depth', 'load', 3, 'name', ['node', 'pod', 'service']),
  )
  return shapes
}
