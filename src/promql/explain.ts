// EXPLAIN and ANALYZE: the tree of operators as data, with what each did where it was measured.

import type { Measurement } from './operators/measured.ts'
import { MeasuredOperator } from './operators/measured.ts'
import type { Operator } from './operators/operator.ts'
import type { RunRoot } from './query-run.ts'

/** An operator, what it did, and what it pulls from. */
export interface ExplainNode {
  readonly line: string
  /** Undefined where nothing was measured. */
  readonly measurement: Measurement | undefined
  readonly inputs: readonly ExplainNode[]
}

/** The tree below a root. */
export function explainTree(root: RunRoot): ExplainNode {
  const { line, inputs } = isOperator(root) ? root.explain() : root
  return {
    line,
    measurement: root instanceof MeasuredOperator ? root.measurement() : undefined,
    inputs: inputs.map(explainTree),
  }
}

/** The tree as indented text, one operator a line. */
export function formatExplain(node: ExplainNode, indent = ''): string {
  const { measurement } = node
  const figures =
    measurement === undefined
      ? ''
      : `  (${measurement.timeMs.toFixed(2)} ms, ${measurement.rowCount} series, ${measurement.sampleCount} samples, ${measurement.sizeBytes} bytes)`
  const below = node.inputs.map((input) => formatExplain(input, `${indent}  `))
  return [`${indent}${node.line}${figures}`, ...below].join('\n')
}

function isOperator(root: RunRoot): root is Operator {
  return 'explain' in root
}
