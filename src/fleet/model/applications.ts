// Applications over their clusters: what objects, reports and works say, joined per cluster and summed.
// Invariants: a cluster that should have an application and has not reported it is pending, never healthy;
// applications that an ApplicationSet made are part of it, and not listed twice.
// Source: facts/fleet.md §10 (and its rule to sum over clusters), §15.

import { matchesSelector } from '../label-selector.ts'
import { healthOfRows, rowsOf, scoreOf } from './application-rows.ts'
import type { Application, ApplicationOnCluster } from './fleet.ts'
import { type HubParts, sortedBy, staleness } from './join.ts'
import type {
  ApplicationPart,
  ClusterOverrides,
  Delivery,
  DeliveryPart,
  ReplicaPreference,
  ReplicaPreferencePart,
} from './parts.ts'
import type { Selected } from './policies.ts'
import { countStates, type Health, healths, worstOf } from './state.ts'

/** What an application is joined with. */
export interface ApplicationContext {
  readonly hub: HubParts
  readonly selected: Selected
  /** What other objects report of it. */
  readonly reportsOf: (part: ApplicationPart) => readonly DeliveryPart[]
  /** Applications that are part of it: those that a set made, those that a selector takes. */
  readonly membersOf: (part: ApplicationPart) => readonly ApplicationPart[]
  /** How its replicas are shared out. */
  readonly replicasOf: (part: ApplicationPart) => ReplicaPreference | undefined
  /** The name of the cluster that a destination means. */
  readonly resolve: (destination: string) => string
}

/** All applications of a hub. */
export function joinApplications(hub: HubParts, selected: Selected): readonly Application[] {
  const parts = hub.of('application')
  const reported = Map.groupBy(hub.of('deliveries'), applicationKey)
  const children = Map.groupBy(parts, ownerKey)
  const known = new Set(parts.map(applicationKey))
  const preferences = new Map(
    hub.of('replica_preference').map((part) => [preferredKey(part), part.replicas]),
  )
  const context: ApplicationContext = {
    hub,
    replicasOf: (part) => preferences.get(applicationKey(part)),
    selected,
    reportsOf: (part) => reported.get(applicationKey(part)) ?? [],
    membersOf: (part) =>
      part.selector === undefined
        ? (children.get(applicationKey(part)) ?? [])
        : parts.filter((other) => isSelected(part, other)),
    resolve: resolver(hub),
  }
  const applications = parts
    .filter((part) => part.owner === undefined || !known.has(ownerKey(part)))
    .map((part) => joinApplication(part, context))
  return sortedBy(applications, applicationOrder)
}

/** What applications are in order of. */
export function applicationOrder({ namespace, name, kind }: Application): string {
  return `${namespace}/${name}/${kind}`
}

/** One application with its members. */
export function joinApplication(part: ApplicationPart, context: ApplicationContext): Application {
  const { hub, selected, reportsOf, membersOf, replicasOf, resolve } = context
  const gather = (one: ApplicationPart): Gathered => gatherOne(one, reportsOf(one), selected)
  // A set's own deliveries come from works; those of pushed applications from the applications.
  const own = gather(part)
  const halted = part.kind === 'Federated' ? haltedOf(hub, part) : undefined
  const first = halted === undefined ? own : { ...own, failure: halted }
  const joined = joinOne(hub, part, [first, ...membersOf(part).map(gather)], resolve)
  const replicas = replicasOf(part)
  return replicas === undefined ? joined : { ...joined, replicas }
}

// Nothing of a kind moves while its FederatedTypeConfig is off or its controller does not run.
function haltedOf(hub: HubParts, { name }: ApplicationPart): string | undefined {
  const kind = name.slice(0, name.indexOf('/'))
  return hub.of('federated_type').find((one) => one.kind === kind)?.halted
}

/** The key of the application that a preference is about. */
export function preferredKey({ namespace, application }: ReplicaPreferencePart): string {
  return `Federated ${namespace}/${application}`
}

interface Gathered {
  readonly deliveries: readonly Delivery[]
  readonly wanted: readonly string[]
  /** All deliveries come from a deprecated report. */
  readonly fallback: boolean
  readonly failure?: string
  readonly overrides: readonly ClusterOverrides[]
}

/** `KIND NS/NAME`: what makes an application unique within its hub. */
export function applicationKey(
  part: Pick<ApplicationPart | DeliveryPart, 'kind' | 'namespace' | 'name'>,
): string {
  return `${part.kind} ${part.namespace}/${part.name}`
}

/** The key of the set that made an application; '' where none did. */
export function ownerKey({ namespace, owner }: ApplicationPart): string {
  return owner === undefined ? '' : `ApplicationSet ${namespace}/${owner}`
}

/** Whether an app.k8s.io Application takes a subscription. */
export function isSelected(part: ApplicationPart, other: ApplicationPart): boolean {
  return (
    other.kind === 'Subscription' &&
    other.namespace === part.namespace &&
    part.selector !== undefined &&
    part.selector.length > 0 &&
    matchesSelector(part.selector, other.labels)
  )
}

function gatherOne(
  part: ApplicationPart,
  reports: readonly DeliveryPart[],
  selected: Selected,
): Gathered {
  const better = reports.filter(({ fallback }) => !fallback)
  const own = [...part.deliveries, ...better.flatMap(({ deliveries }) => deliveries)]
  const deliveries = own.length > 0 ? own : reports.flatMap((report) => report.deliveries)
  const placed = part.placementRef === undefined ? [] : selected(part.placementRef)
  const wanted = [...part.wanted, ...placed]
  const reportedOn = new Set(deliveries.map(({ cluster }) => cluster))
  // A subscription's report counts clusters without a result as in progress.
  const waiting: Delivery[] =
    part.kind === 'Subscription'
      ? wanted
          .filter((cluster) => !reportedOn.has(cluster))
          .map((cluster) => ({
            cluster,
            by: `${part.namespace}/${part.name}`,
            health: '',
            sync: '',
            deployed: 'progressing',
            message: 'not reported yet',
          }))
      : []
  return {
    deliveries: [...deliveries, ...waiting],
    wanted,
    fallback: own.length === 0 && deliveries.length > 0,
    // Works say what was overridden also where their binding says how they are.
    overrides: [part, ...reports].flatMap(({ overrides }) => overrides ?? []),
    ...(part.failure === undefined ? {} : { failure: part.failure }),
  }
}

function joinOne(
  hub: HubParts,
  part: ApplicationPart,
  gathered: readonly Gathered[],
  resolve: (destination: string) => string,
): Application {
  const deliveries = withoutFallbacks(gathered).map((delivery) => ({
    ...delivery,
    cluster: resolve(delivery.cluster),
  }))
  const byCluster = Map.groupBy(deliveries, ({ cluster }) => cluster)
  for (const name of gathered.flatMap(({ wanted }) => wanted)) {
    const cluster = resolve(name)
    if (!byCluster.has(cluster)) byCluster.set(cluster, [])
  }
  const overrides = Map.groupBy(
    gathered.flatMap((one) => one.overrides),
    ({ cluster }) => resolve(cluster),
  )
  const clusters = sortedBy(byCluster, ([name]) => name).map(([name, own]) => {
    const entry = onCluster(hub, name, own)
    const changed = overrides.get(name)?.flatMap((one) => one.overrides)
    return changed === undefined ? entry : { ...entry, overrides: changed }
  })
  const counts = countStates(
    healths,
    clusters.map(({ state }) => state),
  )
  const failure = gathered.find((one) => one.failure !== undefined)?.failure
  const rows = rowsOf(deliveries)
  return {
    hub: hub.hub,
    kind: part.kind,
    namespace: part.namespace,
    name: part.name,
    state: failure === undefined ? worstOf(counts) : 'failed',
    ...(failure === undefined ? {} : { failure }),
    clusters,
    counts,
    rows,
    score: scoreOf(rows),
  }
}

// A set's report and works repeat its applications, so they count only where these say nothing.
function withoutFallbacks([own, ...members]: readonly Gathered[]): readonly Delivery[] {
  const said = members.flatMap(({ deliveries }) => deliveries)
  if (own === undefined || (own.fallback && said.length > 0)) return said
  const units = new Set(said.map(({ by, cluster }) => `${cluster} ${by}`))
  return [...said, ...own.deliveries.filter(({ by, cluster }) => !units.has(`${cluster} ${by}`))]
}

function onCluster(
  hub: HubParts,
  cluster: string,
  deliveries: readonly Delivery[],
): ApplicationOnCluster {
  const rows = rowsOf(deliveries)
  const state: Health = deliveries.length === 0 ? 'pending' : healthOfRows(rows)
  const messages = new Set(deliveries.map(({ message }) => message).filter((text) => text !== ''))
  const times = deliveries.flatMap(({ sinceMs }) => sinceMs ?? [])
  return {
    cluster,
    state,
    rows,
    message: deliveries.length === 0 ? 'not reported yet' : [...messages].join('; '),
    ...(times.length === 0 ? {} : { sinceMs: Math.max(...times) }),
    ...staleness(hub, cluster),
  }
}

/** Argo CD names clusters by name or by URL, and the cluster that it runs on by one fixed URL. */
export function resolver(hub: HubParts): (destination: string) => string {
  const byUrl = new Map<string, string>()
  for (const { name, urls, labels } of hub.clusters.values()) {
    for (const url of urls) byUrl.set(url, name)
    if (labels.get('local-cluster') === 'true') byUrl.set('https://kubernetes.default.svc', name)
  }
  return (destination) => byUrl.get(destination) ?? destination
}
