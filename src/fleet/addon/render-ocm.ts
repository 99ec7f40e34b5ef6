// The addon on Open Cluster Management: objects for its addon manager (AddOnTemplate), and for hubs where none runs the
// works and addons that the hub role writes itself.
// Source: facts/fleet.md §5, §6, §8.

import { type AddonIntent, type AddonSettings, addonName, variableNames } from './intent.ts'
import { agentName, type Manifest, revisionAnnotation, spokeManifests } from './spoke-manifests.ts'

const addonVersion = 'addon.open-cluster-management.io/v1alpha1'
const group = 'addon.open-cluster-management.io'
/** Signer of the agent's certificates; `identity` checks requests for it. */
const addonSigner = 'crowsnest.io/cluster'
// The hub refuses works above 500 KiB; the addon manager fills them to 80 %.
const workSizeBytesMax = 409_600

/** A placement that the addon follows, with what it changes there. */
export interface AddonPlacement {
  readonly namespace: string
  readonly name: string
  /** Name of an AddOnDeploymentConfig in the placement's namespace. */
  readonly config?: string
  readonly rolloutStrategy?: Readonly<Record<string, unknown>>
}

/** Who looks after the addon on the hub, and what it is configured by where nothing more particular is named. */
export interface AddonManagement {
  /** `self`: the hub role; the hub's addon manager keeps away. */
  readonly lifecycle: 'addon-manager' | 'self'
  /** Name of the AddOnTemplate, where the addon manager delivers. */
  readonly template?: string
  /** The AddOnDeploymentConfig of the fleet. */
  readonly config?: { readonly namespace: string; readonly name: string }
}

/** The ClusterManagementAddOn: which placements carry the addon, and how a change rolls out. */
export function clusterManagementAddOn(
  placements: readonly AddonPlacement[],
  { lifecycle, template, config }: AddonManagement,
): Manifest {
  const configs = { group, resource: 'addondeploymentconfigs' }
  return {
    apiVersion: addonVersion,
    kind: 'ClusterManagementAddOn',
    metadata: {
      name: addonName,
      annotations: { 'addon.open-cluster-management.io/lifecycle': lifecycle },
    },
    spec: {
      addOnMeta: {
        displayName: 'Crowsnest metrics',
        description: 'A Prometheus agent that writes the metrics of a cluster to the hub.',
      },
      supportedConfigs: [
        ...(template === undefined
          ? []
          : [{ group, resource: 'addontemplates', defaultConfig: { name: template } }]),
        { ...configs, ...(config === undefined ? {} : { defaultConfig: config }) },
      ],
      installStrategy: {
        type: 'Placements',
        placements: placements.map(({ namespace, name, config: own, rolloutStrategy }) => ({
          namespace,
          name,
          ...(own === undefined ? {} : { configs: [{ ...configs, name: own, namespace }] }),
          rolloutStrategy: rolloutStrategy ?? { type: 'All' },
        })),
      },
    },
  }
}

/** A Placement that keeps the addon on clusters that cannot be reached, so that they send again at once when they can. */
export function tolerantPlacement(
  placement: { readonly namespace: string; readonly name: string },
  clusterSets: readonly string[],
): Manifest {
  const taints = ['unreachable', 'unavailable']
  return {
    apiVersion: 'cluster.open-cluster-management.io/v1beta1',
    kind: 'Placement',
    metadata: { name: placement.name, namespace: placement.namespace },
    spec: {
      clusterSets,
      tolerations: taints.map((taint) => ({
        key: `cluster.open-cluster-management.io/${taint}`,
        operator: 'Exists',
      })),
    },
  }
}

/** The settings of a layer that an AddOnDeploymentConfig can carry. */
export function addOnDeploymentConfig(
  named: { readonly namespace: string; readonly name: string },
  settings: Partial<AddonSettings>,
): Manifest {
  const variables = Object.entries(variableNames).flatMap(([name, setting]) => {
    const value = settings[setting]
    return value === undefined ? [] : [{ name, value: String(value) }]
  })
  const { nodeSelector, tolerations, registries, proxy, namespace, resources } = settings
  const placement = {
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
  }
  return {
    apiVersion: addonVersion,
    kind: 'AddOnDeploymentConfig',
    metadata: { name: named.name, namespace: named.namespace },
    spec: {
      ...(variables.length === 0 ? {} : { customizedVariables: variables }),
      ...(Object.keys(placement).length === 0 ? {} : { nodePlacement: placement }),
      ...(registries === undefined ? {} : { registries }),
      ...(proxy === undefined ? {} : { proxyConfig: proxy }),
      ...(namespace === undefined ? {} : { agentInstallNamespace: namespace }),
      ...(resources === undefined
        ? {}
        : {
            resourceRequirements: [
              { containerID: `statefulsets:${agentName}:prometheus`, resources },
            ],
          }),
    },
  }
}

/**
 * The AddOnTemplate: what the addon manager places on each cluster. It registers no signer: the manager would approve every
 * request for it and sign what is asked, so that any cluster could be any other. The hub role registers ours
 * (`registrationOf`) and checks each request.
 */
export function addOnTemplate(
  name: string,
  intent: Omit<AddonIntent, 'cluster' | 'clusterId'>,
  authorityPem: string,
): Manifest {
  // The manager puts the cluster's name where the braces are.
  const cluster = '{{CLUSTER_NAME}}'
  const manifests = spokeManifests({ ...intent, cluster, clusterId: cluster }, authorityPem)
  return {
    apiVersion: addonVersion,
    kind: 'AddOnTemplate',
    metadata: { name },
    spec: { addonName, agentSpec: { workload: { manifests } } },
  }
}

/** What `status.registrations` of the addon says: the certificate that the agent of a cluster asks for. */
export function registrationOf(cluster: string, stamp: string) {
  const prefix = `system:open-cluster-management:cluster:${cluster}:addon:${addonName}`
  return {
    signerName: addonSigner,
    subject: {
      user: `${prefix}:agent:${agentName}`,
      groups: [prefix, `system:open-cluster-management:addon:${addonName}`],
      organizationUnit: [`ca-hash-${stamp}`],
    },
  }
}

/** The addon on one cluster, where no addon manager installs it. */
export function managedClusterAddOn(intent: AddonIntent): Manifest {
  return {
    apiVersion: addonVersion,
    kind: 'ManagedClusterAddOn',
    metadata: { name: addonName, namespace: intent.cluster },
    spec: { installNamespace: intent.namespace },
  }
}

/** The works of one cluster: manifests in order, in as few works as their size allows. */
export function manifestWorks(intent: AddonIntent, authorityPem: string): readonly Manifest[] {
  const works: Manifest[][] = [[]]
  let sizeBytes = 0
  for (const manifest of spokeManifests(intent, authorityPem)) {
    const own = Buffer.byteLength(JSON.stringify(manifest))
    if (sizeBytes + own > workSizeBytesMax && works.at(-1)!.length > 0) {
      works.push([])
      sizeBytes = 0
    }
    works.at(-1)!.push(manifest)
    sizeBytes += own
  }
  return works.map((manifests, index) => workOf(intent, manifests, index))
}

function workOf(intent: AddonIntent, manifests: readonly Manifest[], index: number): Manifest {
  const agent = manifests.find(({ kind }) => kind === 'StatefulSet')
  const feedback = [
    ...['readyReplicas', 'replicas', 'updatedReplicas', 'observedGeneration'].map((name) => ({
      name,
      path: `.status.${name}`,
    })),
    { name: 'generation', path: '.metadata.generation' },
    {
      name: 'revision',
      path: `.metadata.annotations.${revisionAnnotation.replaceAll('.', '\\.')}`,
    },
  ]
  const orphans = manifests.filter(({ kind }) => kind === 'Namespace')
  const selectivelyOrphans = {
    orphaningRules: orphans.map(({ metadata: { name } }) => ({
      group: '',
      resource: 'namespaces',
      name,
    })),
  }
  return {
    apiVersion: 'work.open-cluster-management.io/v1',
    kind: 'ManifestWork',
    metadata: {
      name: `addon-${addonName}-deploy-${index}`,
      namespace: intent.cluster,
      labels: { 'open-cluster-management.io/addon-name': addonName },
    },
    spec: {
      workload: { manifests },
      ...(orphans.length === 0
        ? {}
        : { deleteOption: { propagationPolicy: 'SelectivelyOrphan', selectivelyOrphans } }),
      ...(agent === undefined
        ? {}
        : {
            manifestConfigs: [
              {
                resourceIdentifier: {
                  group: 'apps',
                  resource: 'statefulsets',
                  name: agentName,
                  namespace: intent.namespace,
                },
                feedbackRules: [{ type: 'JSONPaths', jsonPaths: feedback }],
              },
            ],
          }),
    },
  }
}
