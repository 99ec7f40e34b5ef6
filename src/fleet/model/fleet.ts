// The fleet as readers of the API see it: parts of every hub, joined. Each entry names its hub.
// Invariants: an entry's name is unique within its hub and kind; what an unreachable cluster last reported is
// marked stale; lists are in order of name.
// Source: facts/fleet.md §9, §10, §15.

import type { Condition } from '../kube-object.ts'
import type { AddonRollout } from './addon-rollout.ts'
import type { Rows } from './application-rows.ts'
import type {
  AddonDefinitionPart,
  AddonState,
  ApplicationKind,
  ClusterPart,
  ClusterState,
  Compliance,
  Override,
  PlacementKind,
  PolicyAutomationPart,
  PolicyDetail,
  PolicyPart,
  ReplicaPreference,
  WorkPart,
} from './parts.ts'
import type { Counts, Health, Said } from './state.ts'

/** What a cluster reported before it could not be reached any more (`sinceMs`, where that is known). */
export interface Stale {
  readonly sinceMs?: number
}

/** A cluster in one word, over all managers. */
export type Reachability = 'ready' | 'degraded' | 'offline' | 'unknown' | 'pending'

/** A managed cluster with the sets it belongs to. */
export interface Cluster extends Omit<ClusterPart, 'part' | 'candidate'> {
  readonly hub: string
  readonly sets: readonly string[]
  readonly reachability: Reachability
}

/** A cluster set with its members. */
export interface ClusterSetStatus {
  readonly hub: string
  readonly name: string
  readonly clusters: readonly string[]
  readonly counts: Counts<ClusterState>
}

/** What is said of a placement. */
export type PlacementState = 'satisfied' | 'not_satisfied' | 'misconfigured' | 'no_status'

/** A placement with the clusters decided for it. */
export interface PlacementStatus {
  readonly hub: string
  readonly kind: PlacementKind
  readonly namespace: string
  readonly name: string
  readonly status: Said<PlacementState>
  readonly clusters: readonly string[]
}

/** An addon on a cluster. Health is the worse of what it claims and, for senders of data, of its data. */
export interface Addon {
  readonly hub: string
  readonly cluster: string
  readonly name: string
  readonly displayName: string
  readonly status: Said<AddonState>
  readonly health: Health
  readonly conditions: readonly Condition[]
  /** Absent where nothing is configured and its manager says nothing of progress. */
  readonly rollout?: AddonRollout
  readonly stale?: Stale
}

/** An addon as its hub defines it. */
export interface AddonDefinition extends Omit<AddonDefinitionPart, 'part'> {
  readonly hub: string
}

/** A ManifestWork. */
export interface Work extends Omit<WorkPart, 'part'> {
  readonly hub: string
}

/** A policy on one cluster. Details are there where the hub shows replicated policies. */
export interface PolicyOnCluster {
  readonly cluster: string
  readonly compliance: Compliance
  readonly details: readonly PolicyDetail[]
  readonly stale?: Stale
}

/** What is run when a policy is violated, and when it was run last. */
export type PolicyAutomation = Omit<PolicyAutomationPart, 'part' | 'namespace' | 'policy'>

/** A root policy over all its clusters. `hubState` is the hub's own aggregate, to be compared. */
export interface Policy extends Omit<PolicyPart, 'part' | 'reported'> {
  readonly hub: string
  readonly compliance: Compliance
  readonly clusters: readonly PolicyOnCluster[]
  readonly counts: Counts<Compliance>
  /** `KIND NS/NAME` of the placements that bindings name for it. */
  readonly placements: readonly string[]
  readonly sets: readonly string[]
  readonly automations: readonly PolicyAutomation[]
}

/** A policy set with its members, judged on the clusters that it places them on. */
export interface PolicySet {
  readonly hub: string
  readonly namespace: string
  readonly name: string
  readonly description: string
  readonly compliance: Compliance
  readonly message: string
  readonly clusters: readonly string[]
  /** Clusters that a member is not judged on, by its name. */
  readonly exclusions: ReadonlyMap<string, readonly string[]>
  readonly members: readonly {
    readonly name: string
    readonly compliance: Compliance | 'deleted'
  }[]
}

/** An application on one cluster. */
export interface ApplicationOnCluster {
  readonly cluster: string
  readonly state: Health
  readonly rows: Rows
  readonly message: string
  readonly sinceMs?: number
  /** What is made different there. */
  readonly overrides?: readonly Override[]
  readonly stale?: Stale
}

/** An application over all its clusters. `state` empty: it is on no cluster. */
export interface Application {
  readonly hub: string
  readonly kind: ApplicationKind
  readonly namespace: string
  readonly name: string
  readonly state: Health | 'empty'
  readonly failure?: string
  /** How its replicas are shared out, where a preference says so. */
  readonly replicas?: ReplicaPreference
  readonly clusters: readonly ApplicationOnCluster[]
  readonly counts: Counts<Health>
  readonly rows: Rows
  readonly score: number
}

/** The fleet of one hub or of all. */
export interface Fleet {
  readonly clusters: readonly Cluster[]
  readonly sets: readonly ClusterSetStatus[]
  readonly placements: readonly PlacementStatus[]
  readonly addons: readonly Addon[]
  readonly addonDefinitions: readonly AddonDefinition[]
  readonly works: readonly Work[]
  readonly policies: readonly Policy[]
  readonly policySets: readonly PolicySet[]
  readonly applications: readonly Application[]
}
