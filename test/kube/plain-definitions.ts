// Definitions of our own for the kinds that we follow: any content, a status subresource where hubs have one.
// A server that has the projects' own definitions keeps those.
import type { ApiObject, KubeResource } from '../../src/kube/index.ts'

// Kinds whose status is written with the object, and those that have none.
const withoutStatus = new Set([
  'SubscriptionReport',
  'MulticlusterApplicationSetReport',
  'PropagationPolicy',
  'ClusterPropagationPolicy',
  'OverridePolicy',
  'ClusterOverridePolicy',
  'ReplicaSchedulingPreference',
])

// Groups of Kubernetes are its own: a definition in one says that it is not approved, or is refused.
function approval(group: string): object {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return {}
  return { annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' } }
}

/** A definition of a resource. */
export function plainDefinition(resource: KubeResource): ApiObject {
  const { group, version, plural, kind, namespaced } = resource
  // Argo CD's Application is the one whose status is no subresource.
  const isArgo = group === 'argoproj.io' && kind === 'Application'
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, ...approval(group) },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(withoutStatus.has(kind) || isArgo ? {} : { subresources: { status: {} } }),
          schema: {
            openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      ],
    },
  }
}
