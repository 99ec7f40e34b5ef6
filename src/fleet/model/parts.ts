// What readers make of single objects, before anything is joined: the parts of one hub.
// Invariants: a part says only what its object says; names of other objects are kept as references.
// Source: facts/fleet.md §15 and the sections on each kind.

import type { RolloutStrategy } from '../addon/rollout-strategy.ts'
import type { Condition } from '../kube-object.ts'
import type { LabelSelector } from '../label-selector.ts'
import type {
  Candidate,
  ClusterSet,
  ClusterSetBinding,
  Placement,
  PlacementScore,
  Taint,
} from '../placement/world.ts'
import type { Said } from './state.ts'

/** How a cluster is: see facts §2 for OCM's three values, which stay distinct. */
export const clusterStates = [
  'available',
  'unavailable',
  'unreachable',
  'unknown',
  'not_joined',
] as const

/** See `clusterStates`. */
export type ClusterState = (typeof clusterStates)[number]

/** Who manages a cluster. */
export type Manager = 'ocm' | 'karmada' | 'kubefed'

/** How a cluster came to its hub. */
export interface ClusterImport {
  readonly createdVia: string
  readonly serviceName: string
  /** The cluster on which its control plane or its agent runs; '' = on itself. */
  readonly hostingCluster: string
  readonly createdMs?: number
}

/** A cluster as its manager describes it. Resources are base units (cores, bytes). */
export interface ClusterPart {
  readonly part: 'cluster'
  readonly manager: Manager
  readonly name: string
  readonly id: string
  readonly status: Said<ClusterState>
  /** What is wrong while the cluster is available, such as a clock out of sync. */
  readonly degraded: readonly Said<'degraded'>[]
  readonly conditions: readonly Condition[]
  readonly labels: ReadonlyMap<string, string>
  readonly claims: ReadonlyMap<string, string>
  readonly kubernetesVersion: string
  readonly capacity: ReadonlyMap<string, number>
  readonly allocatable: ReadonlyMap<string, number>
  readonly taints: readonly Taint[]
  /** URLs under which others name the cluster. */
  readonly urls: readonly string[]
  readonly deletingSinceMs?: number
  /** How the cluster came to its hub, where the hub says it. */
  readonly imported?: ClusterImport
  /** Only OCM's scheduler needs it. */
  readonly candidate?: Candidate
}

/** How an addon is on one cluster. */
export const addonStates = [
  'available',
  'degraded',
  'progressing',
  'unavailable',
  'unknown',
  'not_reported',
] as const

/** See `addonStates`. */
export type AddonState = (typeof addonStates)[number]

/** A configuration of an addon at one revision. */
export interface ConfigRevision {
  /** `RESOURCE.GROUP`. */
  readonly resource: string
  /** '' where the resource has none. */
  readonly namespace: string
  readonly name: string
  /** Hash of its spec as the hub gives it; '' = not known. */
  readonly hash: string
}

/** A configuration on a cluster: which revision the hub has sent there, and which was applied last. */
export interface AddonConfig {
  readonly desired?: ConfigRevision
  readonly applied?: ConfigRevision
}

/** An addon on one cluster. */
export interface AddonPart {
  readonly part: 'addon'
  readonly cluster: string
  readonly name: string
  readonly status: Said<AddonState>
  readonly conditions: readonly Condition[]
  readonly configs: readonly AddonConfig[]
  /** Configurations that the addon on this cluster names itself; hashes are not known there. */
  readonly ownConfigs: readonly ConfigRevision[]
}

/** A configuration on a placement. */
export interface PlacementConfig extends AddonConfig {
  /** The revision that was applied without a failure last. */
  readonly lastGood?: ConfigRevision
}

/** A placement that an addon follows. */
export interface AddonPlacement {
  readonly namespace: string
  readonly name: string
  readonly strategy: RolloutStrategy | { readonly mistake: string }
  readonly configs: readonly PlacementConfig[]
  /** What the hub says of its progress. */
  readonly progress?: Condition
}

/** An addon as the hub defines it: what it is called, and which placements it follows. Later placements win. */
export interface AddonDefinitionPart {
  readonly part: 'addon_definition'
  readonly name: string
  readonly displayName: string
  readonly install: 'Manual' | 'Placements'
  readonly defaults: readonly ConfigRevision[]
  readonly placements: readonly AddonPlacement[]
}

/** An object of a work that could not be applied. */
export interface ManifestFailure {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly message: string
}

/** A work that carries an addon's manifests to a cluster. */
export interface AddonWorkPart {
  readonly part: 'addon_work'
  readonly cluster: string
  readonly addon: string
  /** Namespace (that of the hosting cluster, where the addon is hosted) and name of the work. */
  readonly namespace: string
  readonly name: string
  readonly manifestCount: number
  /** Whether its manifests were applied, as far as the agent has seen the newest of them. */
  readonly applied?: Condition
  readonly available?: Condition
  /** The first few. */
  readonly failures: readonly ManifestFailure[]
}

/** A ManifestWork as ACM's metrics have it, whatever else it says. */
export interface WorkPart {
  readonly part: 'work'
  readonly cluster: string
  readonly name: string
  readonly conditions: readonly Pick<Condition, 'type' | 'status'>[]
  /** Of works that make a hosted cluster ('' = not named): when it was created and applied. */
  readonly hosting?: {
    readonly cluster: string
    readonly createdMs: number
    readonly appliedMs?: number
  }
}

/** Compliance of a policy on a cluster or as a whole. No status is not compliant; pending is not failed. */
export const compliances = [
  'compliant',
  'non_compliant',
  'pending',
  'no_status',
  'disabled',
] as const

/** See `compliances`. */
export type Compliance = (typeof compliances)[number]

/** A policy as its author wrote it, with what the hub says of it. Lists come from annotations. */
export interface PolicyPart {
  readonly part: 'policy'
  readonly namespace: string
  readonly name: string
  readonly disabled: boolean
  readonly remediation: string
  readonly severity: string
  readonly description: string
  readonly standards: readonly string[]
  readonly categories: readonly string[]
  readonly controls: readonly string[]
  readonly hubState: Compliance
  readonly reported: readonly { readonly cluster: string; readonly compliance: Compliance }[]
}

/** One entry of a template's history. */
export interface PolicyMessage {
  readonly atMs?: number
  readonly message: string
}

/** One template of a policy on one cluster; history is newest first. */
export interface PolicyDetail {
  readonly template: string
  readonly compliance: Compliance
  readonly history: readonly PolicyMessage[]
}

/** A replicated policy: the copy of a root policy for one cluster. `root` is `NS/NAME` of its root policy. */
export interface ReplicatedPolicyPart {
  readonly part: 'replicated_policy'
  readonly root: string
  readonly cluster: string
  readonly name: string
  readonly compliance: Compliance
  readonly details: readonly PolicyDetail[]
}

/** A policy set. */
export interface PolicySetPart {
  readonly part: 'policy_set'
  readonly namespace: string
  readonly name: string
  readonly description: string
  readonly policies: readonly string[]
  readonly exclusions: ReadonlyMap<string, readonly string[]>
}

/** A PolicyAutomation: what is run when a policy (of its namespace) is violated, and when it was run last. */
export interface PolicyAutomationPart {
  readonly part: 'policy_automation'
  readonly namespace: string
  readonly name: string
  readonly policy: string
  readonly mode: string
  /** Clusters for which it was run. */
  readonly clusters: readonly string[]
  readonly lastRunMs?: number
}

/** What a PlacementBinding joins. Restricted ones place nothing themselves. */
export interface BindingPart {
  readonly part: 'binding'
  readonly namespace: string
  readonly placement: { readonly kind: string; readonly name: string }
  readonly subjects: readonly { readonly kind: string; readonly name: string }[]
  readonly restricted: boolean
}

/** A Placement with what the hub says of it. */
export interface PlacementPart {
  readonly part: 'placement'
  readonly placement: Placement
  readonly conditions: readonly Condition[]
}

/** What chooses clusters: of OCM, and of Karmada. */
export type PlacementKind =
  | 'Placement'
  | 'PlacementRule'
  | 'PropagationPolicy'
  | 'ClusterPropagationPolicy'

/** One shard of decisions, all decisions of a legacy PlacementRule, or where Karmada put one resource of a policy. */
export interface DecisionPart {
  readonly part: 'decision'
  readonly kind: PlacementKind
  readonly namespace: string
  readonly placement: string
  readonly clusters: readonly string[]
}

/** How one unit of an application is on one cluster, row by row as the console shows it; '' = not known there. */
export interface Delivery {
  readonly cluster: string
  /** The object that says so, `NS/NAME`. */
  readonly by: string
  readonly health: RowState | ''
  readonly sync: RowState | ''
  readonly deployed: RowState | ''
  readonly message: string
  readonly sinceMs?: number
}

/** What a policy, or the object itself, makes different on one cluster: paths or kinds of what is changed, no values. */
export interface Override {
  readonly by: string
  readonly changes: readonly string[]
}

/** Overrides of one application on one cluster. */
export interface ClusterOverrides {
  readonly cluster: string
  readonly overrides: readonly Override[]
}

/** A FederatedTypeConfig of KubeFed: whether resources of a kind go anywhere. */
export interface FederatedTypePart {
  readonly part: 'federated_type'
  /** The kind that is federated, such as Deployment. */
  readonly kind: string
  /** Why nothing is propagated; absent: it is. */
  readonly halted?: string
}

/** A ReplicaSchedulingPreference of KubeFed: how replicas of a Federated object are shared out. */
export interface ReplicaPreferencePart {
  readonly part: 'replica_preference'
  readonly namespace: string
  /** `KIND/NAME` of the application. */
  readonly application: string
  readonly replicas: ReplicaPreference
}

/** Replicas over clusters; cluster `*` stands for those that are not named. */
export interface ReplicaPreference {
  readonly by: string
  readonly total: number
  readonly rebalance: boolean
  readonly clusters: readonly {
    readonly cluster: string
    readonly min: number
    readonly max?: number
    readonly weight: number
  }[]
}

/** The five counters of a row. */
export const rowStates = ['healthy', 'progressing', 'warning', 'danger', 'unknown'] as const

/** See `rowStates`. */
export type RowState = (typeof rowStates)[number]

/** What kind of object describes an application. */
export type ApplicationKind =
  | 'Application.argoproj.io'
  | 'ApplicationSet'
  | 'Subscription'
  | 'Application.app.k8s.io'
  | 'ResourceBinding'
  | 'Federated'
  | 'ManifestWork'
  | 'ManifestWorkReplicaSet'
  | 'GitOpsCluster'

/** An application as one object describes it. */
export interface ApplicationPart {
  readonly part: 'application'
  readonly kind: ApplicationKind
  readonly namespace: string
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly deliveries: readonly Delivery[]
  /** Clusters that should have it, where its own object says so. */
  readonly wanted: readonly string[]
  /** `KIND NS/NAME` of the placement that says which clusters should have it. */
  readonly placementRef?: string
  /** Name of the ApplicationSet that made it. */
  readonly owner?: string
  /** Selects the subscriptions that belong to an app.k8s.io Application. */
  readonly selector?: LabelSelector
  /** Why it failed before it reached any cluster. */
  readonly failure?: string
  readonly overrides?: readonly ClusterOverrides[]
}

/** What another object reports of an application: a report, or the work that carries a pulled Argo CD application. */
export interface DeliveryPart {
  readonly part: 'deliveries'
  readonly kind: ApplicationKind
  readonly namespace: string
  readonly name: string
  readonly deliveries: readonly Delivery[]
  /** Deprecated reports count only where nothing better is there. */
  readonly fallback: boolean
  readonly overrides?: readonly ClusterOverrides[]
}

/** Any part of a hub. */
export type FleetPart =
  | ClusterPart
  | AddonPart
  | AddonDefinitionPart
  | AddonWorkPart
  | WorkPart
  | PolicyPart
  | ReplicatedPolicyPart
  | PolicySetPart
  | PolicyAutomationPart
  | BindingPart
  | PlacementPart
  | DecisionPart
  | ApplicationPart
  | DeliveryPart
  | FederatedTypePart
  | ReplicaPreferencePart
  | { readonly part: 'set'; readonly set: ClusterSet }
  | { readonly part: 'set_binding'; readonly binding: ClusterSetBinding }
  | { readonly part: 'score'; readonly score: PlacementScore }
