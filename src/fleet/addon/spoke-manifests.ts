// What lands on a spoke: namespace, account with the least rights, the agent's configuration, the agent, and who may talk to it.
// Pure: the same intent gives the same manifests, byte for byte.

import { createHash } from 'node:crypto'
import { agentConfig, authorityFolder, certificateFolder } from './agent-config.ts'
import { type AddonIntent, mirrored } from './intent.ts'

/** An object to apply. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

/** Name of everything that belongs to the agent. */
export const agentName = 'crowsnest-agent'
/** Secret with certificate and key of the agent, as the registration agent writes it for our signer. */
export const certificateSecret = 'crowsnest-crowsnest.io-cluster-client-cert'
/** Secret with the CA of the gateway's listener. */
export const authoritySecret = 'crowsnest-gateway-ca'

/** Annotation of manifests that stay on the spoke when the addon goes, as OCM's addon manager knows it. */
const orphanAnnotation = 'addon.open-cluster-management.io/deletion-orphan'
/** Annotation that tells revisions of the agent apart. */
export const revisionAnnotation = 'crowsnest.io/revision'

const labels = { 'app.kubernetes.io/name': agentName, 'app.kubernetes.io/part-of': 'crowsnest' }
const agentPort = 9090
const dataFolder = '/agent'
// Nobody: what the image runs as.
const userId = 65_534

/** The manifests in the order in which they are applied. `authorityPem` is what the agent trusts the gateway by. */
export function spokeManifests(intent: AddonIntent, authorityPem: string): readonly Manifest[] {
  const { namespace } = intent
  const named = { name: agentName, namespace, labels }
  const config = `${JSON.stringify(agentConfig(intent), undefined, 2)}\n`
  return [
    // Other addons live there too: it stays when this one goes.
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, annotations: { [orphanAnnotation]: '' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: named },
    clusterRole(intent),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: agentName, labels },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: agentName },
      subjects: [{ kind: 'ServiceAccount', name: agentName, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: authoritySecret, namespace, labels },
      type: 'Opaque',
      stringData: { 'ca.crt': authorityPem },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: named, data: { 'prometheus.yml': config } },
    statefulSet(intent, config),
    networkPolicy(intent),
  ]
}

// Federation needs one right; scraping needs to find nodes and services, and to read metrics through the API server.
function clusterRole({ collection }: AddonIntent): Manifest {
  const read = ['get', 'list', 'watch']
  const rules =
    collection === 'federate'
      ? [{ apiGroups: ['monitoring.coreos.com'], resources: ['prometheuses/api'], verbs: ['get'] }]
      : [
          { apiGroups: [''], resources: ['nodes', 'services', 'endpoints', 'pods'], verbs: read },
          { apiGroups: [''], resources: ['nodes/proxy', 'nodes/metrics'], verbs: ['get'] },
          { nonResourceURLs: ['/metrics'], verbs: ['get'] },
        ]
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: agentName, labels },
    rules,
  }
}

function statefulSet(intent: AddonIntent, config: string): Manifest {
  const { namespace, nodeSelector, tolerations, walVolumeSize } = intent
  const spec = {
    // Two would write every sample twice.
    replicas: 1,
    serviceName: agentName,
    selector: { matchLabels: { 'app.kubernetes.io/name': agentName } },
    template: {
      // A new configuration is a new pod: the agent reads its file once.
      metadata: { labels, annotations: { [revisionAnnotation]: revisionOf(config) } },
      spec: {
        serviceAccountName: agentName,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: userId,
          fsGroup: userId,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
        ...(tolerations.length === 0 ? {} : { tolerations }),
        containers: [container(intent)],
        volumes: [
          { name: 'config', configMap: { name: agentName } },
          { name: 'tls', secret: { secretName: certificateSecret } },
          { name: 'ca', secret: { secretName: authoritySecret } },
          ...(walVolumeSize === '' ? [{ name: 'data', emptyDir: {} }] : []),
        ],
      },
    },
    ...(walVolumeSize === '' ? {} : claims(walVolumeSize)),
  }
  // What the cluster reports back of it is told apart from what it reported of the revision before.
  const annotations = { [revisionAnnotation]: revisionOf(JSON.stringify(spec)) }
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: agentName, namespace, labels, annotations },
    spec,
  }
}

function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

// The volume goes with the addon, or it would lie there for good.
function claims(storage: string) {
  return {
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
      },
    ],
  }
}

function container(intent: AddonIntent) {
  const { image, registries, resources, proxy } = intent
  const env = [
    ['HTTP_PROXY', proxy.httpProxy],
    ['HTTPS_PROXY', proxy.httpsProxy],
    ['NO_PROXY', proxy.noProxy],
  ].flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))
  const probe = (path: string) => ({ httpGet: { path, port: agentPort } })
  return {
    name: 'prometheus',
    image: mirrored(image, registries),
    args: [
      '--agent',
      '--config.file=/etc/crowsnest/config/prometheus.yml',
      `--storage.agent.path=${dataFolder}`,
      `--web.listen-address=:${agentPort}`,
    ],
    ...(env.length === 0 ? {} : { env }),
    ports: [{ name: 'web', containerPort: agentPort }],
    livenessProbe: probe('/-/healthy'),
    readinessProbe: probe('/-/ready'),
    resources,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/crowsnest/config', readOnly: true },
      { name: 'tls', mountPath: certificateFolder, readOnly: true },
      { name: 'ca', mountPath: authorityFolder, readOnly: true },
      { name: 'data', mountPath: dataFolder },
    ],
  }
}

// Nobody reaches the agent; it reaches DNS, the API server, what it scrapes, and the gateway, which may be anywhere.
function networkPolicy({ namespace }: AddonIntent): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: agentName, namespace, labels },
    spec: {
      podSelector: { matchLabels: { 'app.kubernetes.io/name': agentName } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [],
      egress: [{}],
    },
  }
}
