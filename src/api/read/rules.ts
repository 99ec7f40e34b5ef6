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
    const groups = selectGroups(visible, filterOf(parameters, rules), { withAlerts, scope })
    return success(pageOf(groups, parameters))
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
  throw invalid(name, `strconv.ParseBool: parsing "${value}": invalid syntax`)
}

function pageOf(
  groups: readonly GroupView[],
  parameters: Parameters,
): { groups: readonly GroupView[]; groupNextToken?: string } {
  const limitText = text(parameters, 'group_limit')
  const token = text(parameters, 'group_next_token')
  if (limitText === '') {
    if (token !== '') throw invalid('group_limit', 'group_limit needs to be set')
    return { groups }
  }
  const limit = Number(limitText)
  if (!/^\+?\d+$/.test(limitText) || limit < 1)
    throw invalid('group_limit', 'group_limit needs to be a valid number greater than 0')
  const from = token === '' ? 0 : groups.findIndex((group) => tokenOf(group) === token)
  if (from === -1) throw invalid('group_next_token', 'invalid group_next_token')
  const next = groups[from + limit]
  const page = groups.slice(from, from + limit)
  return next === undefined ? { groups: page } : { groups: page, groupNextToken: tokenOf(next) }
}

function tokenOf({ file, name }: GroupView): string {
  return createHash('sha256').update(`${file};${name}`).digest('hex')
}
