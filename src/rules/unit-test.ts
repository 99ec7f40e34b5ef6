// Running unit tests of rules: the groups are evaluated over time in an empty storage with the input series, as a server
// would, and what fires and what expressions yield is compared.
// Source: Prometheus docs "unit testing rules"; facts §9.5: an alert test looks at the last tick before its time, only
// firing alerts count, and rules count as restored.

import {
  type FloatHistogram,
  formatLabels,
  type Label,
  type Labels,
  labelsOf,
} from '../model/index.ts'
import {
  ChunkStorage,
  createEngine,
  type Engine,
  formatHistogram,
  type LoadSeries,
  type ScriptValue,
} from '../promql/index.ts'
import { neverCancelled } from '../storage/index.ts'
import type { GroupPorts, RuleSample, RuleWrite } from './evaluation.ts'
import { labelsKey, plainLabels } from './evaluation.ts'
import { GroupState } from './group.ts'
import type { RuleGroup, StringMap } from './rule-file.ts'
import type { AlertTest, ExpressionTest, TestGroup, UnitTestFile } from './unit-test-file.ts'

/** Runs every test of a file over the groups of its rule files; returns a text per failure. */
export async function runUnitTests(
  file: UnitTestFile,
  groups: readonly RuleGroup[],
): Promise<string[]> {
  const rank = (group: RuleGroup): number => {
    const place = file.groupOrder.indexOf(group.name)
    return place === -1 ? file.groupOrder.length : place
  }
  const ordered = [...groups].sort((a, b) => rank(a) - rank(b))
  const failures: string[] = []
  for (const test of file.tests) {
    const found = await new TestRun(file, test, ordered).run()
    failures.push(...found.map((text) => (test.name === '' ? text : `${test.name}: ${text}`)))
  }
  return failures
}

const tenant = 'test'

class TestRun {
  readonly #file: UnitTestFile
  readonly #test: TestGroup
  readonly #engine: Engine = createEngine()
  readonly #storage: ChunkStorage
  readonly #groups: readonly GroupState[]
  readonly #failures: string[] = []
  #nowMs = 0

  constructor(file: UnitTestFile, test: TestGroup, groups: readonly RuleGroup[]) {
    this.#file = file
    this.#test = test
    const { compileMatcher, hashSeed } = this.#engine.options
    this.#storage = new ChunkStorage(compileMatcher, hashSeed)
    const ports: GroupPorts = {
      query: ({ query, timeMs }) => this.#query(query, timeMs),
      append: (writes) => this.#storage.append(writes.map(loadOf)),
      notify: () => undefined,
      nowMs: () => this.#nowMs,
    }
    const { externalLabels, externalUrl } = test
    this.#groups = groups.map((group) => {
      const context = {
        ports,
        intervalMs: file.evaluationIntervalMs,
        queryOffsetMs: group.queryOffsetMs ?? 0,
        resendDelayMs: 60_000,
        limit: group.limit,
        externalLabels,
        externalUrl,
        labelSizeBytesMax: Number.MAX_SAFE_INTEGER,
        evaluationTimeMsMax: Infinity,
        restoreIgnoredLabels: [],
        takeOverDelayMsMax: 0,
      }
      return new GroupState(group, context, true)
    })
  }

  async run(): Promise<string[]> {
    const { startMs, intervalMs, input, alertTests, expressionTests } = this.#test
    await this.#storage.append(
      input.map(({ labels, values }) => ({
        labels,
        samples: values.flatMap((value, index) =>
          value === undefined
            ? []
            : [{ timestampMs: startMs + index * intervalMs, startTimestampMs: 0, value }],
        ),
      })),
    )
    const times = [...alertTests, ...expressionTests].map((one) => one.evalTimeMs)
    const step = this.#file.evaluationIntervalMs
    for (let atMs = 0; atMs <= Math.max(0, ...times); atMs += step) {
      this.#nowMs = startMs + atMs
      for (const group of this.#groups) await group.evaluate(this.#nowMs)
      this.#noteErrors(atMs)
      for (const test of alertTests)
        if (atMs <= test.evalTimeMs && test.evalTimeMs < atMs + step) this.#compareAlerts(test)
    }
    for (const test of expressionTests) await this.#compareExpression(test)
    return this.#failures
  }

  #noteErrors(atMs: number): void {
    for (const { rule, health } of this.#groups.flatMap((group) => group.states)) {
      if (health.lastError === '') continue
      this.#failures.push(`rule: ${rule.name}, time: ${atMs / 1000}s, err: ${health.lastError}`)
    }
  }

  #compareAlerts({ alertName, evalTimeMs, expected }: AlertTest): void {
    const states = this.#groups.flatMap((group) => group.states)
    const got = states
      .filter(({ rule }) => rule.kind === 'alert' && rule.name === alertName)
      .flatMap(({ alerts }) => [...alerts.values()])
      .filter(({ state }) => state === 'firing')
      .map(({ labels, annotations }) => alertText(plainLabels(labels), annotations))
      .sort()
    const wanted = expected.map((one) => alertText(one.labels, one.annotations)).sort()
    if (got.join('\n') === wanted.join('\n')) return
    const head = `alertname: ${alertName}, time: ${evalTimeMs / 1000}s`
    this.#failures.push(
      `${head}\n  exp: ${wanted.join('\n       ')}\n  got: ${got.join('\n       ')}`,
    )
  }

  async #compareExpression({ expr, evalTimeMs, expected }: ExpressionTest): Promise<void> {
    const head = `expr: "${expr}", time: ${evalTimeMs / 1000}s`
    let got: readonly RuleSample[]
    try {
      got = await this.#query(expr, this.#test.startMs + evalTimeMs)
    } catch (error) {
      this.#failures.push(`${head}, err: ${(error as Error).message}`)
      return
    }
    const order = (a: { labels: Labels }, b: { labels: Labels }): number =>
      labelsKey(a.labels) < labelsKey(b.labels) ? -1 : 1
    const found = [...got].sort(order)
    const wanted = [...expected].sort(order)
    const isEqual =
      found.length === wanted.length &&
      wanted.every(
        (one, index) =>
          labelsKey(one.labels) === labelsKey(found[index]!.labels) &&
          isSameValue(one.value, found[index]!, this.#file.isFuzzy),
      )
    if (isEqual) return
    const wantedText = wanted.map(({ labels, value }) => `${formatLabels(labels)} ${shown(value)}`)
    const foundText = found.map(
      ({ labels, ...rest }) => `${formatLabels(labels)} ${sampleText(rest)}`,
    )
    this.#failures.push(
      `${head}\n  exp: ${wantedText.join('\n       ')}\n  got: ${foundText.join('\n       ')}`,
    )
  }

  async #query(text: string, timeMs: number): Promise<RuleSample[]> {
    const prepared = this.#engine.prepare(text, { kind: 'instant', timeMs })
    if (prepared.type !== 'vector' && prepared.type !== 'scalar')
      throw new Error('rule result is not a vector or scalar')
    const result = await prepared.run(this.#storage, [tenant], neverCancelled)
    return Array.from({ length: result.table.rowCount }, (_, row) => ({
      labels: result.labelsOfRow(row),
      value: result.values[result.starts[row]!]!,
      histogram: result.histograms?.[result.starts[row]!],
    }))
  }
}

function loadOf({ labels, timestampMs, value, histogram, isStale }: RuleWrite): LoadSeries {
  const stored: ScriptValue = isStale
    ? { kind: 'stale' }
    : histogram === undefined
      ? { kind: 'float', value }
      : { kind: 'histogram', histogram, hintGiven: false }
  return { labels, samples: [{ timestampMs, startTimestampMs: 0, value: stored }] }
}

function alertText(labels: StringMap, annotations: StringMap): string {
  return `Labels:${formatLabels(labelsOf(labels))} Annotations:${formatLabels(sortedPairs(annotations))}`
}

// Annotations may be empty, which labels may not.
function sortedPairs(texts: StringMap): Label[] {
  const pairs = Object.entries(texts).map(([name, value]) => ({ name, value }))
  return pairs.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function isSameValue(wanted: ScriptValue, got: RuleSample, isFuzzy: boolean): boolean {
  if (wanted.kind === 'histogram' || got.histogram !== undefined)
    return shown(wanted) === sampleText(got)
  if (wanted.kind !== 'float') return false
  return Object.is(wanted.value, got.value) || wanted.value === got.value
    ? true
    : isFuzzy && Math.abs(wanted.value - got.value) <= ulp(wanted.value)
}

function ulp(value: number): number {
  const words = new BigInt64Array(Float64Array.of(Math.abs(value)).buffer)
  words[0]!++
  return new Float64Array(words.buffer)[0]! - Math.abs(value)
}

function shown(value: ScriptValue): string {
  if (value.kind === 'histogram') return formatHistogram(value.histogram)
  return value.kind === 'stale' ? 'stale' : String(value.value)
}

function sampleText(sample: {
  readonly value: number
  readonly histogram: FloatHistogram | undefined
}): string {
  return sample.histogram === undefined ? String(sample.value) : formatHistogram(sample.histogram)
}
