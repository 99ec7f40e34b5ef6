// Prints docs/fleet-series.md from the table of series: `node scripts/fleet-series-page.ts > docs/fleet-series.md`.
import { fleetSeries } from '../src/fleet/service/series-table.ts'

const rows = fleetSeries.map(
  ({ name, labels, help }) =>
    `| \`${name}\` | ${labels.map((label) => (label === '…' ? label : `\`${label}\``)).join(' ')} | ${help} |`,
)

process.stdout.write(`# Fleet series

What the fleet writes about itself into the tenants of \`fleet.tenants\` (the default tenant where none is named), through the same write path as
everything else: one sample a minute, one at every change, and a stale marker when the thing is gone. While Crowsnest does not run, or a source
cannot be read, there are no samples; a gap is no change. Names that begin with \`acm_\` or \`policy_\` are ACM's, so that its dashboards and rules work;
\`cluster\` and \`hub\` stand beside its labels. \`cluster\` is the managed cluster, as metrics carry it: join with
\`* on (cluster) group_left () …\`. Karmada's and KubeFed's clusters and applications have the same series. A label without a value is not there.

| series | labels | value |
|---|---|---|
${rows.join('\n')}

Examples:

    # share of the last week that each cluster was available
    avg_over_time(crowsnest_fleet_cluster_state{state="available"}[1w])
    # how often policies changed on each cluster in a day
    sum by (cluster) (changes(policy_governance_info{type="propagated"}[1d]))
    # error rate of the clusters that a placement had at that time
    sum by (cluster) (rate(http_requests_total{code=~"5..", __placement__="web/frontends"}[5m]))
`)
