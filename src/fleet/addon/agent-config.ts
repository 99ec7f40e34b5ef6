// The configuration of the Prometheus agent on a spoke, from the intent.
// An agent evaluates no rules: recording rules of the allowlist stay with the cluster's own Prometheus, whose results are federated under the
// record's name; metrics of collect rules are sent all the time, since nothing on the spoke decides when.
// Source: Prometheus configuration; facts/fleet.md §13.

import type { AddonIntent } from './intent.ts'

/** Where the agent finds what it proves itself with; rotated by the registration agent. */
export const certificateFolder = '/etc/crowsnest/tls'
/** Where it finds the CA of the gateway's listener. */
export const authorityFolder = '/etc/crowsnest/ca'

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'
const serviceAuthority = `${serviceAccountFolder}/service-ca.crt`
const clusterAuthority = `${serviceAccountFolder}/ca.crt`
const tokenFile = `${serviceAccountFolder}/token`
/** Labels of the spoke's own replicas, which mean nothing on the hub. */
const droppedLabels = 'prometheus|prometheus_replica|managed_cluster'
// What the gateway answers with 429 is worth sending again.
const queueConfig = { retry_on_http_429: true, max_shards: 10, capacity: 10_000 }

/** A selector per name and match, for `match[]` of /federate. */
export function federateSelectors({ allowlist }: AddonIntent): readonly string[] {
  const { names, matches, recordingRules } = allowlist
  const dynamic = dynamicMetrics(allowlist)
  const records = recordingRules.map(({ record }) => record)
  const all = [...names, ...records, ...dynamic.names].map((name) => `{__name__=${quote(name)}}`)
  return [...new Set([...all, ...[...matches, ...dynamic.matches].map((body) => `{${body}}`)])]
}

/** The agent's configuration as an object; YAML is JSON. */
export function agentConfig(intent: AddonIntent): Readonly<Record<string, unknown>> {
  const { cluster, clusterId, interval, writeUrl, proxy } = intent
  return {
    global: {
      scrape_interval: interval,
      scrape_timeout: interval,
      // The gateway sets both from the certificate; here they make the agent's own pages readable.
      external_labels: { cluster, clusterID: clusterId },
    },
    scrape_configs: intent.collection === 'federate' ? [federateJob(intent)] : scrapeJobs(intent),
    remote_write: [
      {
        url: writeUrl,
        name: 'crowsnest',
        ...(proxy.httpsProxy === undefined ? {} : { proxy_url: proxy.httpsProxy }),
        tls_config: {
          ca_file: `${authorityFolder}/ca.crt`,
          cert_file: `${certificateFolder}/tls.crt`,
          key_file: `${certificateFolder}/tls.key`,
        },
        write_relabel_configs: writeRelabel(intent),
        queue_config: queueConfig,
      },
    ],
  }
}

function federateJob(intent: AddonIntent) {
  const { host, protocol } = new URL(intent.prometheusUrl)
  const scheme = protocol.replace(':', '')
  return {
    job_name: 'federate',
    honor_labels: true,
    honor_timestamps: true,
    metrics_path: '/federate',
    params: { 'match[]': federateSelectors(intent) },
    scheme,
    ...(scheme === 'https'
      ? {
          authorization: { credentials_file: tokenFile },
          tls_config: { ca_file: serviceAuthority },
        }
      : {}),
    static_configs: [{ targets: [host] }],
  }
}

// kubelet and API server by the cluster's own CA; exporters by the usual annotations-free discovery of their services.
function scrapeJobs(intent: AddonIntent) {
  const own = {
    authorization: { credentials_file: tokenFile },
    tls_config: { ca_file: clusterAuthority },
  }
  const keep = (label: string, regex: string) => ({ source_labels: [label], regex, action: 'keep' })
  const kept = { metric_relabel_configs: keptMetrics(intent) }
  const service = (name: string) => ({
    job_name: name,
    kubernetes_sd_configs: [{ role: 'endpoints' }],
    relabel_configs: [
      keep('__meta_kubernetes_service_label_app_kubernetes_io_name', name),
      { source_labels: ['__meta_kubernetes_pod_node_name'], target_label: 'node' },
    ],
    ...kept,
  })
  const nodes = (job: string, path: string) => ({
    job_name: job,
    scheme: 'https',
    ...own,
    // Nodes are known by addresses that their certificates do not name: by the API server's proxy they are reached safely.
    kubernetes_sd_configs: [{ role: 'node' }],
    relabel_configs: [
      { target_label: '__address__', replacement: 'kubernetes.default.svc:443' },
      {
        source_labels: ['__meta_kubernetes_node_name'],
        regex: '(.+)',
        target_label: '__metrics_path__',
        replacement: `/api/v1/nodes/$1/proxy${path}`,
      },
      { source_labels: ['__meta_kubernetes_node_name'], target_label: 'node' },
    ],
    ...kept,
  })
  return [
    {
      job_name: 'apiserver',
      scheme: 'https',
      ...own,
      kubernetes_sd_configs: [{ role: 'endpoints', namespaces: { names: ['default'] } }],
      relabel_configs: [
        keep('__meta_kubernetes_service_name', 'kubernetes'),
        keep('__meta_kubernetes_endpoint_port_name', 'https'),
      ],
      ...kept,
    },
    nodes('kubelet', '/metrics'),
    nodes('cadvisor', '/metrics/cadvisor'),
    { ...service('kube-state-metrics'), honor_labels: true },
    service('node-exporter'),
  ]
}

// Names decide; a match is kept by its name where it has one. What has none is decided at the write.
function keptMetrics({ allowlist }: AddonIntent) {
  const { names, matches } = allowlist
  const dynamic = dynamicMetrics(allowlist)
  const bodies = [...matches, ...dynamic.matches]
  const named = bodies.map((body) => /__name__\s*=\s*"([^"\\]+)"/.exec(body)?.[1])
  if (named.includes(undefined)) return []
  const all = new Set([...names, ...dynamic.names, ...(named as string[]), 'up'])
  const regex = [...all].map(escapeRegex).join('|')
  return [{ source_labels: ['__name__'], regex, action: 'keep' }]
}

function writeRelabel({ allowlist }: AddonIntent) {
  const renames = Object.entries(allowlist.renames).map(([from, to]) => ({
    source_labels: ['__name__'],
    regex: escapeRegex(from),
    target_label: '__name__',
    replacement: to.replaceAll('$', '$$$$'),
  }))
  return [...renames, { regex: droppedLabels, action: 'labeldrop' }]
}

function dynamicMetrics({ collectGroups }: AddonIntent['allowlist']): {
  readonly names: readonly string[]
  readonly matches: readonly string[]
} {
  const all = collectGroups
    .flatMap(({ rules = [] }) => rules)
    .map(({ dynamic_metrics: metrics }) => metrics)
  return {
    names: all.flatMap(({ names = [] }) => names),
    matches: all.flatMap(({ matches = [] }) => matches),
  }
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

function escapeRegex(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&')
}
