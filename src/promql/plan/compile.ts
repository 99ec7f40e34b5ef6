// Logical plan to operators. Every node becomes an operator for the step grid it is asked at.

import { quoteGo } from '../../model/index.ts'
import { scaleHistogram } from '../histogram/arithmetic.ts'
import {
  avgAccumulator,
  countAccumulator,
  extremeAccumulator,
  sumAccumulator,
  varianceAccumulator,
} from '../operators/accumulators.ts'
import type { AccumulatorFactory } from '../operators/aggregate.ts'
import { AggregateOperator } from '../operators/aggregate.ts'
import { QuantileOperator } from '../operators/aggregate-quantile.ts'
import {
  floatArithmetic,
  floatComparison,
  isArithmetic,
  isComparison,
} from '../operators/arithmetic.ts'
import { BinaryScalarOperator } from '../operators/binary-scalar.ts'
import { BinaryVectorOperator } from '../operators/binary-vector.ts'
import { CountValuesOperator } from '../operators/count-values.ts'
import { ElementOperator } from '../operators/element.ts'
import { EmptyOperator } from '../operators/empty.ts'
import { MeasuredOperator } from '../operators/measured.ts'
import type { ElementFunction, Operator, StepGrid } from '../operators/operator.ts'
import type { QueryContext } from '../operators/query-context.ts'
import { failQuery } from '../operators/query-context.ts'
import { RankOperator } from '../operators/rank.ts'
import { ScalarOperator } from '../operators/scalar.ts'
import { SetOperator } from '../operators/set-operator.ts'
import { StepInvariantOperator } from '../operators/step-invariant.ts'
import type { ArithmeticOp, ComparisonOp, SetOp } from '../parse/ast.ts'
import { compileCall } from './compile-call.ts'
import { compileSelect } from './compile-selector.ts'
import type { Compiler } from './compiler.ts'
import { distinctUnlessDelayed } from './compiler.ts'
import type { AggregatePlan, BinaryPlan, NegatePlan, PlanNode } from './node.ts'
import { planType } from './node.ts'
import type { Selections } from './selections.ts'

/** A compiler over one context; with `measured` every operator keeps its time, rows and samples. */
export function createCompiler(
  context: QueryContext,
  selections: Selections,
  measured: boolean,
): Compiler {
  const compiler: Compiler = {
    context,
    selections,
    compile(node, grid) {
      if (grid.count === 0 && planType(node) === 'vector') return new EmptyOperator(grid, context)
      const operator = compileNode(node, grid, compiler)
      return measured ? new MeasuredOperator(operator) : operator
    },
  }
  return compiler
}

function compileNode(node: PlanNode, grid: StepGrid, compiler: Compiler): Operator {
  switch (node.kind) {
    case 'number':
      return new ScalarOperator(grid, compiler.context, {
        line: String(node.value),
        inputs: [],
        fill: (_inputs, out) => out.fill(node.value),
      })
    case 'select':
      return compileSelect(node, grid, compiler)
    case 'call':
      return compileCall(node, grid, compiler)
    case 'aggregate':
      return compileAggregate(node, grid, compiler)
    case 'binary':
      return compileBinary(node, grid, compiler)
    case 'negate':
      return compileNegate(node, grid, compiler)
    case 'stepInvariant': {
      const once = { startMs: grid.startMs, stepMs: 0, count: 1 }
      compiler.context.samples.nestOnce(once, grid)
      return new StepInvariantOperator(grid, compiler.compile(node.inner, once))
    }
    case 'string':
    case 'matrix':
    case 'subquery':
      // The checker allows these as arguments only, and at the top of an instant query, where no operator is needed.
      return failQuery(`unexpected ${node.kind} in an expression`)
  }
}

const accumulators: Readonly<Record<string, AccumulatorFactory>> = {
  sum: sumAccumulator,
  avg: avgAccumulator,
  count: countAccumulator('count'),
  group: countAccumulator('group'),
  min: extremeAccumulator('min'),
  max: extremeAccumulator('max'),
  stddev: varianceAccumulator('stddev'),
  stdvar: varianceAccumulator('stdvar'),
}

function compileAggregate(node: AggregatePlan, grid: StepGrid, compiler: Compiler): Operator {
  const { context } = compiler
  const { op, grouping, position } = node
  if (op === 'count_values') return compileCountValues(node, grid, compiler)
  const input = compiler.compile(node.inner, grid)
  switch (op) {
    case 'topk':
    case 'bottomk':
    case 'limitk':
    case 'limit_ratio': {
      const param = node.param!
      return new RankOperator(input, compiler.compile(param, grid), context, {
        op,
        grouping,
        positions: { aggregation: position, parameter: param.position },
      })
    }
    case 'quantile': {
      const param = node.param!
      return new QuantileOperator(input, compiler.compile(param, grid), context, {
        grouping,
        position: node.inner.position,
        phiPosition: param.position,
      })
    }
    default:
      return new AggregateOperator(input, context, {
        op,
        grouping,
        create: accumulators[op]!,
        position: node.inner.position,
      })
  }
}

function compileCountValues(node: AggregatePlan, grid: StepGrid, compiler: Compiler): Operator {
  const label = node.param?.kind === 'string' ? node.param.value : ''
  if (label === '' || !label.isWellFormed()) failQuery(`invalid label name ${quoteGo(label)}`)
  const input = compiler.compile(node.inner, grid)
  return new CountValuesOperator(input, compiler.context, { label, grouping: node.grouping })
}

function compileBinary(node: BinaryPlan, grid: StepGrid, compiler: Compiler): Operator {
  const { context } = compiler
  const { op, returnBool, matching, position } = node
  const lhs = compiler.compile(node.lhs, grid)
  const rhs = compiler.compile(node.rhs, grid)
  const leftScalar = planType(node.lhs) === 'scalar'
  const rightScalar = planType(node.rhs) === 'scalar'
  if (leftScalar && rightScalar) return scalarBinary(node, grid, [lhs, rhs], context)
  if (leftScalar || rightScalar) {
    const operator = new BinaryScalarOperator(context, {
      vector: leftScalar ? rhs : lhs,
      scalar: leftScalar ? lhs : rhs,
      op,
      swapped: leftScalar,
      returnBool,
      position,
    })
    return distinctUnlessDelayed(operator, compiler, 'merge')
  }
  if (op === 'and' || op === 'or' || op === 'unless') {
    return new SetOperator(lhs, rhs, context, { op: op as SetOp, matching: matching! })
  }
  return new BinaryVectorOperator(lhs, rhs, context, {
    op,
    matching: matching!,
    returnBool,
    position,
  })
}

function scalarBinary(
  node: BinaryPlan,
  grid: StepGrid,
  inputs: readonly Operator[],
  context: QueryContext,
): Operator {
  const { op } = node
  const compute = isArithmetic(op)
    ? floatArithmetic[op as ArithmeticOp]
    : (a: number, b: number) =>
        isComparison(op) && floatComparison[op as ComparisonOp](a, b) ? 1 : 0
  return new ScalarOperator(grid, context, {
    line: op,
    inputs,
    fill: ([a, b], out) => {
      for (let step = 0; step < out.length; step++) out[step] = compute(a![step]!, b![step]!)
    },
  })
}

const negated: ElementFunction = (value, histogram, _scalars, out) => {
  if (histogram === undefined) out.setFloat(-value)
  else out.setHistogram(scaleHistogram(histogram, -1))
}

function compileNegate(node: NegatePlan, grid: StepGrid, compiler: Compiler): Operator {
  const { context } = compiler
  const inner = compiler.compile(node.inner, grid)
  if (planType(node.inner) === 'scalar') {
    return new ScalarOperator(grid, context, {
      line: '-',
      inputs: [inner],
      fill: ([input], out) => {
        for (let step = 0; step < out.length; step++) out[step] = -input![step]!
      },
    })
  }
  const positions = { call: node.position, arguments: [node.position] }
  const call = { name: '-', function: negated, scalars: [], positions }
  return distinctUnlessDelayed(new ElementOperator(inner, context, call), compiler, 'merge')
}
