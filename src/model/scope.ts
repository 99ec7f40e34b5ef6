// Scopes: which clusters and namespaces a reader may see, as a plain value that can be posted to any thread.
// Built by `access`; applied by the `scoped` decorator of `storage` and by the views of `fleet`.
// Invariants: what is not listed is not visible; a thing without a namespace needs the whole cluster; a thing
// without a cluster is visible to those who see everything only.

/** Namespaces of one cluster: all of it (things without a namespace too), or those listed. */
export type ClusterScope = 'all' | ReadonlySet<string>

/** Everything, or the listed clusters with their namespaces. */
export type Scope = 'all' | { readonly clusters: ReadonlyMap<string, ClusterScope> }

/** Whether something in a namespace of a cluster is visible; '' = it has none. */
export function sees(scope: Scope, cluster: string, namespace: string): boolean {
  if (scope === 'all') return true
  const namespaces = scope.clusters.get(cluster)
  if (namespaces === undefined || cluster === '') return false
  return namespaces === 'all' || (namespace !== '' && namespaces.has(namespace))
}

/** Whether anything of a cluster is visible. */
export function seesCluster(scope: Scope, cluster: string): boolean {
  return scope === 'all' || (cluster !== '' && scope.clusters.has(cluster))
}

/** Equal for equal scopes and different for different ones: a part of cache keys. */
export function scopeKey(scope: Scope): string {
  if (scope === 'all') return '*'
  const clusters = [...scope.clusters].map(([cluster, namespaces]) => [
    cluster,
    namespaces === 'all' ? '*' : [...namespaces].sort(),
  ])
  return JSON.stringify(clusters.sort(([one], [other]) => (one! < other! ? -1 : 1)))
}
