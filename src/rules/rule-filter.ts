// Which rules somebody asked for: by kind, name, group, file and labels. Groups without any such rule are left out.
// Source: Prometheus web/api/v1/api.go (rules); facts/prometheus.md §3.4.

import { type Scope, sees } from '../model/index.ts'
import type { RunningGroup } from './rule-service.ts'
import type { AlertFilter, GroupView, RuleView } from './rule-view.ts'
import { viewGroup } from './rule-view.ts'

/** Empty lists ask for all. */
export interface RuleFilter {
  readonly type: 'alert' | 'record' | undefined
  readonly names: readonly string[]
  readonly groups: readonly string[]
  readonly files: readonly string[]
  /** Matchers over the labels of rules; one list has to match. */
  readonly selectors: readonly (readonly LabelTest[])[]
}

/** A test of one label's value; '' where a rule does not set it. */
export interface LabelTest {
  readonly name: string
  matches(value: string): boolean
}

/** How much of rules is shown. */
export interface RuleDetail {
  /** Without them no alert is listed. */
  readonly withAlerts: boolean
  /** What of the fleet the reader sees. */
  readonly scope: Scope
}

/** The groups that were asked for, with what the reader sees of them. */
export function selectGroups(
  running: readonly RunningGroup[],
  filter: RuleFilter,
  { withAlerts, scope }: RuleDetail,
): GroupView[] {
  const files = new Set(filter.files)
  const groups = new Set(filter.groups)
  const isVisible = alertFilter(scope)
  const shown = scope === 'all' ? (rule: RuleView): RuleView => rule : withoutError
  return running
    .filter(({ state: { group } }) => files.size === 0 || files.has(group.file))
    .filter(({ state: { group } }) => groups.size === 0 || groups.has(group.name))
    .map((one) => viewGroup(one, withAlerts, isVisible))
    .map((group) => ({
      ...group,
      rules: group.rules.filter((rule) => isWanted(rule, filter)).map(shown),
    }))
    .filter((group) => group.rules.length > 0)
}

/** Which alerts a reader sees. */
export function alertFilter(scope: Scope): AlertFilter {
  return ({ cluster = '', namespace = '' }) => sees(scope, cluster, namespace)
}

// An error may name series that the reader does not see.
function withoutError(rule: RuleView): RuleView {
  if (rule.lastError === undefined) return rule
  return { ...rule, lastError: 'the rule fails; who sees the whole fleet sees why' }
}

function isWanted(rule: RuleView, { type, names, selectors }: RuleFilter): boolean {
  if (type !== undefined && rule.type !== `${type === 'alert' ? 'alert' : 'record'}ing`)
    return false
  if (names.length > 0 && !names.includes(rule.name)) return false
  if (selectors.length === 0) return true
  return selectors.some((tests) =>
    tests.every(({ name, matches }) => matches(rule.labels[name] ?? '')),
  )
}
