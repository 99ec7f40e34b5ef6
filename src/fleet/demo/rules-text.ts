// The demo's rule file: recordings and alerts over what the clusters send and what the fleet says of them.

/** A file of Prometheus rules. */
export const demoRules = `groups:
  - name: clusters
    interval: 15s
    rules:
      - record: cluster:cpu_busy:ratio
        expr: 1 - avg by (cluster) (rate(node_cpu_seconds_total{mode="idle"}[2m]))
      - record: cluster:apiserver_errors:ratio
        expr: >
          sum by (cluster) (rate(apiserver_request_total{code=~"5.."}[2m]))
          / sum by (cluster) (rate(apiserver_request_total[2m]))
      - alert: ClusterSilent
        expr: count by (cluster) (present_over_time(up[30m])) unless count by (cluster) (last_over_time(up[45s]))
        labels: { severity: critical }
        annotations: { summary: '{{ $labels.cluster }} sends nothing' }
      - alert: ApiServerDown
        expr: up{job="apiserver"} == 0
        labels: { severity: critical }
        annotations: { summary: 'the API server of {{ $labels.cluster }} does not answer' }
      - alert: DiskFillsUp
        expr: node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.25
        for: 1m
        labels: { severity: warning }
        annotations: { summary: '{{ $labels.instance }} of {{ $labels.cluster }} has {{ $value | humanizePercentage }} left' }
  - name: applications
    interval: 15s
    rules:
      - alert: RolloutIncomplete
        expr: kube_deployment_status_replicas_available < kube_deployment_spec_replicas
        for: 15s
        labels: { severity: warning }
        annotations: { summary: '{{ $labels.deployment }} on {{ $labels.cluster }} has {{ $value }} replicas' }
`
