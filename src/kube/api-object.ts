// Objects of a Kubernetes API as JSON, and how their resources are named in URLs.
// Invariants: fields are read without trust in their types; a path never holds an unescaped name.
// Source: Kubernetes API concepts, "Resource URIs".

/** metadata of an object, as far as this room reads it. */
export interface ApiMetadata {
  readonly name: string
  readonly namespace?: string
  readonly resourceVersion?: string
  readonly uid?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** An object of any kind. */
export interface ApiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ApiMetadata
  readonly [field: string]: unknown
}

/** A resource of an API: what `kubectl api-resources` lists. `group` is '' for the core group. */
export interface KubeResource {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

/** One object of a resource. */
export interface ObjectRef {
  readonly name: string
  readonly namespace?: string
}

/** apiVersion as objects of the resource carry it. */
export function apiVersionOf({ group, version }: Pick<KubeResource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** `managedclusters.cluster.open-cluster-management.io`: a resource in one word. */
export function resourceName({ group, plural }: KubeResource): string {
  return group === '' ? plural : `${plural}.${group}`
}

/** The path of a group version. */
export function groupPath({ group, version }: Pick<KubeResource, 'group' | 'version'>): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

/** The path of all objects of a resource, in one namespace where one is given. */
export function collectionPath(resource: KubeResource, namespace?: string): string {
  const inside = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${groupPath(resource)}${inside}/${resource.plural}`
}

/** The path of one object, or of a subresource of it, such as `status`. */
export function objectPath(resource: KubeResource, ref: ObjectRef, subresource?: string): string {
  const below = subresource === undefined ? '' : `/${subresource}`
  const all = collectionPath(resource, resource.namespaced ? ref.namespace : undefined)
  return `${all}/${encodeURIComponent(ref.name)}${below}`
}

/** `NS/NAME`, or `NAME` for objects without a namespace. */
export function keyOf({ metadata: { namespace, name } }: Pick<ApiObject, 'metadata'>): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
}

/** The value at a path of keys, or undefined where the path ends early. */
export function fieldOf(value: unknown, ...path: readonly string[]): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as Readonly<Record<string, unknown>>)[key]
  }
  return at
}

/** The text at a path, or ''. */
export function textOf(value: unknown, ...path: readonly string[]): string {
  const found = fieldOf(value, ...path)
  return typeof found === 'string' ? found : ''
}

/** True for a JSON object with a name. */
export function isApiObject(value: unknown): value is ApiObject {
  return textOf(value, 'metadata', 'name') !== ''
}
