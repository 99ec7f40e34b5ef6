// Alertmanager's own API, passed through: alerts and silences to read, silences to create and expire where that is
// allowed. A reader who sees some clusters only gets the alerts of those, and the silences that name one of them.
// Source: Alertmanager API v2 (openapi.yaml). Errors read as Alertmanager's, a JSON text.

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { requireAdmin } from '../../access/index.ts'
import { type Caller, type Scope, sees, UserError } from '../../model/index.ts'
import { described } from '../described.ts'

/** What an Alertmanager answered. */
interface AlertmanagerAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
}

/** Where these routes get what they show. */
export interface AlertmanagerDoor {
  /** Asks one of the Alertmanagers; throws UserError unavailable where none answers. */
  ask(
    path: string,
    request: {
      readonly method: 'GET' | 'POST' | 'DELETE'
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    },
  ): Promise<AlertmanagerAnswer>
  /** Whether silences may be created and expired through us. */
  readonly changesSilences: boolean
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>
}

interface SilenceMatcher {
  readonly name: string
  readonly value: string
  readonly isRegex?: boolean
  readonly isEqual?: boolean
}

interface Silence {
  readonly matchers?: readonly SilenceMatcher[]
}

const silenceSizeBytesMax = 1 << 20

/** `/api/v2/{alerts,alerts/groups,silences,silence/ID,status,receivers}`. */
export const alertmanagerRoutes: FastifyPluginAsync<{ door: AlertmanagerDoor }> = async (
  app,
  { door },
) => {
  const read = (request: FastifyRequest, path: string): Promise<AlertmanagerAnswer> =>
    door.ask(path + searchOf(request), { method: 'GET' })
  for (const path of ['/api/v2/status', '/api/v2/receivers'] as const) {
    app.get(
      path,
      about(`Alertmanager's ${path.slice('/api/v2/'.length)}`),
      async (request, reply) => {
        checkTenants(request.caller)
        return pass(reply, await read(request, path))
      },
    )
  }
  app.get('/api/v2/alerts', about('Alerts that Alertmanager has'), async (request, reply) => {
    const { scope } = checkTenants(request.caller)
    return pass(reply, filtered(await read(request, '/api/v2/alerts'), scope, seesAlert))
  })
  app.get(
    '/api/v2/alerts/groups',
    about('These alerts as Alertmanager groups them'),
    async (request, reply) => {
      const { scope } = checkTenants(request.caller)
      const answer = await read(request, '/api/v2/alerts/groups')
      return pass(
        reply,
        rewritten(answer, scope, (groups) => visibleGroups(groups, scope)),
      )
    },
  )
  app.get('/api/v2/silences', about('Silences'), async (request, reply) => {
    const { scope } = checkTenants(request.caller)
    return pass(reply, filtered(await read(request, '/api/v2/silences'), scope, seesSilence))
  })
  app.get<{ Params: { id: string } }>(
    '/api/v2/silence/:id',
    about('A silence', 'id'),
    async (request, reply) => {
      return pass(reply, await visibleSilence(door, request.params.id, request.caller))
    },
  )
  const silencing = { ...about('Creates or changes a silence'), bodyLimit: silenceSizeBytesMax }
  app.post('/api/v2/silences', silencing, async (request, reply) => {
    checkMayChange(door, request.caller)
    const silence = request.body as Silence & { readonly id?: string }
    checkSees(request.caller, silence)
    if (typeof silence?.id === 'string' && silence.id !== '')
      await visibleSilence(door, silence.id, request.caller)
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify(silence)
    return pass(reply, await door.ask('/api/v2/silences', { method: 'POST', headers, body }))
  })
  app.delete<{ Params: { id: string } }>(
    '/api/v2/silence/:id',
    about('Expires a silence', 'id'),
    async (request, reply) => {
      checkMayChange(door, request.caller)
      const { id } = request.params
      const found = await visibleSilence(door, id, request.caller)
      if (found.status !== 200) return pass(reply, found)
      return pass(reply, await door.ask(silencePath(id), { method: 'DELETE' }))
    },
  )
}

function about(summary: string, id?: 'id') {
  const params = id === undefined ? {} : { params: { id: 'Id of the silence' } }
  const responses = { 200: { description: 'As Alertmanager answers' } }
  return { schema: described({ tag: 'rules', summary, ...params, responses }) }
}

function pass(reply: FastifyReply, { status, contentType, body }: AlertmanagerAnswer) {
  reply.code(status)
  return contentType === '' ? reply.send(body) : reply.type(contentType).send(body)
}

function searchOf(request: FastifyRequest): string {
  const at = request.url.indexOf('?')
  return at === -1 ? '' : request.url.slice(at)
}

// Alertmanagers keep no tenants: who reads some only cannot be told which alerts are theirs.
function checkTenants(caller: Caller): Caller {
  if (caller.mayRead === 'all') return caller
  throw new UserError('forbidden', {
    what: `${caller.name} reads some tenants only, and Alertmanagers do not keep alerts by tenant`,
    fix: 'look at /api/v1/alerts, or ask for the right to read every tenant',
  })
}

// Who reads may not for that reason silence what others are woken by.
function checkMayChange(door: AlertmanagerDoor, caller: Caller): void {
  requireAdmin(checkTenants(caller), 'change silences')
  if (door.changesSilences) return
  throw new UserError('forbidden', {
    what: 'silences are not changed through this server',
    fix: 'set rules.silences, or use the Alertmanager itself',
  })
}

function checkSees({ name, scope }: Caller, silence: Silence): void {
  if (scope === 'all' || seesSilence(silence, scope)) return
  throw new UserError('forbidden', {
    what: `the silence reaches beyond what ${name} sees`,
    fix: 'add a matcher cluster="NAME" (and namespace="NAME") of a cluster that is yours',
  })
}

const silencePath = (id: string): string => `/api/v2/silence/${encodeURIComponent(id)}`

async function visibleSilence(
  door: AlertmanagerDoor,
  id: string,
  caller: Caller,
): Promise<AlertmanagerAnswer> {
  const { scope } = checkTenants(caller)
  const answer = await door.ask(silencePath(id), { method: 'GET' })
  if (answer.status !== 200 || scope === 'all') return answer
  if (seesSilence(JSON.parse(answer.body.toString()) as Silence, scope)) return answer
  throw new UserError('not_found', { what: `there is no silence ${id}` })
}

// Clusters name themselves in `cluster`, those of ACM in `managed_cluster`.
function seesAlert({ labels }: Alert, scope: Scope): boolean {
  return sees(scope, labels.cluster ?? labels.managed_cluster ?? '', labels.namespace ?? '')
}

function seesSilence(silence: Silence | null | undefined, scope: Scope): boolean {
  const matchers = Array.isArray(silence?.matchers) ? (silence.matchers as SilenceMatcher[]) : []
  const exact = new Map(
    matchers
      .filter(({ isRegex, isEqual }) => isRegex !== true && isEqual !== false)
      .map(({ name, value }) => [name, value]),
  )
  const cluster = exact.get('cluster') ?? exact.get('managed_cluster') ?? ''
  return sees(scope, cluster, exact.get('namespace') ?? '')
}

function visibleGroups(groups: unknown[], scope: Scope): unknown[] {
  return (groups as { readonly alerts: readonly Alert[] }[])
    .map((group) => ({ ...group, alerts: group.alerts.filter((one) => seesAlert(one, scope)) }))
    .filter(({ alerts }) => alerts.length > 0)
}

function filtered<Entry>(
  answer: AlertmanagerAnswer,
  scope: Scope,
  isVisible: (entry: Entry, scope: Scope) => boolean,
): AlertmanagerAnswer {
  return rewritten(answer, scope, (list) => list.filter((one) => isVisible(one as Entry, scope)))
}

function rewritten(
  answer: AlertmanagerAnswer,
  scope: Scope,
  rewrite: (list: unknown[]) => unknown[],
): AlertmanagerAnswer {
  if (scope === 'all' || answer.status !== 200) return answer
  const list = JSON.parse(answer.body.toString()) as unknown[]
  return { ...answer, body: Buffer.from(JSON.stringify(rewrite(list))) }
}
