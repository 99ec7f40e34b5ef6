// What two looks at the fleet do not share. What did not change is mostly the same object, and costs next to nothing.
// Invariants: pure; of what is the same object on both sides nothing is left.

/** The items of each list that are not in the other. */
export function apart<T>(
  before: readonly T[],
  after: readonly T[],
): readonly [readonly T[], readonly T[]] {
  if (before === after) return [[], []]
  const [old, now] = [new Set(before), new Set(after)]
  return [before.filter((item) => !now.has(item)), after.filter((item) => !old.has(item))]
}

type OnCluster =
  | { readonly cluster: string; readonly compliance: string }
  | { readonly cluster: string; readonly state: string }

/** What two lists of states on clusters, each in order of cluster, do not share. */
export function withoutSameClusters<T extends { readonly clusters: readonly OnCluster[] }>(
  before: T,
  after: T,
): readonly [T['clusters'][number][], T['clusters'][number][]] {
  const [was, is]: [OnCluster[], OnCluster[]] = [[], []]
  let at = 0
  for (const entry of after.clusters) {
    while (at < before.clusters.length && before.clusters[at]!.cluster < entry.cluster)
      was.push(before.clusters[at++]!)
    const old = before.clusters[at]
    if (old?.cluster === entry.cluster) at++
    if (old?.cluster !== entry.cluster) is.push(entry)
    else if (old !== entry && stateOn(old) !== stateOn(entry)) {
      was.push(old)
      is.push(entry)
    }
  }
  while (at < before.clusters.length) was.push(before.clusters[at++]!)
  return [was, is]
}

function stateOn(entry: OnCluster): string {
  return 'compliance' in entry ? entry.compliance : entry.state
}
