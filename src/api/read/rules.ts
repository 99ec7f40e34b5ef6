// Rules, alerts and Alertmanagers, of the tenants that the caller reads.
// Source: Prometheus web/api/v1/api.go (rules, alerts, alertmanagers); facts §3.4.

import { createHash } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import type { Matcher } from '../../model/index.ts'
import { parseSelectors } from '../../query/index.ts'
import {
  alertFilter,
  type GroupView,
  type LabelTest,
  type RuleFilter,
  type RunningGroup,
  selectGroups,
  viewAlerts,
} from '../../rules/index.ts'
import { described, repeated } from '../described.ts'
import { success } from '../envelope.ts'
import { invalid, type Parameters, text, texts } from '../parameters.ts'
import { parametersOf, type ReadDoor } from './reader.ts'

/** Where these routes get what they show. */
export interface RulesDoor {
  groups(): readonly RunningGroup[]
  /** URLs that alerts are posted to. */
  alertmanagers(): readonly string[]
  /** Whether a label value fulfils a matcher. */
  compileMatcher(matcher: Matcher): (value: string) => boolean
}

/** `/rules`, `/alerts` and `/alertmanagers` below the plugin's prefix. */
export const rulesRoutes: FastifyPluginAsync<{
  door: Pick<ReadDoor, 'tenantsOf'>
  rules: RulesDoor
}> = async (app, { door, rules }) => {
  app.get('/rules', { schema: rulesSchema }, async (request) => {
    const parameters = parametersOf(request)
    const visible = visibleGroups(rules, door.tenantsOf(request))
    const withAlerts = !isTrueParameter(parameters, 'exclude_alerts')
    const { scope } = request.caller
    const filter = filterOf(parameters, rules)
    const page = pageAsked(parameters)
    const groups = selectGroups(from(visible, page), filter, { withAlerts, scope })
    return success(cut(groups, page))
  })
  app.get('/alerts', { schema: alertsSchema }, async (request) => {
    const visible = visibleGroups(rules, door.tenantsOf(request))
    const isVisible = alertFilter(request.caller.scope)
    return success({ alerts: visible.flatMap((group) => viewAlerts(group, isVisible)) })
  })
  app.get('/alertmanagers', { schema: alertmanagersSchema }, async () =>
    success({
      activeAlertmanagers: rules.alertmanagers().map((url) => ({ url })),
      droppedAlertmanagers: [],
    }),
  )
}

const rulesSchema = described({
  tag: 'rules',
  summary: 'Rule groups with their rules and alerts',
  query: {
    type: { type: 'string', enum: ['alert', 'record'], description: 'Rules of one type only' },
    'rule_name[]': repeated('Names of rules'),
    'rule_group[]': repeated('Names of groups'),
    'file[]': repeated('Files'),
    'match[]': repeated('Selectors of rules by their labels'),
    exclude_alerts: 'true: without alerts',
    group_limit: { type: 'integer', minimum: 1, description: 'Groups of a page' },
    group_next_token: 'As the answer before gave it',
  },
})

const alertsSchema = described({ tag: 'rules', summary: 'Alerts that are pending or firing' })

const alertmanagersSchema = described({
  tag: 'rules',
  summary: 'Alertmanagers that alerts are sent to',
})

function visibleGroups(rules: RulesDoor, tenants: readonly string[]): RunningGroup[] {
  return rules.groups().filter(({ tenant }) => tenants.includes(tenant))
}

function filterOf(parameters: Parameters, rules: RulesDoor): RuleFilter {
  const type = text(parameters, 'type').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record')
    throw invalid('type', `not supported value "${type}"`)
  return {
    type: type === '' ? undefined : type,
    names: texts(parameters, 'rule_name[]'),
    groups: texts(parameters, 'rule_group[]'),
    files: texts(parameters, 'file[]'),
    selectors: labelTests(texts(parameters, 'match[]'), rules.compileMatcher),
  }
}

/** What the labels of rules have to fulfil; `selectors` are the texts of match[]. Throws UserError bad_data. */
export function labelTests(
  selectors: readonly string[],
  compile: RulesDoor['compileMatcher'],
): LabelTest[][] {
  return parseSelectors(selectors).map((matchers) =>
    matchers.map((matcher) => ({ name: matcher.name, matches: compile(matcher) })),
  )
}

function isTrueParameter(parameters: Parameters, name: string): boolean {
  const value = text(parameters, name)
  if (value === '') return false
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  throw invalid(
    name,
    `error converting ${name}: strconv.ParseBool: parsing "${value}": invalid syntax`,
  )
}

interface Page {
  /** Most groups; Infinity = all. */
  readonly limit: number
  /** Where it begins; '' = with the first group. */
  readonly token: string
}

function pageAsked(parameters: Parameters): Page {
  const limitText = text(parameters, 'group_limit')
  const token = text(parameters, 'group_next_token')
  if (limitText === '') {
    if (token === '') return { limit: Infinity, token }
    throw invalid(
      'group_next_token',
      'group_limit needs to be present in order to paginate over the groups',
    )
  }
  if (!/^[+-]?\d+$/.test(limitText)) {
    const cause = `strconv.ParseInt: parsing "${limitText}": invalid syntax`
    throw invalid('group_limit', `group_limit needs to be a valid number: ${cause}`)
  }
  const limit = Number(limitText)
  if (limit <= 0) throw invalid('group_limit', 'group_limit needs to be greater than 0')
  return { limit, token }
}

// A token names a group whether or not the request's filters let it through.
function from(groups: readonly RunningGroup[], { token }: Page): readonly RunningGroup[] {
  if (token === '') return groups
  const first = groups.findIndex(({ state }) => tokenOf(state.group) === token)
  if (first !== -1) return groups.slice(first)
  throw invalid(
    'group_next_token',
    `invalid group_next_token '${token}'. were rule groups changed?`,
  )
}

function cut(
  groups: readonly GroupView[],
  { limit }: Page,
): { groups: readonly GroupView[]; groupNextToken?: string } {
  const next = groups[limit]
  if (next === undefined) return { groups }
  return { groups: groups.slice(0, limit), groupNextToken: tokenOf(next) }
}

function tokenOf({ file, name }: { readonly file: string; readonly name: string }): string {
  return createHash('sha256').update(`${file};${name}`).digest('hex')
}
