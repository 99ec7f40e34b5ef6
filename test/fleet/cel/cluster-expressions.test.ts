// CEL over clusters: what expressions are true of, what is a mistake, and that nothing costs without bound.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  expressionMistake,
  firstUntrue,
  StepBudget,
} from '../../../src/fleet/cel/cluster-expressions.ts'

const object = {
  apiVersion: 'cluster.open-cluster-management.io/v1',
  kind: 'ManagedCluster',
  metadata: {
    name: 'east',
    labels: { version: '1.14.3', region: 'eu', 'a/b': 'c', n: '5' },
    annotations: {},
  },
  spec: { hubAcceptsClient: true, leaseDurationSeconds: 60, taints: [] },
  status: {
    version: { kubernetes: 'v1.31.2+k3s1' },
    allocatable: { cpu: '3500m', memory: '16Gi' },
    clusterClaims: [
      { name: 'platform', value: 'AWS' },
      { name: 'gpus', value: '{"H100":[{"small":10},{"large":2}],"ratio":0.5}' },
    ],
  },
}
const scores = (name: string) =>
  name === 'free'
    ? new Map([
        ['cpu', 30],
        ['memory', -4],
      ])
    : undefined

const judge = (expression: string, budget = new StepBudget()): string | undefined => {
  const mistake = expressionMistake(expression)
  if (mistake !== undefined) throw new Error(mistake)
  return firstUntrue([expression], { object, scores }, budget)
}
const isTrue = (expression: string): boolean => judge(expression) === undefined

describe('CEL expressions over a cluster', () => {
  it.each([
    'managedCluster.metadata.labels["version"].matches("^1\\\\.(14|15)\\\\.\\\\d+$")',
    'managedCluster.metadata.labels.region in ["eu", "us"]',
    'managedCluster.metadata.labels["a/b"] == "c" && !("x" in managedCluster.metadata.labels)',
    'managedCluster.spec.leaseDurationSeconds > 59 && managedCluster.spec.hubAcceptsClient',
    'managedCluster.spec.leaseDurationSeconds == 60.0',
    'managedCluster.spec.taints.size() == 0 && size(managedCluster.metadata.annotations) == 0',
    'managedCluster.status.clusterClaims.exists(c, c.name == "platform" && c.value == "AWS")',
    'managedCluster.status.clusterClaims.exists_one(c, c.name == "gpus")',
    'managedCluster.status.clusterClaims.map(c, c.name) == ["platform", "gpus"]',
    'managedCluster.status.clusterClaims.map(c, c.name == "gpus", c.value.size() > 5) == [true]',
    'managedCluster.status.clusterClaims.filter(c, c.name.startsWith("g")).all(c, c.value.contains("H100"))',
    'managedCluster.status.clusterClaims.exists(c, c.name == "gpus" && c.value.parseJSON().H100.exists(e, has(e.large) && e.large == 2))',
    'managedCluster.status.clusterClaims[1].value.parseJSON().ratio == 0.5',
    'managedCluster.scores("free").filter(s, s.name == "cpu").all(s, s.value >= 30)',
    'has(managedCluster.status.version) ? true : false',
    'managedCluster.metadata.?labels["none"].orValue("x") == "x"',
    'semver(managedCluster.status.version.kubernetes.replace("v", "")).compareTo(semver("1.31.2")) == 0',
    'semver("1.2.3-rc.1").isLessThan(semver("1.2.3")) && semver("1.2.3-rc.2").isLessThan(semver("1.2.3-rc.10"))',
    'isSemver("1.0") == false && !isSemver("v1.2.3") && semver("7.8.9").minor() == 8',
    'semver("1.0.0+a") == semver("1.0.0")',
    'quantity(managedCluster.status.allocatable.cpu).isGreaterThan(quantity("3"))',
    'quantity("16Gi").compareTo(quantity("17179869184")) == 0 && quantity("1.5") == quantity("1500m")',
    'quantity("2").add(3).asInteger() == 5 && sign(quantity("1").sub(quantity("1500m"))) == -1',
    '!isQuantity("3 cpu") && !quantity("100m").isInteger() && quantity("250m").asApproximateFloat() == 0.25',
    '"abc-123-45".find("[0-9]+") == "123" && "abc-123-45".findAll("[0-9]+") == ["123", "45"]',
    '"a1b2".findAll("[0-9]", 1) == ["1"] && "x".find("y") == ""',
    '[3, 1, 2].min() == 1 && [3, 1, 2].max() == 3 && [1, 2].sum() == 3 && [1, 2].isSorted()',
    '[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && "a-b".replace("-", "+") == "a+b"',
    '-(1 + 2) * 2 == -6 && (5 - (3 - 1)) == 3 && 7 % 4 == 3 && ([1, 2] + [3])[2] == 3',
  ])('%s', (expression) => {
    expect(judge(expression)).toBeUndefined()
  })

  it('are not true where they are false or fail, and say so', () => {
    expect(judge('managedCluster.metadata.name == "west"')).toBe(
      'CEL expression managedCluster.metadata.name == "west" is false',
    )
    expect(judge('managedCluster.metadata.labels["none"] == "x"')).toMatch(/No such key: none/)
    expect(judge('managedCluster.scores("none").size() == 0')).toMatch(
      /no AddOnPlacementScore none/,
    )
    expect(judge('semver("x").major() == 1')).toMatch(/not a semantic version/)
    expect(judge('managedCluster.metadata.name')).toMatch(/is east/)
    expect(judge('size("abc")')).toMatch(/is 3$/)
    expect(isTrue('1 / 0 == 1')).toBe(false)
  })

  it('are mistakes where they do not parse, do not fit their types, or call what there is not', () => {
    expect(expressionMistake('managedCluster.')).toBeDefined()
    // Kubernetes has this one, hubs do not.
    expect(expressionMistake('semver("v1.2", true).major() == 1')).toMatch(/overload|not defined/)
    expect(expressionMistake('"a" + 1 == "a1"')).toMatch(/no such overload|not defined|overload/)
    expect(expressionMistake('managedCluster.metadata.name.matchesss("x")')).toMatch(/matchesss/)
    expect(expressionMistake('other == 1')).toBeDefined()
    expect(expressionMistake('cel.bind(x, [1], x.size() == 1)')).toMatch(/bind/)
    expect(expressionMistake(`"${'a'.repeat(10_001)}" == ""`)).toMatch(/longer than 10000/)
  })
})

// Recorded from a hub's own environment (OCM's placement controller): what it makes of each expression over this cluster.
const outcomes: readonly { readonly expression: string; readonly hub: string }[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'hub-outcomes.json'), 'utf8'),
)
/** Functions that are not here (decision 006): there they are known. */
const unknownHere = /"\.format\(/

function outcomeOf(expression: string): string {
  if (expressionMistake(expression) !== undefined) return 'mistake'
  const why = judge(expression)
  if (why === undefined) return 'true'
  if (why.startsWith('CEL expression fails')) return 'fails'
  return why.endsWith(' is false') ? 'false' : 'no bool'
}

describe('CEL expressions on a hub and here', () => {
  it.each(outcomes)('$expression', ({ expression, hub }) => {
    expect(outcomeOf(expression)).toBe(unknownHere.test(expression) ? 'mistake' : hub)
  })
})

// Which texts have a format, as a hub's own library says.
const formats = JSON.parse(readFileSync(join(import.meta.dirname, 'hub-formats.json'), 'utf8')) as {
  readonly texts: readonly string[]
  readonly having: Readonly<Record<string, readonly string[]>>
  readonly others: readonly { readonly expression: string; readonly hub: string }[]
}

describe('named formats', () => {
  it.each(Object.entries(formats.having))('%s is what it is on a hub', (name, having) => {
    const found = formats.texts.filter((text) =>
      isTrue(`!format.${name}().validate(${JSON.stringify(text)}).hasValue()`),
    )
    expect(found).toEqual(having)
  })

  it.each(formats.others)('$expression', ({ expression, hub }) => {
    expect(outcomeOf(expression)).toBe(hub)
  })
})

describe('the cost of CEL expressions', () => {
  const claims = 'managedCluster.status.clusterClaims'
  const nested = (depth: number): string =>
    depth === 0 ? 'false' : `[1,2,3,4,5,6,7,8,9,10].exists(x${depth}, ${nested(depth - 1)})`

  it('is bounded in time for macros within macros', () => {
    const startMs = performance.now()
    expect(judge(nested(12))).toMatch(/costs too much/)
    expect(performance.now() - startMs).toBeLessThan(2000)
  })

  it('is bounded in memory for lists and texts that double, in parentheses too', () => {
    const doubling = (body: string): string => `[[1]]${`.map(x, ${body})`.repeat(60)}.size() == 1`
    expect(judge(doubling('x + x'))).toMatch(/costs too much/)
    expect(judge(doubling('([]) + x + x'))).toMatch(/costs too much/)
    const text = `["ab"]${'.map(x, ("") + x + x)'.repeat(60)}.size() == 1`
    expect(judge(text)).toMatch(/costs too much/)
  })

  it('is bounded for patterns that make other engines go back and back', () => {
    const startMs = performance.now()
    const text = `"${'a'.repeat(5000)}b"`
    expect(judge(`${text}.matches("^(a+)+$")`)).toMatch(/is false/)
    expect(judge(`"x".matches("${'a'.repeat(1001)}")`)).toMatch(/longer than 1000/)
    expect(performance.now() - startMs).toBeLessThan(2000)
  })

  it('is taken from the budget of the decision, and nothing is true once that is used up', () => {
    const budget = new StepBudget()
    expect(judge(`${claims}.exists(c, c.name == "platform")`, budget)).toBeUndefined()
    expect(budget.left).toBeLessThan(new StepBudget().left)
    for (let i = 0; i < 60; i++) judge(nested(12), budget)
    expect(budget.left).toBeLessThanOrEqual(0)
    expect(judge('true', budget)).toMatch(/costs too much/)
  })
})
