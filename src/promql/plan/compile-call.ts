// Function calls of a plan to operators.

import { largerOf, smallerOf } from '../functions/elements.ts'
import { elementFunctions, windowFunctions } from '../functions/registry.ts'
import { rateKinds, rowFunctions } from '../functions/row-registry.ts'
import { AbsentOperator } from '../operators/absent.ts'
import { DistinctOperator } from '../operators/distinct.ts'
import { ElementOperator } from '../operators/element.ts'
import type { HistogramQuestion } from '../operators/histogram-quantile.ts'
import { HistogramQuantileOperator } from '../operators/histogram-quantile.ts'
import { InfoOperator } from '../operators/info.ts'
import { masked } from '../operators/members.ts'
import type { ElementFunction, Operator, StepGrid } from '../operators/operator.ts'
import { failQuery } from '../operators/query-context.ts'
import { ScalarOfVectorOperator, ScalarOperator } from '../operators/scalar.ts'
import { SortOperator } from '../operators/sort.ts'
import { stepTimeMs } from '../operators/vector-selector.ts'
import { WindowOperator } from '../operators/window.ts'
import { absentLabels } from './absent-labels.ts'
import { relabelOperator } from './compile-relabel.ts'
import { compileRange, compileSelect } from './compile-selector.ts'
import type { Compiler } from './compiler.ts'
import { distinctUnlessDelayed, positionsOf, stringArgument } from './compiler.ts'
import { infoTimes } from './info-times.ts'
import type { CallPlan, MatrixPlan, PlanNode, SubqueryPlan } from './node.ts'
import { planType } from './node.ts'

const keepsName = new Set(['last_over_time', 'first_over_time'])
const anchoredFunctions = ['changes', 'delta', 'increase', 'rate', 'resets']
const smoothedFunctions = ['delta', 'increase', 'rate']

/** Compiles a call. */
export function compileCall(call: CallPlan, grid: StepGrid, compiler: Compiler): Operator {
  const range = call.args.find((arg) => arg.kind === 'matrix' || arg.kind === 'subquery')
  if (range !== undefined) return compileWindow(call, range as MatrixPlan, grid, compiler)
  const { context } = compiler
  const arg = (index: number): Operator => compiler.compile(call.args[index]!, grid)
  switch (call.name) {
    case 'time':
    case 'pi':
    case 'max_of':
    case 'min_of':
      return compileScalarCall(call, grid, compiler)
    case 'vector':
      return new ScalarOperator(grid, context, {
        line: 'vector',
        inputs: [arg(0)],
        fill: ([input], out) => out.set(input!),
      })
    case 'scalar':
      return new ScalarOfVectorOperator(arg(0), context)
    case 'absent':
      return new AbsentOperator(arg(0), context, {
        name: call.name,
        labels: absentLabels(call.args[0]!),
      })
    case 'timestamp':
    case 'start_timestamp':
      return compileTimestamp(call, grid, compiler)
    case 'label_replace':
    case 'label_join':
      return new DistinctOperator(relabelOperator(call, arg(0), context), context, 'merge')
    case 'sort':
    case 'sort_desc':
    case 'sort_by_label':
    case 'sort_by_label_desc':
      return compileSort(call, grid, compiler)
    case 'histogram_quantile':
    case 'histogram_quantiles':
    case 'histogram_fraction':
      return compileHistogramQuestion(call, grid, compiler)
    case 'info': {
      const selector = call.args[1]
      return new InfoOperator(arg(0), context, {
        selector: selector?.kind === 'select' ? selector : undefined,
        times: infoTimes(call.args[0]!),
      })
    }
    default:
      return compileElement(call, grid, compiler)
  }
}

function compileWindow(
  call: CallPlan,
  range: MatrixPlan | SubqueryPlan,
  grid: StepGrid,
  compiler: Compiler,
): Operator {
  const { context } = compiler
  if (range.kind === 'matrix') checkSelection(call.name, range.selector.selection)
  const scalars = call.args.filter((arg) => arg !== range).map((arg) => compiler.compile(arg, grid))
  const { rows, bounds, members } = compileRange(range, grid, compiler)
  const whole = new WindowOperator(grid, context, {
    rows,
    bounds,
    call: {
      name: call.name,
      function: windowFunctions.get(call.name)!,
      rowFunction: rowFunctions.get(call.name),
      rateKind: rateKinds.get(call.name),
      scalars,
      positions: positionsOf(call),
      keepsName: keepsName.has(call.name),
      rangePosition: range.position,
    },
  })
  const window = masked(whole, members)
  if (call.name === 'absent_over_time') {
    return new AbsentOperator(window, context, { name: call.name, labels: absentLabels(range) })
  }
  return distinctUnlessDelayed(window, compiler, 'refuse')
}

function checkSelection(name: string, selection: 'plain' | 'anchored' | 'smoothed'): void {
  if (selection === 'plain') return
  const allowed = selection === 'anchored' ? anchoredFunctions : smoothedFunctions
  if (allowed.includes(name)) return
  failQuery(`${selection} modifier can only be used with: ${allowed.join(', ')} - not with ${name}`)
}

function compileScalarCall(call: CallPlan, grid: StepGrid, compiler: Compiler): Operator {
  const inputs = call.args.map((arg) => compiler.compile(arg, grid))
  const choose = call.name === 'max_of' ? largerOf : smallerOf
  return new ScalarOperator(grid, compiler.context, {
    line: call.name,
    inputs,
    fill: ([a, b], out) => {
      for (let step = 0; step < out.length; step++) {
        if (call.name === 'time') out[step] = stepTimeMs(grid, step) / 1000
        else if (call.name === 'pi') out[step] = Math.PI
        else out[step] = choose(a![step]!, b![step]!)
      }
    },
  })
}

function timeOperator(grid: StepGrid, compiler: Compiler): Operator {
  return new ScalarOperator(grid, compiler.context, {
    line: 'time',
    inputs: [],
    fill: (_inputs, out) => {
      for (let step = 0; step < out.length; step++) out[step] = stepTimeMs(grid, step) / 1000
    },
  })
}

const firstScalar: ElementFunction = (_value, _histogram, [time], out) => out.setFloat(time!)
const sameFloat: ElementFunction = (value, _histogram, _scalars, out) => out.setFloat(value)
const nothing: ElementFunction = () => undefined

// Of a bare selector the sample's own time, of anything else the step's; start timestamps only of bare selectors.
function compileTimestamp(call: CallPlan, grid: StepGrid, compiler: Compiler): Operator {
  const { context } = compiler
  const arg = call.args[0]!
  const ofSelector = arg.kind === 'select'
  const part = call.name === 'timestamp' ? 'timestamp' : 'start_timestamp'
  const input = ofSelector
    ? compileSelect({ ...arg, selection: 'plain' }, grid, compiler, part)
    : compiler.compile(arg, grid)
  const known = part === 'timestamp' || (ofSelector && context.options.useStartTimestamps)
  const scalars = ofSelector || !known ? [] : [timeOperator(grid, compiler)]
  const element = new ElementOperator(input, context, {
    name: call.name,
    function: known ? (ofSelector ? sameFloat : firstScalar) : nothing,
    scalars,
    positions: positionsOf(call),
  })
  return distinctUnlessDelayed(element, compiler, 'merge')
}

// Calendar functions without an argument look at the step's time.
function compileElement(call: CallPlan, grid: StepGrid, compiler: Compiler): Operator {
  const { context } = compiler
  const vectorIndex = call.args.findIndex((arg) => planType(arg) === 'vector')
  const input =
    vectorIndex < 0 ? timeOperator(grid, compiler) : compiler.compile(call.args[vectorIndex]!, grid)
  const scalars = call.args
    .filter((_, index) => index !== vectorIndex)
    .map((arg) => compiler.compile(arg, grid))
  const element = new ElementOperator(input, context, {
    name: call.name,
    function: elementFunctions.get(call.name)!,
    scalars,
    positions: positionsOf(call),
  })
  return distinctUnlessDelayed(element, compiler, 'merge')
}

function compileSort(call: CallPlan, grid: StepGrid, compiler: Compiler): Operator {
  const { context } = compiler
  if (grid.count > 1) {
    context.annotations.add(
      'warning',
      'sort is ineffective for range queries since results are always ordered by labels',
      call.position,
    )
  }
  const labels = call.args.slice(1).map((_, index) => stringArgument(call, index + 1))
  return new SortOperator(compiler.compile(call.args[0]!, grid), context, {
    name: call.name,
    order: {
      by: call.name.startsWith('sort_by_label') ? 'labels' : 'value',
      labels,
      descending: call.name.endsWith('_desc'),
    },
  })
}

function compileHistogramQuestion(call: CallPlan, grid: StepGrid, compiler: Compiler): Operator {
  const vectorArgument = call.args.findIndex((arg) => planType(arg) === 'vector')
  const scalarArgument = call.args.findIndex((arg) => planType(arg) === 'scalar')
  const scalarNodes: PlanNode[] = call.args.filter((arg) => planType(arg) === 'scalar')
  const question: HistogramQuestion = {
    kind:
      call.name === 'histogram_fraction'
        ? 'fraction'
        : call.name === 'histogram_quantile'
          ? 'quantile'
          : 'quantiles',
    scalars: scalarNodes.map((node) => compiler.compile(node, grid)),
    label: call.name === 'histogram_quantiles' ? stringArgument(call, 1) : '',
    vectorArgument,
    scalarArgument,
    positions: positionsOf(call),
  }
  const input = compiler.compile(call.args[vectorArgument]!, grid)
  return new HistogramQuantileOperator(input, compiler.context, question)
}
