import { expect, test } from 'vitest'
import { allParserFeatures, parseExpr } from '../../../src/promql/index.ts'
import { buildPlan } from '../../../src/promql/plan/build.ts'
import { foldConstants } from '../../../src/promql/plan/fold-constants.ts'
import { dropUnusedBuckets } from '../../../src/promql/plan/histogram-stats.ts'
import type { PlanNode } from '../../../src/promql/plan/node.ts'
import { pushHints } from '../../../src/promql/plan/push-hints.ts'
import { wrapStepInvariant } from '../../../src/promql/plan/step-invariant.ts'

const range = { startMs: 10_000, endMs: 70_000, stepMs: 5000 }

function planOf(text: string): PlanNode {
  return buildPlan(parseExpr(text, allParserFeatures), range)
}

/** The plan with invariants in angle brackets, and selectors by what `show` says of them. */
function sketch(node: PlanNode, show = (_: PlanNode) => ''): string {
  switch (node.kind) {
    case 'number':
    case 'string':
      return String(node.value)
    case 'select':
      return node.text + show(node)
    case 'matrix':
      return `${node.selector.text}[]${show(node.selector)}`
    case 'stepInvariant':
      return `<${sketch(node.inner, show)}>`
    case 'negate':
      return `-${sketch(node.inner, show)}`
    case 'subquery':
      return `${sketch(node.inner, show)}[:]`
    case 'aggregate':
      return `${node.op}(${sketch(node.inner, show)})`
    case 'call':
      return `${node.name}(${node.args.map((arg) => sketch(arg, show)).join(', ')})`
    case 'binary':
      return `${sketch(node.lhs, show)} ${node.op} ${sketch(node.rhs, show)}`
  }
}

test.each([
  ['a @ 5', '<a @ 5.000>'],
  ['a @ 5 + b', '<a @ 5.000> + b'],
  ['sum(a @ start()) + sum(b @ end())', '<sum(a @ start()) + sum(b @ end())>'],
  ['rate(a[5m] @ 5)', '<rate(a @ 5.000[])>'],
  ['predict_linear(a[5m] @ 5, 3)', 'predict_linear(a @ 5.000[], 3)'],
  ['timestamp(a @ 5)', '<timestamp(a @ 5.000)>'],
  ['timestamp(abs(a @ 5))', 'timestamp(<abs(a @ 5.000)>)'],
  ['sum_over_time((a @ 5)[5m:1m])', 'sum_over_time(<a @ 5.000>[:])'],
  ['sum_over_time(a[5m:1m] @ 5)', '<sum_over_time(a[:])>'],
  ['topk(scalar(b), a @ 5)', '<topk(a @ 5.000)>'],
  ['vector(1) + a', '<vector(1)> + a'],
])('of %s what does not depend on the step is evaluated once', (text, expected) => {
  expect(sketch(wrapStepInvariant(planOf(text)))).toBe(expected)
})

test.each([
  ['1 + 2 * 3', '7'],
  ['a * (2 ^ 3)', 'a * 8'],
  ['-(3 - 1)', '-2'],
  ['1 > bool 2', '0'],
  ['vector(start() + step())', 'vector(15)'],
  ['vector(end() - range())', 'vector(10)'],
])('%s is folded to %s', (text, expected) => {
  expect(sketch(foldConstants(planOf(text)))).toBe(expected)
})

test.each([
  ['histogram_count(rate(a[5m]))', 'histogram_count(rate(a[]:stats))'],
  ['histogram_quantile(0.9, a)', 'histogram_quantile(0.9, a)'],
  ['histogram_count(a </ 3)', 'histogram_count(a </ 3)'],
  ['histogram_sum(sum_over_time(a[5m:1m]))', 'histogram_sum(sum_over_time(a[:]))'],
  ['histogram_count(a) + b', 'histogram_count(a:stats) + b'],
])('in %s only selectors that nobody needs buckets of lose them', (text, expected) => {
  const show = (node: PlanNode) => (node.kind === 'select' && node.statsOnly ? ':stats' : '')
  expect(sketch(dropUnusedBuckets(planOf(text)), show)).toBe(expected)
})

test.each([
  ['sum by (x) (a)', 'sum(a:sum by x)'],
  ['sum without (x) (rate(a[5m]))', 'sum(rate(a[]:rate))'],
  ['a + max(b)', 'a + max(b:max)'],
])('in %s selectors learn what stands around them', (text, expected) => {
  const show = (node: PlanNode) => {
    if (node.kind !== 'select' || node.hints.func === '') return ''
    return `:${node.hints.func}${node.hints.by ? ` by ${node.hints.grouping.join()}` : ''}`
  }
  const wanted = expected.replace(':max)', ':max by )')
  expect(sketch(pushHints(planOf(text)), show)).toBe(wanted)
})
