// The intent: what the addon is to be on one cluster, from configuration in layers. Later layers win: defaults of the
// fleet, of a placement, of the cluster.
// Source: facts/fleet.md §6 (AddOnDeploymentConfig, install rules).

import { parseDurationMs, UserError } from '../../model/index.ts'
import type { Allowlist } from './allowlist.ts'

/** Name of the addon, on the hub and on spokes. */
export const addonName = 'crowsnest'

/** Where samples come from on a spoke: its own Prometheus, federated, or its exporters, scraped by the addon. */
export type Collection = 'federate' | 'scrape'

/** A toleration as Kubernetes has it. */
export interface Toleration {
  readonly key?: string
  readonly operator?: 'Exists' | 'Equal'
  readonly value?: string
  readonly effect?: string
  readonly tolerationSeconds?: number
}

/** CPU and memory as Kubernetes has them. */
export interface Resources {
  readonly requests?: Readonly<Record<string, string>>
  readonly limits?: Readonly<Record<string, string>>
}

/** What may be configured, for the fleet, for a placement and for a cluster. */
export interface AddonSettings {
  /** Where samples are written to: the write URL of the gateway as spokes reach it. */
  readonly writeUrl: string
  readonly interval: string
  readonly collection: Collection
  /** Address of the cluster's own Prometheus, for `federate`. */
  readonly prometheusUrl: string
  readonly allowlist: Allowlist
  readonly namespace: string
  readonly image: string
  /** Image reference prefixes, replaced in order; the longest that fits wins. */
  readonly registries: readonly { readonly source: string; readonly mirror: string }[]
  readonly nodeSelector: Readonly<Record<string, string>>
  readonly tolerations: readonly Toleration[]
  readonly resources: Resources
  readonly proxy: {
    readonly httpProxy?: string
    readonly httpsProxy?: string
    readonly noProxy?: string
  }
  /** Size of the volume that holds the write-ahead log of the agent; '' = a volume that goes with the pod. */
  readonly walVolumeSize: string
}

/** The intent for one cluster. */
export interface AddonIntent extends AddonSettings {
  readonly cluster: string
  readonly clusterId: string
}

/** A layer: what it says replaces what stands below, field by field. */
export type AddonLayer = Partial<AddonSettings>

/** Defaults that suit an OpenShift spoke; `writeUrl` has none. */
export const addonDefaults: Omit<AddonSettings, 'writeUrl' | 'allowlist'> = {
  interval: '5m',
  collection: 'federate',
  prometheusUrl: 'https://prometheus-k8s.openshift-monitoring.svc:9091',
  namespace: 'open-cluster-management-agent-addon',
  image: 'quay.io/prometheus/prometheus:v3.14.0',
  registries: [],
  nodeSelector: {},
  tolerations: [],
  resources: { requests: { cpu: '10m', memory: '100Mi' }, limits: { memory: '512Mi' } },
  proxy: {},
  walVolumeSize: '',
}

/** The intent for a cluster, from its layers in order. Throws UserError bad_config for what cannot be. */
export function intentOf(
  cluster: { readonly name: string; readonly id: string },
  layers: readonly AddonLayer[],
): AddonIntent {
  const settings = Object.assign({ ...addonDefaults }, ...layers) as AddonSettings
  const intent = { ...settings, cluster: cluster.name, clusterId: cluster.id }
  const faults = faultsOf(intent)
  if (faults.length === 0) return intent
  throw new UserError('bad_config', {
    what: `the addon cannot be rendered for ${cluster.name}: ${faults.join('; ')}`,
    fix: 'correct the configuration of the addon',
  })
}

/** An image reference after mirrors: the longest source that is a prefix of it is replaced. */
export function mirrored(image: string, registries: AddonSettings['registries']): string {
  const fitting = registries
    .filter(({ source }) => image === source || image.startsWith(`${source}/`) || source === '')
    .sort((a, b) => b.source.length - a.source.length)[0]
  if (fitting === undefined) return image
  const rest = image.slice(fitting.source.length).replace(/^\//, '')
  return `${fitting.mirror}/${rest}`
}

/** Names of customizedVariables that we read, and the setting that each is. */
export const variableNames = {
  WRITE_URL: 'writeUrl',
  INTERVAL: 'interval',
  COLLECTION: 'collection',
  PROMETHEUS_URL: 'prometheusUrl',
  IMAGE: 'image',
  WAL_VOLUME_SIZE: 'walVolumeSize',
} as const satisfies Record<string, keyof AddonSettings>

/** The layer that an AddOnDeploymentConfig's spec is. Throws UserError bad_config for variables that are none of ours. */
export function layerOfDeploymentConfig(spec: {
  readonly customizedVariables?: readonly { readonly name: string; readonly value: string }[]
  readonly nodePlacement?: {
    readonly nodeSelector?: Readonly<Record<string, string>>
    readonly tolerations?: readonly Toleration[]
  }
  readonly registries?: AddonSettings['registries']
  readonly proxyConfig?: AddonSettings['proxy']
  readonly agentInstallNamespace?: string
  readonly resourceRequirements?: readonly {
    readonly containerID: string
    readonly resources: Resources
  }[]
}): AddonLayer {
  const layer: Record<string, unknown> = {}
  for (const { name, value } of spec.customizedVariables ?? []) {
    if (!Object.hasOwn(variableNames, name)) {
      throw new UserError('bad_config', {
        what: `the variable ${name} is not known`,
        fix: `use ${Object.keys(variableNames).join(', ')}`,
      })
    }
    layer[variableNames[name as keyof typeof variableNames]] = value
  }
  const { nodePlacement, registries, proxyConfig, agentInstallNamespace } = spec
  if (nodePlacement?.nodeSelector !== undefined) layer.nodeSelector = nodePlacement.nodeSelector
  if (nodePlacement?.tolerations !== undefined) layer.tolerations = nodePlacement.tolerations
  if (registries !== undefined) layer.registries = registries
  if (proxyConfig !== undefined) layer.proxy = proxyConfig
  if (agentInstallNamespace) layer.namespace = agentInstallNamespace
  const resources = (spec.resourceRequirements ?? []).filter(({ containerID }) =>
    isAgent(containerID),
  )
  // The last that matches wins, as the addon manager has it.
  if (resources.length > 0) layer.resources = resources.at(-1)!.resources
  return layer as AddonLayer
}

function isAgent(containerId: string): boolean {
  const [kind = '', name = '', container = ''] = containerId.split(':')
  const fits = (pattern: string, value: string) => pattern === '*' || pattern === value
  return (
    fits(kind, 'statefulsets') && fits(name, 'crowsnest-agent') && fits(container, 'prometheus')
  )
}

function faultsOf(intent: AddonIntent): string[] {
  const faults: string[] = []
  const { writeUrl, interval, collection, prometheusUrl, namespace } = intent
  if (!URL.canParse(writeUrl ?? '')) faults.push(`writeUrl "${writeUrl}" is no URL`)
  else if (new URL(writeUrl).protocol !== 'https:')
    faults.push(`writeUrl "${writeUrl}" is not https, so no certificate would prove who writes`)
  if (!((parseDurationMs(interval) ?? 0) > 0)) faults.push(`interval "${interval}" is no duration`)
  if (collection !== 'federate' && collection !== 'scrape')
    faults.push(`collection "${collection as string}" is neither federate nor scrape`)
  if (collection === 'federate' && !URL.canParse(prometheusUrl))
    faults.push(`prometheusUrl "${prometheusUrl}" is no URL`)
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    faults.push(`namespace "${namespace}" is no name`)
  const { names, matches, collectGroups } = intent.allowlist ?? { names: [], matches: [] }
  if (names.length + matches.length + (collectGroups ?? []).length === 0)
    faults.push('the allowlist is empty')
  return faults
}
