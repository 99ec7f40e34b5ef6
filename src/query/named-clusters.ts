// Clusters that a query names: a reader who may see none of them is refused, in the same words whether they exist or
// not. What names no cluster, or one that the reader sees, is answered with what the scope shows.

import { type Matcher, type Scope, UserError } from '../model/index.ts'
import type { MatcherCompiler } from '../storage/index.ts'

/** What answers to readers of a limited scope say. */
export const limitedWarning = 'the answer holds only clusters and namespaces that you may see'

/** Throws UserError forbidden where selectors name clusters and the scope shows none of them. */
export function refuseUnseenClusters(
  selectors: readonly (readonly Matcher[])[],
  scope: Scope,
  compile: MatcherCompiler,
): void {
  if (scope === 'all') return
  const naming = selectors
    .map((matchers) => matchers.filter(({ name }) => name === 'cluster').map(compile))
    .filter((matchers) => matchers.some(namesClusters))
  if (naming.length === 0) return
  for (const cluster of scope.clusters.keys())
    if (naming.some((matchers) => matchers.every(({ matches }) => matches(cluster)))) return
  throw new UserError('forbidden', {
    what: 'the query names no cluster that you may see',
    fix: 'ask for the right to see it, or leave the cluster out',
  })
}

function namesClusters({ matcher, matchesEmpty }: ReturnType<MatcherCompiler>): boolean {
  return (matcher.type === '=' || matcher.type === '=~') && !matchesEmpty
}
