// Who is in the demo: twelve clusters in three sets and under three managers, policies, applications.

/** A cluster of the demo. */
export interface DemoCluster {
  readonly name: string
  readonly manager: 'ocm' | 'karmada' | 'kubefed'
  /** Cluster set; '' where its manager has none. */
  readonly set: 'prod' | 'staging' | 'edge' | ''
  readonly region: string
  readonly cloud: string
  readonly version: string
  readonly nodeCount: number
}

const cluster = (
  name: string,
  set: DemoCluster['set'],
  region: string,
  cloud: string,
  version: string,
  nodeCount: number,
): DemoCluster => ({ name, manager: 'ocm', set, region, cloud, version, nodeCount })

/** Twelve clusters. The last of `edge` has never joined. */
export const demoClusters: readonly DemoCluster[] = [
  cluster('prod-eu-1', 'prod', 'eu', 'Amazon', 'v1.34.2', 5),
  cluster('prod-eu-2', 'prod', 'eu', 'Amazon', 'v1.34.2', 4),
  cluster('prod-us-1', 'prod', 'us', 'Azure', 'v1.34.2', 5),
  cluster('prod-us-2', 'prod', 'us', 'Azure', 'v1.33.6', 4),
  cluster('prod-ap-1', 'prod', 'ap', 'Google', 'v1.34.2', 3),
  cluster('staging-1', 'staging', 'eu', 'Amazon', 'v1.35.0', 3),
  cluster('staging-2', 'staging', 'us', 'Azure', 'v1.35.0', 3),
  cluster('edge-1', 'edge', 'eu', 'BareMetal', 'v1.32.9', 1),
  cluster('edge-2', 'edge', 'us', 'BareMetal', 'v1.32.9', 1),
  cluster('edge-3', 'edge', 'ap', 'BareMetal', '', 0),
  { ...cluster('karmada-1', '', 'eu', 'Google', 'v1.33.6', 2), manager: 'karmada' },
  { ...cluster('kubefed-1', '', 'us', 'OpenStack', 'v1.28.15', 2), manager: 'kubefed' },
]

/** Whether a cluster has ever joined its hub. */
export function hasJoined({ nodeCount }: DemoCluster): boolean {
  return nodeCount > 0
}

/** A policy of the demo. `needs` names the policy that it waits for on a cluster. */
export interface DemoPolicy {
  readonly name: string
  readonly description: string
  readonly standard: string
  readonly category: string
  readonly control: string
  readonly severity: 'low' | 'medium' | 'high' | 'critical'
  readonly enforced: boolean
  readonly sets: readonly DemoCluster['set'][]
  readonly needs?: string
  readonly disabled?: boolean
}

const nist = 'NIST SP 800-53'

/** Policies; one waits for another, one is turned off. */
export const demoPolicies: readonly DemoPolicy[] = [
  {
    name: 'etcd-encryption',
    description: 'Secrets are encrypted in etcd',
    standard: nist,
    category: 'SC System and Communications Protection',
    control: 'SC-28 Protection of Information at Rest',
    severity: 'critical',
    enforced: false,
    sets: ['prod', 'staging'],
  },
  {
    name: 'namespace-limits',
    description: 'Every namespace has a limit range',
    standard: nist,
    category: 'CM Configuration Management',
    control: 'CM-2 Baseline Configuration',
    severity: 'medium',
    enforced: true,
    sets: ['prod', 'staging', 'edge'],
  },
  {
    name: 'namespace-quotas',
    description: 'Every namespace has a quota; its limits come first',
    standard: nist,
    category: 'CM Configuration Management',
    control: 'CM-2 Baseline Configuration',
    severity: 'low',
    enforced: true,
    sets: ['prod', 'staging', 'edge'],
    needs: 'namespace-limits',
  },
  {
    name: 'certificates-expiry',
    description: 'No certificate expires within a month',
    standard: 'PCI DSS',
    category: 'SC System and Communications Protection',
    control: 'SC-8 Transmission Confidentiality and Integrity',
    severity: 'high',
    enforced: false,
    sets: ['prod'],
  },
  {
    name: 'audit-log',
    description: 'The API server writes an audit log',
    standard: 'PCI DSS',
    category: 'AU Audit and Accountability',
    control: 'AU-2 Event Logging',
    severity: 'high',
    enforced: false,
    sets: ['prod', 'edge'],
  },
  {
    name: 'pod-security',
    description: 'Pods run restricted',
    standard: nist,
    category: 'AC Access Control',
    control: 'AC-6 Least Privilege',
    severity: 'medium',
    enforced: false,
    sets: ['staging'],
    disabled: true,
  },
]

/** An application of the demo, by the kind of object that rolls it out. */
export interface DemoApplication {
  readonly name: string
  readonly kind: 'ApplicationSet' | 'Subscription' | 'ResourceBinding' | 'FederatedDeployment'
  readonly sets: readonly DemoCluster['set'][]
}

/** Applications. */
export const demoApplications: readonly DemoApplication[] = [
  { name: 'shop', kind: 'ApplicationSet', sets: ['prod'] },
  { name: 'checkout', kind: 'ApplicationSet', sets: ['prod', 'staging'] },
  { name: 'telemetry', kind: 'Subscription', sets: ['prod', 'edge'] },
  { name: 'gateway', kind: 'ResourceBinding', sets: [''] },
  { name: 'legacy', kind: 'FederatedDeployment', sets: [''] },
]

/** Clusters that an application is for, those that never joined left out. */
export function clustersOf({ kind, sets }: DemoApplication): readonly DemoCluster[] {
  const manager = { ResourceBinding: 'karmada', FederatedDeployment: 'kubefed' } as const
  const wanted =
    kind === 'ResourceBinding' || kind === 'FederatedDeployment' ? manager[kind] : 'ocm'
  return demoClusters.filter(
    (one) => one.manager === wanted && sets.includes(one.set) && hasJoined(one),
  )
}
