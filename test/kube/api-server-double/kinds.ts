// Kinds that the double serves: a few that are built in, and those of CustomResourceDefinitions.
// Here: what a kind is, and the documents of discovery. Invariants: a kind is found by group and plural, in
// every version that is served; all versions show the same object under their own apiVersion.

import { createHash } from 'node:crypto'
import type { ListType, ListTypes } from './field-paths.ts'
import { isMap, type Json, mapAt } from './json-objects.ts'

/** A kind in one version. */
export interface ServedKind {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly hasStatus: boolean
  readonly hasGeneration: boolean
  /** From a CustomResourceDefinition. */
  readonly isCustom: boolean
  readonly listTypes: ListTypes
}

/** apiVersion of a kind's objects. */
export function apiVersionOf({ group, version }: Pick<ServedKind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** `widgets.example.com`, or `pods` in the core group. */
export function resourceOf({ group, plural }: Pick<ServedKind, 'group' | 'plural'>): string {
  return group === '' ? plural : `${plural}.${group}`
}

const metadataLists: Readonly<Record<string, ListType>> = {
  'metadata.finalizers': 'set',
  'metadata.ownerReferences': { keys: ['uid'] },
}

function builtIn(
  apiVersion: string,
  plural: string,
  kind: string,
  more: Partial<ServedKind> & { readonly lists?: Readonly<Record<string, ListType>> } = {},
): ServedKind {
  const [group = '', version = ''] = apiVersion.includes('/')
    ? apiVersion.split('/')
    : ['', apiVersion]
  const lists = { ...metadataLists, ...more.lists }
  return {
    group,
    version,
    plural,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    namespaced: true,
    shortNames: [],
    hasStatus: false,
    hasGeneration: false,
    isCustom: false,
    listTypes: (fields) => lists[fields.join('.')] ?? 'atomic',
    ...more,
  }
}

const conditions: Readonly<Record<string, ListType>> = { 'status.conditions': { keys: ['type'] } }
const pods: Readonly<Record<string, ListType>> = {
  ...conditions,
  'spec.template.spec.containers': { keys: ['name'] },
  'spec.template.spec.containers.env': { keys: ['name'] },
  'spec.template.spec.containers.ports': { keys: ['containerPort', 'protocol'] },
  'spec.template.spec.containers.volumeMounts': { keys: ['mountPath'] },
  'spec.template.spec.volumes': { keys: ['name'] },
}

/** Kinds that every server has. */
export const builtInKinds: readonly ServedKind[] = [
  builtIn('v1', 'namespaces', 'Namespace', {
    namespaced: false,
    shortNames: ['ns'],
    hasStatus: true,
  }),
  builtIn('v1', 'configmaps', 'ConfigMap', { shortNames: ['cm'] }),
  builtIn('v1', 'secrets', 'Secret'),
  builtIn('v1', 'serviceaccounts', 'ServiceAccount', { shortNames: ['sa'] }),
  builtIn('v1', 'services', 'Service', {
    shortNames: ['svc'],
    hasStatus: true,
    lists: { ...conditions, 'spec.ports': { keys: ['port', 'protocol'] } },
  }),
  builtIn('v1', 'events', 'Event', { shortNames: ['ev'] }),
  builtIn('apps/v1', 'deployments', 'Deployment', {
    shortNames: ['deploy'],
    hasStatus: true,
    hasGeneration: true,
    lists: pods,
  }),
  builtIn('apps/v1', 'statefulsets', 'StatefulSet', {
    shortNames: ['sts'],
    hasStatus: true,
    hasGeneration: true,
    lists: pods,
  }),
  builtIn('coordination.k8s.io/v1', 'leases', 'Lease'),
  builtIn('certificates.k8s.io/v1', 'certificatesigningrequests', 'CertificateSigningRequest', {
    namespaced: false,
    shortNames: ['csr'],
    hasStatus: true,
    lists: conditions,
  }),
  builtIn('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', {
    shortNames: ['netpol'],
    hasGeneration: true,
  }),
  builtIn('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', { namespaced: false }),
  builtIn('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', {
    namespaced: false,
  }),
  builtIn('rbac.authorization.k8s.io/v1', 'roles', 'Role'),
  builtIn('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding'),
  builtIn('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', {
    namespaced: false,
    shortNames: ['crd', 'crds'],
    hasStatus: true,
    hasGeneration: true,
    lists: { 'status.conditions': { keys: ['type'] } },
  }),
]

/** The kinds of a CustomResourceDefinition, one for each served version. */
export function kindsOf(definition: Json): readonly ServedKind[] {
  const spec = mapAt(definition, 'spec')
  const names = mapAt(spec, 'names')
  const versions = Array.isArray(spec.versions) ? (spec.versions as readonly Json[]) : []
  return versions
    .filter((version) => version.served === true)
    .map((version) => {
      const schema = mapAt(mapAt(version, 'schema'), 'openAPIV3Schema')
      const kind = String(names.kind)
      return {
        group: String(spec.group),
        version: String(version.name),
        plural: String(names.plural),
        singular: String(names.singular ?? kind.toLowerCase()),
        kind,
        listKind: String(names.listKind ?? `${kind}List`),
        namespaced: spec.scope === 'Namespaced',
        shortNames: (names.shortNames ?? []) as readonly string[],
        hasStatus: mapAt(version, 'subresources').status !== undefined,
        hasGeneration: true,
        isCustom: true,
        listTypes: (fields) =>
          metadataLists[fields.join('.')] ?? listTypeIn(schemaAt(schema, fields)),
      }
    })
}

function schemaAt(schema: Json, fields: readonly string[]): Json {
  let at = schema
  for (const field of fields) {
    while (isMap(at.items)) at = at.items
    const properties = mapAt(at, 'properties')
    at = isMap(properties[field]) ? properties[field] : mapAt(at, 'additionalProperties')
  }
  return at
}

function listTypeIn(schema: Json): ListType {
  if (schema['x-kubernetes-list-type'] === 'set') return 'set'
  if (schema['x-kubernetes-list-type'] !== 'map') return 'atomic'
  return { keys: schema['x-kubernetes-list-map-keys'] as readonly string[] }
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const customVerbs = [
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
]

/** APIResourceList of a group version. */
export function resourceList(kinds: readonly ServedKind[]): Json {
  const groupVersion = apiVersionOf(kinds[0]!)
  return {
    kind: 'APIResourceList',
    ...(kinds[0]!.isCustom ? { apiVersion: 'v1' } : {}),
    groupVersion,
    resources: kinds.flatMap((one) => [
      {
        name: one.plural,
        singularName: one.singular,
        namespaced: one.namespaced,
        kind: one.kind,
        verbs: one.isCustom ? customVerbs : verbs,
        ...(one.shortNames.length === 0 ? {} : { shortNames: one.shortNames }),
        storageVersionHash: storageVersionHash(groupVersion, one.kind),
      },
      ...(one.hasStatus ? [subresource(one, 'status')] : []),
      ...(one.plural === 'certificatesigningrequests' ? [subresource(one, 'approval')] : []),
    ]),
  }
}

function subresource({ plural, namespaced, kind }: ServedKind, name: string): Json {
  const verbs = ['get', 'patch', 'update']
  return { name: `${plural}/${name}`, singularName: '', namespaced, kind, verbs }
}

function storageVersionHash(groupVersion: string, kind: string): string {
  const hash = createHash('sha256').update(`${groupVersion}/${kind}`).digest()
  return hash.subarray(0, 8).toString('base64')
}

/** APIGroup of a group's kinds. */
export function apiGroup(group: string, kinds: readonly ServedKind[]): Json {
  const versions = [...new Set(kinds.map(({ version }) => version))].map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }))
  return {
    kind: 'APIGroup',
    apiVersion: 'v1',
    name: group,
    versions,
    preferredVersion: versions[0],
  }
}
