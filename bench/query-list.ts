// Queries of the kinds that dashboards, alerts and explorers send to a fleet's data.
// Times are relative to the end of the data; ranges and steps in seconds.

/** One request. */
export interface BenchQuery {
  readonly name: string
  /** The expression, or the path and form of a listing. */
  readonly expr?: string
  readonly path?: string
  readonly form?: Readonly<Record<string, string>>
  /** A range query of this length up to the end, else an instant query at the end. */
  readonly rangeSeconds?: number
  readonly stepSeconds?: number
  /** Which rows an answer holds may differ where values are equal (topk); compared by values only. */
  readonly ties?: boolean
}

const hour = 3600

function range(name: string, expr: string, hours: number, stepSeconds: number): BenchQuery {
  return { name, expr, rangeSeconds: hours * hour, stepSeconds }
}

const cpu = 'sum by (cluster) (rate(container_cpu_usage_seconds_total[5m]))'
const latency =
  'histogram_quantile(0.99, sum by (cluster, le) (rate(apiserver_request_duration_seconds_bucket[5m])))'
const requests = 'apiserver_request_duration_seconds_count'
const ofOwner =
  'sum by (cluster, created_by_name) (container_memory_working_set_bytes * on (cluster, namespace, pod) group_left (created_by_name) kube_pod_info)'

/** The list, in the order in which it is asked. */
export const benchQueries: readonly BenchQuery[] = [
  { name: 'nothing: vector(1)', expr: 'vector(1)' },
  range('rate by cluster, 1 h', cpu, 1, 15),
  range('rate by cluster, 6 h', cpu, 6, 60),
  range('rate by cluster, 24 h', cpu, 24, 300),
  { name: 'rate by cluster, now', expr: cpu },
  range('p99 by cluster, 1 h', latency, 1, 30),
  range('p99 by cluster, 24 h', latency, 24, 300),
  { name: 'p99 by cluster, now', expr: latency },
  range(
    'topk of rates, 1 h',
    `topk(5, sum by (cluster, pod) (rate(container_cpu_usage_seconds_total[5m])))`,
    1,
    60,
  ),
  { name: 'topk of memory, now', expr: 'topk(10, container_memory_working_set_bytes)', ties: true },
  range(
    'regular expressions, 6 h',
    'sum by (namespace) (container_memory_rss{namespace=~"check.*|pay.*",container!~".*-1[0-9]?"})',
    6,
    60,
  ),
  range(
    'ratio of sums, 6 h',
    `sum by (cluster) (rate(${requests}{verb="GET"}[5m])) / sum by (cluster) (rate(${requests}[5m]))`,
    6,
    60,
  ),
  range(
    '1 - average idle, 6 h',
    '1 - avg by (cluster) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
    6,
    60,
  ),
  { name: 'join with group_left, now', expr: ofOwner },
  range('join with group_left, 1 h', ofOwner, 1, 60),
  range('avg_over_time 1h, 24 h', 'avg_over_time(node_load1[1h])', 24, 300),
  { name: 'max_over_time 1h, now', expr: 'max_over_time(container_memory_working_set_bytes[1h])' },
  range('quantile_over_time 1h, 6 h', 'quantile_over_time(0.95, node_load5[1h])', 6, 300),
  {
    name: 'predict_linear, now',
    expr: 'predict_linear(node_filesystem_avail_bytes[1h], 4 * 3600)',
  },
  {
    name: 'subquery, now',
    expr: `max_over_time(sum by (cluster) (rate(${requests}[5m]))[1h:1m])`,
  },
  range('subquery, 6 h', `max_over_time(sum by (cluster) (rate(${requests}[5m]))[30m:1m])`, 6, 300),
  {
    name: 'increase 24h, now',
    expr: 'sum by (namespace) (increase(container_network_receive_bytes_total[24h]))',
  },
  { name: 'count by name, now', expr: 'count by (__name__) ({__name__!=""})' },
  range('raw range, 1 h', 'container_memory_working_set_bytes{namespace="checkout"}', 1, 15),
  range('raw range of counters, 6 h', 'node_cpu_seconds_total{cpu="0"}', 6, 60),
  range('absent, 1 h', 'absent(no_such_metric{job="x"})', 1, 60),
  { name: 'alert: pods that wait, now', expr: 'kube_pod_status_phase{phase="Pending"} > 0' },
  range(
    'by verb and resource 1h, 24 h',
    `sum by (verb, resource) (rate(${requests}[1h]))`,
    24,
    600,
  ),
  range(
    'by instance, 6 h',
    'sum by (instance) (rate(node_network_receive_bytes_total[5m]))',
    6,
    60,
  ),
  { name: 'deriv, now', expr: 'deriv(node_filesystem_avail_bytes[1h])' },
  range('average of a gauge, 24 h', 'avg by (cluster) (node_load1)', 24, 60),
  { name: 'count of counts, now', expr: 'count(count by (cluster, pod) (container_threads))' },
  range('delta 1h, 6 h', 'delta(node_memory_MemAvailable_bytes[1h])', 6, 300),
  { name: 'series of a metric', path: '/api/v1/series', form: { 'match[]': 'kube_pod_info' } },
  { name: 'label names', path: '/api/v1/labels', form: {} },
  { name: 'values of a label', path: '/api/v1/label/pod/values', form: {} },
  { name: 'metric names', path: '/api/v1/label/__name__/values', form: {} },
]
