// What the virtual labels of an expression mean, as a part of cache keys.

import { isMembershipMatcher } from '../../model/index.ts'
import { groupsOf, type MaskParts } from '../../storage/index.ts'
import { type Expr, selectorsOf } from '../parse/ast.ts'

/**
 * Equal as long as no membership that the expression asks for changes, at any time; '' where it asks for none.
 * Throws UserError forbidden.
 */
export function membershipKey(expr: Expr, parts: MaskParts): string {
  const conditions = selectorsOf(expr).flatMap(({ matchers }) =>
    matchers.filter(isMembershipMatcher),
  )
  if (conditions.length === 0) return ''
  const revisions = conditions.map((condition) =>
    groupsOf(condition, parts).map(({ revision }) => revision),
  )
  return JSON.stringify([parts.history.sinceMs, revisions])
}
