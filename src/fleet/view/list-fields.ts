// What the entries of each list hold, and by what each list can be filtered: for checking and for the API's document.

import type { FleetFilter, FleetList } from './call.ts'

/** One field of an entry, as JSON Schema has it. */
export interface FieldShape {
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array'
  readonly description: string
}

type Shape = Readonly<Record<string, FieldShape>>

const field = (type: FieldShape['type'], description: string): FieldShape => ({ type, description })
const text = (description: string): FieldShape => field('string', description)
const count = (description: string): FieldShape => field('integer', description)
const counts = (description: string): FieldShape => field('object', description)
const list = (description: string): FieldShape => field('array', description)

const hub = { hub: text('Name of the hub, which is the name of its source') }
const namespaced = { ...hub, namespace: text('Namespace on the hub'), name: text('Name') }
const since = { sinceMs: field('number', 'Since when, Unix milliseconds, where it is known') }
const by = { by: field('object', 'Object and condition that say so') }
const flaps = { flaps: count('Times that it left its state and came back, in the last day') }
const said = {
  state: text('State in one word'),
  ...since,
  reason: text('Reason as the condition gives it'),
  message: text('Message as the condition gives it'),
  ...by,
}
const data = { data: field('object', 'What the data of the cluster themselves say') }
const stale = { stale: field('object', 'There where the cluster is not available: since when') }

/** Fields of the entries of each list, in their order. */
export const listFields: Readonly<Record<FleetList, Shape>> = {
  clusters: {
    ...hub,
    name: text('Name'),
    id: text('Id of the cluster, else its name'),
    manager: text('ocm, karmada or kubefed'),
    ...said,
    reachability: text('ready, degraded, offline, unknown or pending'),
    degraded: list('What is wrong while it is available'),
    deletingSinceMs: field('number', 'Since when it is being deleted, Unix milliseconds'),
    sets: list('Cluster sets it belongs to'),
    labels: field('object', 'Labels'),
    kubernetesVersion: text('Version of Kubernetes'),
    capacity: field('object', 'Capacity in base units'),
    allocatable: field('object', 'Allocatable resources in base units'),
    ...data,
    addons: counts('Its addons by health'),
    policies: counts('Policies on it by state'),
    applications: counts('Applications on it by state'),
    ...flaps,
  },
  clustersets: {
    ...hub,
    name: text('Name'),
    clusterCount: count('Members'),
    counts: counts('Members by state'),
    policies: counts('Policies on members by state'),
    applications: counts('Applications on members by state'),
  },
  placements: {
    ...hub,
    kind: text('Placement, PlacementRule, PropagationPolicy or ClusterPropagationPolicy'),
    namespace: text('Namespace'),
    name: text('Name'),
    ...said,
    clusterCount: count('Clusters that are decided'),
    ...flaps,
  },
  addons: {
    ...hub,
    cluster: text('Cluster it is on'),
    name: text('Name'),
    displayName: text('Name for people'),
    health: text('The worse of what it claims and what its data say'),
    ...said,
    ...stale,
    ...data,
    rollout: field('object', 'How far its newest configuration is, with the revisions'),
    ...flaps,
  },
  rollouts: {
    ...hub,
    name: text('Name of the addon'),
    displayName: text('Name for people'),
    state: text('Worst state over its clusters; empty where nothing rolls out'),
    ...by,
    install: text('Placements, or Manual'),
    clusterCount: count('Clusters that should have it'),
    counts: counts('Clusters by state'),
    revisions: list('Revisions with on how many clusters each is wanted and applied'),
    placements: list('Placements that it follows: strategy, counts, configurations, progress'),
  },
  policies: {
    ...namespaced,
    state: said.state,
    ...since,
    ...by,
    disabled: field('boolean', 'Whether it is turned off'),
    remediation: text('inform or enforce'),
    severity: text('Severity'),
    description: text('Description'),
    standards: list('Standards'),
    categories: list('Categories'),
    controls: list('Controls'),
    placements: list('Placements that its bindings name'),
    sets: list('Policy sets it belongs to'),
    automations: list(
      'What is run on violations: name, mode, clusters, and the last run in Unix milliseconds',
    ),
    hubState: text("The hub's own aggregate"),
    clusterCount: count('Clusters it is on'),
    counts: counts('Clusters by state'),
    ...flaps,
  },
  policysets: {
    ...namespaced,
    description: text('Description'),
    state: said.state,
    ...since,
    message: text('What is to be said of its members'),
    ...by,
    clusterCount: count('Clusters it is placed on'),
    members: list('Policies with their state on these clusters'),
    ...flaps,
  },
  applications: {
    ...hub,
    kind: text('Kind of the object that describes it'),
    namespace: text('Namespace'),
    name: text('Name'),
    state: text('Worst state over its clusters; empty where it is on none'),
    ...since,
    message: text('Why it failed before it reached a cluster'),
    ...by,
    clusterCount: count('Clusters it is on'),
    counts: counts('Clusters by state'),
    rows: field('object', 'Counters of health, sync and deployment over all clusters'),
    score: field('number', 'Score of the rows; below 1000 nothing is wrong'),
    replicas: field('object', 'How its replicas are shared out, where KubeFed is told'),
    ...flaps,
  },
  events: {
    id: count('Grows by one each'),
    atMs: field('number', 'When it was seen, Unix milliseconds'),
    kind: text('What changed: cluster, policy_on_cluster, placement_member, …'),
    ...hub,
    type: text('Kind of the object'),
    namespace: text('Namespace'),
    name: text('Name'),
    cluster: text('Managed cluster; empty where it spans clusters'),
    from: text('State before; absent: it appeared'),
    to: text('State after; absent: it went away'),
    reason: text('Reason'),
    message: text('Message'),
    ...since,
  },
  sources: {
    name: text('Name of the source and its hub'),
    kind: text('Kind of the source'),
    state: text('syncing, synced or failing'),
    ...since,
    message: text('What is wrong'),
    objectCount: count('Objects read'),
    partCount: count('Kinds or files'),
    mistakeCount: count('Kinds or files that are not read, or not whole'),
  },
}

/** With these, clusters and sets are those that such policies are on, and count these policies only. */
const ofPolicies = ['standard', 'category', 'control'] as const
const ofClusters = ['cluster', 'set', 'selector', 'placement'] as const

/** Filters that each list knows. */
export const listFilters: Readonly<Record<FleetList, readonly (keyof FleetFilter)[]>> = {
  clusters: ['hub', 'name', 'state', ...ofClusters, ...ofPolicies],
  clustersets: ['hub', 'name', 'state', ...ofClusters, ...ofPolicies],
  placements: ['hub', 'namespace', 'name', 'kind', 'state', ...ofClusters],
  addons: ['hub', 'name', 'state', ...ofClusters],
  rollouts: ['hub', 'name', 'state', ...ofClusters],
  policies: ['hub', 'namespace', 'name', 'state', ...ofClusters, ...ofPolicies],
  policysets: ['hub', 'namespace', 'name', 'state', ...ofClusters],
  applications: ['hub', 'namespace', 'name', 'kind', 'state', ...ofClusters],
  events: ['hub', 'namespace', 'name', 'kind', 'state', ...ofClusters, 'fromMs', 'toMs'],
  sources: ['hub', 'name', 'kind', 'state'],
}

/** Filters that a summary knows. */
export const summaryFilters: readonly (keyof FleetFilter)[] = ['hub', ...ofClusters]
