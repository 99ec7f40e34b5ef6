import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { anonymousCaller } from '../../../src/access/index.ts'
import { createServer, rulesRoutes } from '../../../src/api/index.ts'
import { type Caller, labelsOf } from '../../../src/model/index.ts'
import { createMatcherCompiler } from '../../../src/promql/index.ts'
import { GroupState, parseRuleFiles, type RunningGroup } from '../../../src/rules/index.ts'
import { createLogger, Metrics } from '../../../src/telemetry/index.ts'

const file = `groups:
- name: one
  rules:
  - {record: 'a:b', expr: up}
  - {alert: Down, expr: 'up == 0', labels: {severity: page}}
- name: two
  rules:
  - {alert: Slow, expr: 'up == 0', labels: {severity: info}}
- name: three
  rules:
  - {record: 'c:d', expr: up}
`
const context = {
  ports: {
    query: async () => [
      { labels: labelsOf({ cluster: 'west' }), value: 1, histogram: undefined },
      { labels: labelsOf({ cluster: 'east' }), value: 1, histogram: undefined },
    ],
    append: async () => undefined,
    notify: () => undefined,
    nowMs: () => 60_000,
  },
  intervalMs: 60_000,
  queryOffsetMs: 0,
  resendDelayMs: 60_000,
  limit: 0,
  externalLabels: {},
  externalUrl: '',
  labelSizeBytesMax: 100,
  evaluationTimeMsMax: 60_000,
  restoreIgnoredLabels: [],
  takeOverDelayMsMax: 0,
}

let app: FastifyInstance
afterEach(() => app.close())

async function serve(caller: Caller = anonymousCaller()) {
  const groups: RunningGroup[] = parseRuleFiles([{ file: 'f.yml', text: file }]).map((group) => ({
    tenant: 'team',
    state: new GroupState(group, context, true),
  }))
  for (const { state } of groups) await state.evaluate(60_000)
  app = await createServer({
    log: createLogger('silent'),
    metrics: new Metrics(),
    findCaller: () => caller,
    allowedHosts: [],
    formSizeBytesMax: 1000,
  })
  await app.register(rulesRoutes, {
    prefix: '/api/v1',
    door: { tenantsOf: () => ['team'] },
    rules: {
      groups: () => groups,
      alertmanagers: () => [],
      compileMatcher: (matcher) => createMatcherCompiler()(matcher).matches,
    },
  })
  return async (query: string) => {
    const response = await app.inject({ url: `/api/v1/${query}` })
    const { data, error } = response.json()
    return { names: data?.groups?.map(({ name }: { name: string }) => name), data, error }
  }
}

describe('/rules', () => {
  it('filters by type, name, group, file and labels, and leaves out groups without such rules', async () => {
    const ask = await serve()
    const namesOf = async (query: string): Promise<string[]> => (await ask(`rules?${query}`)).names
    expect(await namesOf('')).toEqual(['one', 'two', 'three'])
    expect(await namesOf('type=record')).toEqual(['one', 'three'])
    expect(await namesOf('rule_name[]=Slow&rule_name[]=c:d')).toEqual(['two', 'three'])
    expect(await namesOf('rule_group[]=two')).toEqual(['two'])
    expect(await namesOf('file[]=other.yml')).toEqual([])
    expect(await namesOf('match[]={severity="page"}&match[]={severity="info"}')).toEqual([
      'one',
      'two',
    ])
  })

  it('is paged: a token names the next group that the filters let through', async () => {
    const ask = await serve()
    const first = await ask('rules?group_limit=1&type=record')
    expect(first.names).toEqual(['one'])
    const { groupNextToken } = first.data
    const second = await ask(`rules?group_limit=1&type=record&group_next_token=${groupNextToken}`)
    expect(second.names).toEqual(['three'])
    expect(second.data.groupNextToken).toBeUndefined()
    const { groupNextToken: two } = (await ask('rules?group_limit=1')).data
    const filtered = await ask(`rules?group_limit=5&type=record&group_next_token=${two}`)
    expect(filtered.names).toEqual(['three'])
  })

  it('refuses parameters in the words of Prometheus', async () => {
    const ask = await serve()
    const errorOf = async (query: string): Promise<string> => (await ask(`rules?${query}`)).error
    expect(await errorOf('exclude_alerts=x')).toBe(
      'invalid parameter "exclude_alerts": error converting exclude_alerts: strconv.ParseBool: parsing "x": invalid syntax',
    )
    expect(await errorOf('group_limit=0')).toBe(
      'invalid parameter "group_limit": group_limit needs to be greater than 0',
    )
    expect(await errorOf('group_limit=x')).toBe(
      'invalid parameter "group_limit": group_limit needs to be a valid number: strconv.ParseInt: parsing "x": invalid syntax',
    )
    expect(await errorOf('group_next_token=abc')).toBe(
      'invalid parameter "group_next_token": group_limit needs to be present in order to paginate over the groups',
    )
    expect(await errorOf('group_limit=1&group_next_token=abc')).toBe(
      `invalid parameter "group_next_token": invalid group_next_token 'abc'. were rule groups changed?`,
    )
  })

  it('shows the alerts that the caller sees, and without them where that is asked', async () => {
    const scope = { clusters: new Map([['west', 'all' as const]]) }
    const ask = await serve({ ...anonymousCaller(), scope })
    const clustersIn = (alerts: { labels: { cluster: string } }[]): string[] =>
      alerts.map(({ labels }) => labels.cluster)
    const { data } = await ask('rules?rule_name[]=Down')
    expect(clustersIn(data.groups[0].rules[0].alerts)).toEqual(['west'])
    expect(clustersIn((await ask('alerts')).data.alerts)).toEqual(['west', 'west'])
    const bare = await ask('rules?rule_name[]=Down&exclude_alerts=true')
    expect(bare.data.groups[0].rules[0]).toMatchObject({ state: 'firing', alerts: null })
  })
})
