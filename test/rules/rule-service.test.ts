import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  parseRuleFiles,
  type RuleOptions,
  RuleService,
  type RuleWrite,
} from '../../src/rules/index.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'

const options: RuleOptions = {
  intervalMs: 20,
  queryOffsetMs: 0,
  resendDelayMs: 60_000,
  externalLabels: {},
  externalUrl: '',
  evaluationTimeMsMax: 60_000,
  restoreIgnoredLabels: [],
  takeOverDelayMsMax: 60_000,
  labelSizeBytesMax: 1000,
  rulesPerTenantMax: 2,
  concurrentGroupsMax: 1,
}

const groups = (text: string) => [{ tenant: 't', groups: parseRuleFiles([{ file: 'f', text }]) }]
const alerting = 'groups: [{name: g, rules: [{alert: A, expr: up}]}]'

describe('the rule service', () => {
  const written: RuleWrite[] = []
  let running = 0
  let runningMax = 0
  const service = new RuleService({
    metrics: new Metrics(),
    log: createLogger('silent'),
    ports: {
      async query() {
        runningMax = Math.max(runningMax, ++running)
        await sleep(1)
        running--
        return [{ labels: [], value: 1, histogram: undefined }]
      },
      append: async (_, writes) => void written.push(...writes),
      notify: () => undefined,
    },
  })
  afterEach(() => service.close())

  const until = async (probe: () => boolean): Promise<void> => {
    for (let i = 0; i < 200 && !probe(); i++) await sleep(10)
    expect(probe()).toBe(true)
  }

  it('keeps a group that did not change, hands state to one that did, ends series of one that is gone', async () => {
    await service.load(groups(alerting), options)
    const [first] = service.groups()
    await until(() => first!.state.isRestored && written.length > 0)
    await service.load(groups(alerting), options)
    expect(service.groups()[0]!.state).toBe(first!.state)
    const changed = 'groups: [{name: g, rules: [{alert: A, expr: up == 1}]}]'
    await service.load(groups(changed), options)
    const [next] = service.groups()
    expect(next!.state).not.toBe(first!.state)
    expect([...next!.state.states[0]!.alerts.values()]).toMatchObject([{ state: 'firing' }])
    await service.load([], options)
    expect(service.groups()).toEqual([])
    await until(() => written.some(({ isStale }) => isStale))
  })

  it('refuses more rules than a tenant may have, and goes on with those it has', async () => {
    await service.load(groups(alerting), options)
    const many = `groups: [{name: g, rules: [${'{alert: A, expr: up},'.repeat(3)}]}]`
    await expect(service.load(groups(many), options)).rejects.toThrow('has 3 rules, 2 are allowed')
    expect(service.groups()).toHaveLength(1)
  })

  it('evaluates no more groups at a time than it may', async () => {
    runningMax = 0
    const two =
      'groups: [{name: a, rules: [{record: a, expr: up}]}, {name: b, rules: [{record: b, expr: up}]}]'
    await service.load(groups(two), options)
    await until(() => service.groups().every(({ state }) => state.lastEvaluationMs > 0))
    expect(runningMax).toBe(1)
  })
})
