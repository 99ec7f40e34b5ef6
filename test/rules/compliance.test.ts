// The scenarios of Prometheus' alert generator compliance as transcripts in accelerated time: samples every 15 s, an
// evaluation every 30 s, the real engine over a storage that sees what rules write.
// States by evaluation: - none, p pending, f firing, r resolved; `f4` = four times. Sends: minutes since the start.
// Source: prometheus/compliance alert_generator; facts §9.6.
import { describe, expect, it } from 'vitest'
import { formatLabels, labelsOf } from '../../src/model/index.ts'
import { ChunkStorage, createEngine, type ScriptValue } from '../../src/promql/index.ts'
import {
  type DueAlert,
  type GroupPorts,
  GroupState,
  parseRuleFiles,
  type RuleSample,
} from '../../src/rules/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'

const sampleMs = 15_000
const intervalMs = 30_000
const minuteMs = 60_000
const letters = { pending: 'p', firing: 'f', inactive: 'r' } as const
const base = {
  labelSizeBytesMax: 1000,
  evaluationTimeMsMax: 60_000,
  restoreIgnoredLabels: [],
  takeOverDelayMsMax: 60_000,
  externalLabels: {},
  externalUrl: '',
  limit: 0,
}

interface Sent {
  readonly rule: string
  readonly minute: number
  readonly alert: DueAlert
}

interface Run {
  /** By alert labels: a letter per evaluation, run lengths. */
  readonly states: Readonly<Record<string, string>>
  readonly sent: readonly Sent[]
  /** ALERTS series with the count of their samples. */
  readonly alertsAt: (minute: number) => Promise<string[]>
}

// `11x3` = 11 and three more of it.
function valuesOf(text: string): number[] {
  return text.split(' ').flatMap((part) => {
    const [value, more] = part.split('x')
    return Array.from({ length: Number(more ?? 0) + 1 }, () => Number(value))
  })
}

function engineOver() {
  const engine = createEngine()
  const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
  const query = async (text: string, timeMs: number): Promise<RuleSample[]> => {
    const result = await engine
      .prepare(text, { kind: 'instant', timeMs })
      .run(storage, ['test'], neverCancelled)
    return Array.from({ length: result.table.rowCount }, (_, row) => ({
      labels: result.labelsOfRow(row),
      value: result.values[result.starts[row]!]!,
      histogram: undefined,
    }))
  }
  return { storage, query }
}

async function run(rules: string, series: Record<string, string>, minutes: number): Promise<Run> {
  const { storage, query } = engineOver()
  await storage.append(
    Object.entries(series).map(([name, text]) => ({
      labels: labelsOf({
        __name__: 'm',
        ...Object.fromEntries(name.split(',').map((one) => one.split('='))),
      }),
      samples: valuesOf(text).map((value, index) => ({
        timestampMs: index * sampleMs,
        startTimestampMs: 0,
        value: { kind: 'float', value } as ScriptValue,
      })),
    })),
  )
  let nowMs = 0
  const sent: Sent[] = []
  const ports: GroupPorts = {
    query: ({ query: text, timeMs }) => query(text, timeMs),
    append: (writes) =>
      storage.append(
        writes.map(({ labels, timestampMs, value, isStale }) => ({
          labels,
          samples: [
            {
              timestampMs,
              startTimestampMs: 0,
              value: isStale ? { kind: 'stale' } : { kind: 'float', value },
            },
          ],
        })),
      ),
    notify: (rule, alerts) =>
      void sent.push(
        ...alerts.map((alert) => ({ rule: rule.name, minute: nowMs / minuteMs, alert })),
      ),
    nowMs: () => nowMs,
  }
  const [group] = parseRuleFiles([{ file: 'f', text: rules }])
  const context = { ...base, ports, intervalMs, queryOffsetMs: 0, resendDelayMs: minuteMs }
  const state = new GroupState(group!, context, true)
  const found = new Map<string, string>()
  for (let step = 0; step * intervalMs <= minutes * minuteMs; step++) {
    nowMs = step * intervalMs
    await state.evaluate(nowMs)
    for (const one of state.states) expect(one.health.lastError).toBe('')
    const now = new Map(state.states.flatMap((one) => [...one.alerts]))
    for (const alert of now.values()) {
      const key = formatLabels(alert.labels)
      if (!found.has(key)) found.set(key, '-'.repeat(step))
    }
    for (const key of found.keys()) {
      const alert = [...now.values()].find((one) => formatLabels(one.labels) === key)
      found.set(key, found.get(key)! + (alert === undefined ? '-' : letters[alert.state]))
    }
  }
  return {
    states: Object.fromEntries([...found].map(([key, text]) => [key, runLengths(text)])),
    sent,
    alertsAt: async (minute) =>
      (await query('ALERTS', minute * minuteMs)).map(({ labels }) => formatLabels(labels)).sort(),
  }
}

function runLengths(text: string): string {
  return (text.match(/(.)\1*/g) ?? []).map((part) => `${part[0]}${part.length}`).join(' ')
}

// Minutes of what was sent, firing or resolved by its end.
function minutesOf(sent: readonly Sent[], kind: 'firing' | 'resolved', rule = 'A'): number[] {
  return sent
    .filter((one) => one.rule === rule)
    .filter(({ alert, minute }) => (kind === 'firing') === alert.endsAtMs > minute * minuteMs)
    .map(({ minute }) => minute)
}

const steps = (from: number, to: number): number[] =>
  Array.from({ length: Math.floor((to - from) / 1.5) + 1 }, (_, index) => from + index * 1.5)

describe('an alert that is pending, fires, is resolved, and does all of that again', async () => {
  const rules = `groups:
- name: PendingAndFiringAndResolved
  rules:
  - alert: A
    expr: m > 10
    for: 6m
    labels: {foo: bar}
    annotations: {summary: 'The value is {{$value}} {{.Value}}'}
`
  // Above 10 from 2:00 to 17:00 and from 22:15 to 33:15.
  const { states, sent, alertsAt } = await run(
    rules,
    { 'id=a': '3 5x2 9x3 11x12 15x31 19x15 9x19 15x44 9x100' },
    60,
  )

  it('waits for its for, is remembered 15 minutes after its end, and begins anew', () => {
    expect(states).toEqual({
      '{alertname="A", foo="bar", id="a"}': '-4 p12 f19 r10 p12 f10 r31 -23',
    })
  })

  it('is sent when it changes, and again at the first evaluation after the delay', () => {
    expect(minutesOf(sent, 'firing')).toEqual([...steps(8, 17), ...steps(28.5, 33)])
    expect(minutesOf(sent, 'resolved')).toEqual([...steps(17.5, 22), ...steps(33.5, 48.5)])
  })

  it('says since when it fires, until when that holds, and what the value is now', () => {
    const at = (minute: number): DueAlert => sent.find((one) => one.minute === minute)!.alert
    expect(at(8)).toMatchObject({ startsAtMs: 8 * minuteMs, endsAtMs: 12 * minuteMs })
    expect(at(8).annotations).toEqual({ summary: 'The value is 15 15' })
    expect(at(14).annotations).toEqual({ summary: 'The value is 19 19' })
    expect(at(19)).toMatchObject({ startsAtMs: 8 * minuteMs, endsAtMs: 17.5 * minuteMs })
    expect(at(28.5)).toMatchObject({ startsAtMs: 28.5 * minuteMs, endsAtMs: 32.5 * minuteMs })
  })

  it('is in ALERTS while it is pending or firing', async () => {
    expect(await alertsAt(1)).toEqual([])
    expect(await alertsAt(5)).toEqual([
      'ALERTS{alertname="A", alertstate="pending", foo="bar", id="a"}',
    ])
    expect(await alertsAt(9)).toEqual([
      'ALERTS{alertname="A", alertstate="firing", foo="bar", id="a"}',
    ])
    expect(await alertsAt(18)).toEqual([])
  })
})

describe('an alert that is gone before its for is over, and one that is never active', async () => {
  const rules = `groups:
- name: PendingAndResolved_AlwaysInactive
  rules:
  - {alert: A, expr: m > 10, for: 3m}
  - {alert: Never, expr: m > 99, for: 3m}
`
  // Above 10 from 2:00 to 4:30; no samples at all after 4:45.
  const { states, sent } = await run(rules, { 'id=a': '3 5x2 9x3 11x10 9' }, 15)

  it('leave no trace and are never sent', () => {
    expect(states).toEqual({ '{alertname="A", id="a"}': '-4 p6 -21' })
    expect(sent).toEqual([])
  })

  it('are not kept by series that end while they are pending', async () => {
    const ending = await run(rules, { 'id=a': '3 5x2 9x3 11x6' }, 15)
    // The last sample is at 3:15 and is looked at for five minutes: the for is over before.
    expect(ending.states).toEqual({ '{alertname="A", id="a"}': '-4 p6 f7 r14' })
  })
})

describe('alerts without a for and with one shorter than the interval', async () => {
  const rules = `groups:
- name: ZeroFor_SmallFor
  rules:
  - alert: Zero
    expr: m{id="a"} > 10
    annotations:
      numbers: '{{humanize 1048576}} {{humanize1024 1048576}} {{humanizeDuration 135.3563}} {{humanizePercentage 0.959}} {{humanizeTimestamp 1643114203}}'
      query: '{{ define "t" }}Args are: {{.arg0}} {{.arg1}} {{.arg2}}. {{ with query "m{for=''template''}" }}first:{{ . | sortByLabel "id" | first | label "id"}},{{ range $v := sortByLabel "id" .}}{{ . | label "id" }}:{{ . | value }},{{end}}{{end}}{{ end }}{{ template "t" (args "foo" "bar" 99) }}'
  - alert: Small
    expr: m{id="a"} > 13
    for: 15s
    annotations:
      texts: '{{title "this part"}} {{toUpper "is testing"}} {{toLower "THE STRINGS"}}. {{stripPort "[::1]:6006"}} {{stripPort "127.0.0.1:4004"}}. {{parseDuration "2h10m15s"}}. {{if match "[0-9]+" "1234"}}{{reReplaceAll "r.*d" "replaced" "rpld text"}}{{end}}. {{if match "[0-9]+$" "1234a"}}WRONG{{end}}.'
`
  // 15 from 2:00 to 5:15, 11 from 23:15 to 26:15.
  const { states, sent } = await run(
    rules,
    {
      'id=a': '3 5x2 9x3 15x13 9x71 11x12 9',
      'for=template,id=102': '2x100',
      'for=template,id=101': '1x100',
    },
    50,
  )

  it('fire at once, and at the second evaluation', () => {
    expect(states).toEqual({
      '{alertname="Zero", id="a"}': '-4 f7 r31 -5 f7 r31 -16',
      '{alertname="Small", id="a"}': '-4 p1 f6 r31 -59',
    })
  })

  it('are sent for fifteen minutes after their end, and again as soon as they fire again', () => {
    expect(minutesOf(sent, 'firing', 'Zero')).toEqual([...steps(2, 5), ...steps(23.5, 26.5)])
    expect(minutesOf(sent, 'resolved', 'Zero')).toEqual([...steps(5.5, 20.5), ...steps(27, 42)])
    expect(minutesOf(sent, 'firing', 'Small')).toEqual([2.5, 4])
    expect(minutesOf(sent, 'resolved', 'Small')).toEqual(steps(5.5, 20.5))
  })

  it('have annotations from every function of templates', () => {
    const annotations = (rule: string): unknown =>
      sent.find((one) => one.rule === rule)!.alert.annotations
    expect(annotations('Zero')).toEqual({
      numbers: '1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC',
      query: 'Args are: foo bar 99. first:101,101:1,102:2,',
    })
    expect(annotations('Small')).toEqual({
      texts: 'This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. .',
    })
  })
})

describe('a rule over the ALERTS of the rule before it', async () => {
  const rules = `groups:
- name: NewAlerts_OrderCheck
  rules:
  - {alert: A, expr: m > 10, for: 3m, labels: {foo: bar}}
  - alert: B
    expr: 'ALERTS{alertstate="firing",alertname="A",variant="one"} + ignoring(variant) ALERTS{alertstate="firing",alertname="A",variant="two"} == 2'
    labels: {foo: baz, ba_dum: tss}
    annotations: {text: 'Old alertname was {{$labels.alertname}}. foo was {{.Labels.foo}}.'}
`
  // One above 10 from 2:00 to 18:00, two from 8:00 to 16:15.
  const { states, sent } = await run(
    rules,
    { 'variant=one': '1x7 11x64 9x20', 'variant=two': '1x31 11x32 9x20' },
    25,
  )
  const b = '{alertname="B", alertstate="firing", ba_dum="tss", foo="baz"}'

  it('sees them in the same evaluation, and when they end', () => {
    expect(states).toEqual({
      '{alertname="A", foo="bar", variant="one"}': '-4 p6 f27 r14',
      '{alertname="A", foo="bar", variant="two"}': '-16 p6 f11 r18',
      [b]: '-22 f11 r18',
    })
  })

  it("has annotations of the expression's labels, not of those that the rule sets", () => {
    expect(sent.find(({ rule }) => rule === 'B')!.alert.annotations).toEqual({
      text: 'Old alertname was A. foo was bar.',
    })
  })
})
