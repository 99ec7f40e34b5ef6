import { describe, expect, it } from 'vitest'
import { formatLabels, labelsOf } from '../../src/model/index.ts'
import {
  type DueAlert,
  GroupState,
  nextSlot,
  parseRuleFiles,
  type RuleQuery,
  type RuleSample,
  type RuleWrite,
  slotAtOrAfter,
} from '../../src/rules/index.ts'

type Answers = Record<string, readonly (readonly [Record<string, string>, number])[] | Error>

function makeGroup(yaml: string, answers: Answers, isRestored = true) {
  const written: RuleWrite[] = []
  const sent: DueAlert[] = []
  const asked: string[] = []
  const deadlines: number[] = []
  let nowMs = 0
  const [group] = parseRuleFiles([{ file: 'f.yml', text: yaml }])
  const ports = {
    async query({ query, deadlineMs }: RuleQuery): Promise<RuleSample[]> {
      asked.push(query)
      deadlines.push(deadlineMs)
      const answer = answers[query] ?? []
      if (answer instanceof Error) throw answer
      return answer.map(([labels, value]) => ({
        labels: labelsOf(labels),
        value,
        histogram: undefined,
      }))
    },
    append: async (writes: readonly RuleWrite[]) => void written.push(...writes),
    notify: (_: unknown, alerts: readonly DueAlert[]) => void sent.push(...alerts),
    nowMs: () => nowMs,
  }
  const context = {
    ports,
    intervalMs: 60_000,
    queryOffsetMs: group!.queryOffsetMs ?? 0,
    resendDelayMs: 60_000,
    limit: group!.limit,
    externalLabels: {},
    externalUrl: '',
    labelSizeBytesMax: 100,
    evaluationTimeMsMax: 60_000,
    restoreIgnoredLabels: [],
    takeOverDelayMsMax: 60_000,
  }
  const state = new GroupState(group!, context, isRestored)
  const lines = (): string[] =>
    written
      .splice(0)
      .map(
        (one) =>
          `${formatLabels(one.labels)} ${one.isStale ? 'stale' : one.value} @${one.timestampMs}`,
      )
  return {
    state,
    context,
    sent,
    asked,
    deadlines,
    lines,
    async at(timeMs: number): Promise<string[]> {
      nowMs = timeMs
      await state.evaluate(timeMs)
      return lines()
    },
  }
}

const recording = `groups:
- name: g
  query_offset: 10s
  limit: 2
  labels: {team: a}
  rules:
  - record: r
    expr: sum by (job) (m)
    labels: {drop: ""}`

describe('a recording rule', () => {
  it('writes its name and labels at the evaluation time less the offset, and ends what is gone', async () => {
    const answers: Answers = { 'sum by (job) (m)': [[{ job: 'x', drop: 'y' }, 3]] }
    const group = makeGroup(recording, answers)
    expect(await group.at(60_000)).toEqual(['r{job="x", team="a"} 3 @50000'])
    answers['sum by (job) (m)'] = [[{ job: 'z' }, 4]]
    expect(await group.at(120_000)).toEqual([
      'r{job="z", team="a"} 4 @110000',
      'r{job="x", team="a"} stale @110000',
    ])
  })

  it('writes nothing when it exceeds its limit, when labels clash, or when the query fails', async () => {
    const answers: Answers = {}
    const group = makeGroup(recording, answers)
    const failWith = async (answer: Answers[string]): Promise<string> => {
      answers['sum by (job) (m)'] = answer
      expect(await group.at(60_000)).toEqual([])
      return group.state.states[0]!.health.lastError
    }
    const three = ['a', 'b', 'c'].map((job) => [{ job }, 1] as const)
    expect(await failWith(three)).toBe('exceeded limit of 2 with 3 series')
    expect(
      await failWith([
        [{ drop: 'a' }, 1],
        [{ drop: 'b' }, 1],
      ]),
    ).toBe('vector contains metrics with the same labelset after applying rule labels')
    expect(await failWith(new Error('boom'))).toBe('boom')
    expect(await failWith([[{ job: 'x'.repeat(101) }, 1]])).toContain('longer than 100 bytes')
    expect(group.state.states[0]!.health.health).toBe('err')
  })
})

const alerting = `groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 1m
    labels: {severity: '{{ $labels.sev }}'}
    annotations: {text: '{{ $labels.job }} is {{ $value }}'}`

describe('an alerting rule', () => {
  it('writes ALERTS and ALERTS_FOR_STATE, sends what fires, and ends the series of a state that is left', async () => {
    const answers: Answers = { 'up == 0': [[{ __name__: 'up', job: 'x', sev: 'page' }, 0]] }
    const group = makeGroup(alerting, answers)
    const labels = 'alertname="Down", '
    const rest = 'job="x", sev="page", severity="page"'
    expect(await group.at(60_000)).toEqual([
      `ALERTS{${labels}alertstate="pending", ${rest}} 1 @60000`,
      `ALERTS_FOR_STATE{${labels}${rest}} 60 @60000`,
    ])
    expect(group.sent).toEqual([])
    expect(await group.at(120_000)).toEqual([
      `ALERTS{${labels}alertstate="firing", ${rest}} 1 @120000`,
      `ALERTS_FOR_STATE{${labels}${rest}} 60 @120000`,
      `ALERTS{${labels}alertstate="pending", ${rest}} stale @120000`,
    ])
    expect(group.sent).toMatchObject([{ annotations: { text: 'x is 0' }, startsAtMs: 120_000 }])
    answers['up == 0'] = []
    expect(await group.at(180_000)).toHaveLength(2)
    expect(group.sent.at(-1)).toMatchObject({ endsAtMs: 180_000 })
  })

  it('sends nothing while its alerts cannot be told apart', async () => {
    const twice = [
      [{ __name__: 'up', job: 'x' }, 0],
      [{ __name__: 'up2', job: 'x' }, 0],
    ] as const
    const group = makeGroup(alerting, { 'up == 0': twice })
    expect(await group.at(60_000)).toEqual([])
    expect(group.state.states[0]!.health.lastError).toContain('same labelset')
  })

  it('gets its age back from ALERTS_FOR_STATE, and writes ALERTS only from then on', async () => {
    const selector = 'ALERTS_FOR_STATE{alertname="Down"}'
    const stored = {
      __name__: 'ALERTS_FOR_STATE',
      alertname: 'Down',
      job: 'x',
      severity: '{{ $labels.sev }}',
    }
    const group = makeGroup(
      alerting.replace('for: 1m', 'for: 1h'),
      {
        'up == 0': [[{ __name__: 'up', job: 'x' }, 0]],
        [selector]: [[stored, 60]],
        [`timestamp(${selector})`]: [[stored, 3000]],
      },
      false,
    )
    expect(await group.at(3_600_000)).toEqual([])
    await group.state.restore()
    // Active since minute 1, down from minute 50 to 60: ten minutes of outage do not count.
    expect(await group.at(3_660_000)).toContain(
      'ALERTS_FOR_STATE{alertname="Down", job="x", severity="{{ $labels.sev }}"} 660 @3660000',
    )
  })
})

describe('a group that another ruler evaluated until now', () => {
  const rules = `groups:
- name: g
  rules:
  - {alert: Down, expr: up == 0, for: 2m, labels: {severity: page}}`
  const stored = (name: string, job: string, more: Record<string, string> = {}) => ({
    __name__: name,
    alertname: 'Down',
    severity: 'page',
    job,
    ...more,
  })
  const answers: Answers = {
    'up == 0': [
      [{ __name__: 'up', job: 'firing' }, 0],
      [{ __name__: 'up', job: 'pending' }, 0],
    ],
    'ALERTS_FOR_STATE{alertname="Down"}': [
      [stored('ALERTS_FOR_STATE', 'firing'), 60],
      [stored('ALERTS_FOR_STATE', 'pending'), 240],
      [stored('ALERTS_FOR_STATE', 'gone'), 60],
      [stored('ALERTS_FOR_STATE', 'other', { severity: 'info' }), 60],
    ],
    'ALERTS{alertname="Down"}': [
      [stored('ALERTS', 'firing', { alertstate: 'firing' }), 1],
      [stored('ALERTS', 'pending', { alertstate: 'pending' }), 1],
      [stored('ALERTS', 'gone', { alertstate: 'firing' }), 1],
      [stored('ALERTS', 'other', { alertstate: 'firing', severity: 'info' }), 1],
    ],
  }

  it('goes on in the state it was in, and resolves what is gone', async () => {
    const group = makeGroup(rules, answers, false)
    // Evaluations lie at 250 ms past the minute; stored times are whole seconds.
    await group.state.takeOver(300_250)
    expect(group.state.isRestored).toBe(true)
    const lines = await group.at(300_250)
    expect([...group.state.states[0]!.alerts.values()]).toMatchObject([
      { state: 'inactive', activeAtMs: 60_250, resolvedAtMs: 300_250 },
      { state: 'firing', activeAtMs: 60_250, firedAtMs: 300_250 },
      { state: 'pending', activeAtMs: 240_250 },
    ])
    expect(lines).toContain(
      'ALERTS{alertname="Down", alertstate="firing", job="gone", severity="page"} stale @300250',
    )
    expect(lines).toContain(
      'ALERTS_FOR_STATE{alertname="Down", job="firing", severity="page"} 60 @300250',
    )
    expect(group.sent.map(({ startsAtMs, endsAtMs }) => [startsAtMs, endsAtMs])).toEqual([
      [300_250, 300_250],
      [300_250, 540_250],
    ])
  })

  it('is restored as after an outage where nothing recent is stored', async () => {
    const group = makeGroup(rules, { ...answers, 'ALERTS{alertname="Down"}': [] }, false)
    await group.state.takeOver(300_250)
    expect(group.state.isRestored).toBe(false)
    expect(await group.at(300_250)).toEqual([])
  })
})

describe('the bounds of a rule', () => {
  it('end it with an error that stands on it', async () => {
    const rules = (rule: string): string => `groups: [{name: g, limit: 1, rules: [${rule}]}]`
    const errorOf = async (rule: string, answers: Answers): Promise<string> => {
      const group = makeGroup(rules(rule), answers)
      expect(await group.at(60_000)).toEqual([])
      expect(group.sent).toEqual([])
      const { health, lastError } = group.state.states[0]!.health
      expect(health).toBe('err')
      return lastError
    }
    const two: Answers = {
      up: [
        [{ job: 'x' }, 1],
        [{ job: 'y' }, 1],
      ],
    }
    expect(await errorOf('{record: r, expr: up}', two)).toBe('exceeded limit of 1 with 2 series')
    expect(await errorOf('{alert: A, expr: up}', two)).toBe('exceeded limit of 1 with 2 alerts')
    const long: Answers = { up: [[{ job: 'x'.repeat(101) }, 1]] }
    const tooLong = 'the value of label "job" is longer than 100 bytes; shorten it in the rule'
    expect(await errorOf('{record: r, expr: up}', long)).toBe(tooLong)
    expect(await errorOf('{alert: A, expr: up}', long)).toBe(tooLong)
  })

  it('give its queries and those of its templates one deadline', async () => {
    const group = makeGroup(
      `groups: [{name: g, rules: [{alert: A, expr: up, annotations: {a: '{{ query "m" }}'}}]}]`,
      { up: [[{ job: 'x' }, 1]] },
    )
    await group.at(60_000)
    expect(group.deadlines).toEqual([120_000, 120_000])
  })
})

describe('a group that is loaded again', () => {
  it('keeps the state of rules that stay and ends the series of those that are gone', async () => {
    const answers: Answers = { 'up == 0': [[{ job: 'x' }, 0]], m: [[{}, 1]] }
    const old = makeGroup(`${alerting}\n  - {record: gone, expr: m}`, answers)
    await old.at(60_000)
    const next = makeGroup(alerting, answers)
    next.state.adopt(old.state)
    const lines = await next.at(120_000)
    expect(lines).toContain('gone stale @120000')
    expect(lines.some((line) => line.includes('alertstate="firing"'))).toBe(true)
  })
})

describe('slots', () => {
  it('lie on one grid for a group, spread over the interval by its name', () => {
    const first = slotAtOrAfter('f;g', 60_000, 1_000_000)
    expect(first).toBeGreaterThanOrEqual(1_000_000)
    expect(first).toBeLessThan(1_060_000)
    expect(slotAtOrAfter('f;g', 60_000, first + 1)).toBe(first + 60_000)
    expect(slotAtOrAfter('f;h', 60_000, 1_000_000)).not.toBe(first)
  })

  it('are left out, and counted, when an evaluation takes too long', () => {
    expect(nextSlot(0, 60_000, 30_000)).toEqual({ slotMs: 60_000, missed: 0 })
    expect(nextSlot(0, 60_000, 190_000)).toEqual({ slotMs: 180_000, missed: 2 })
  })
})
