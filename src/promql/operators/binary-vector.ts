// Binary operators between two vectors: elements meet where their match signatures are equal, step by step.
// The "one" side may have one element per signature and step; the "many" side decides the labels of the result.
// Source: Prometheus 3.14 semantics; error texts are Prometheus'.

import type { FloatHistogram } from '../../model/index.ts'
import { formatLabelSet } from '../../model/index.ts'
import { HashIndex } from '../../storage/index.ts'
import type { BinaryOp, VectorMatching } from '../parse/ast.ts'
import { ElementResult, isArithmetic } from './arithmetic.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, release } from './block.ts'
import { groupingSubset, LabelSubset, nameLabels } from './label-subset.ts'
import type { Operator } from './operator.ts'
import { cellAbsent, cellHistogram } from './operator.ts'
import { pairsWith, pairsWithout } from './pair-edit.ts'
import type { QueryContext } from './query-context.ts'
import { failQuery } from './query-context.ts'
import { ResultBlock } from './result-block.ts'
import type { SeriesTable } from './series-table.ts'
import { compareRows, labelsOfRow, pairWithName } from './series-table.ts'
import { matchingText, rowPairs, signaturesOf } from './set-operator.ts'

/** What a vector operation consists of. */
export interface VectorOperation {
  readonly op: BinaryOp
  readonly matching: VectorMatching
  readonly returnBool: boolean
  readonly position: number
}

/** `lhs op on|ignoring (…) group_left|group_right (…) rhs`. */
export class BinaryVectorOperator extends BlockOperator {
  readonly #lhs: Operator
  readonly #rhs: Operator
  readonly #operation: VectorOperation

  constructor(lhs: Operator, rhs: Operator, context: QueryContext, operation: VectorOperation) {
    super(lhs.grid, context)
    this.#lhs = lhs
    this.#rhs = rhs
    this.#operation = operation
  }

  protected async compute(): Promise<Block> {
    const lhs = await collect(this.#lhs, this.context)
    const rhs = await collect(this.#rhs, this.context)
    const join = new Join(lhs, rhs, this.#operation, this.context)
    for (let step = 0; step < this.grid.count; step++) {
      this.context.signal.check()
      join.runStep(step)
    }
    release(lhs, this.context)
    release(rhs, this.context)
    return join.result.finish()
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    const { op, matching, returnBool } = this.#operation
    const group =
      matching.cardinality === 'many-to-one'
        ? ` group_left (${matching.include.join(', ')})`
        : matching.cardinality === 'one-to-many'
          ? ` group_right (${matching.include.join(', ')})`
          : ''
    const line = `${op}${returnBool ? ' bool' : ''}${matchingText(matching)}${group}`
    return { line, inputs: [this.#lhs, this.#rhs] }
  }
}

// One of the sides of an element: a row, or the fill value that stands in for it.
const filled = -1

/**
 * The two sides turned so that `many` may have several elements per signature. Fill values are not turned with them:
 * as in Prometheus, the left one stands in for the many side whichever that is.
 */
class Join {
  readonly result: ResultBlock
  readonly #context: QueryContext
  readonly #operation: VectorOperation
  readonly #many: Block
  readonly #one: Block
  /** The sides are swapped: `many` is the right one. */
  readonly #swapped: boolean
  readonly #manySignatures: Uint32Array
  readonly #oneSignatures: Uint32Array
  /** By signature: the row of the one side at the current step, and the step it was seen at. */
  readonly #oneRow: Int32Array
  readonly #oneStep: Int32Array
  /** By signature: the step at which it last had a match. */
  readonly #matchedStep: Int32Array
  /** By row of the result: the step and signature that last produced it, kept or filtered. */
  readonly #madeStep: number[] = []
  readonly #madeSignature: number[] = []
  readonly #targets = new Map<number, number>()
  /** By row of the many side: the row it met last, −2 = none yet, and the row of the result they make. */
  readonly #lastOne: Int32Array
  readonly #lastTarget: Int32Array
  readonly #element = new ElementResult()
  readonly #labels: ResultLabels

  constructor(lhs: Block, rhs: Block, operation: VectorOperation, context: QueryContext) {
    this.#context = context
    this.#operation = operation
    this.#swapped = operation.matching.cardinality === 'one-to-many'
    this.#many = this.#swapped ? rhs : lhs
    this.#one = this.#swapped ? lhs : rhs
    const index = new HashIndex()
    this.#manySignatures = signaturesOf(this.#many.table, operation.matching, index)
    this.#oneSignatures = signaturesOf(this.#one.table, operation.matching, index)
    this.#oneRow = new Int32Array(index.count)
    this.#oneStep = new Int32Array(index.count).fill(-1)
    this.#matchedStep = new Int32Array(index.count).fill(-1)
    this.#lastOne = new Int32Array(this.#many.table.rowCount).fill(-2)
    this.#lastTarget = new Int32Array(this.#many.table.rowCount)
    this.result = new ResultBlock(context, lhs.cells.stepCount)
    this.#labels = new ResultLabels(operation, this.#many.table, this.#one.table, {
      dropsName:
        isArithmetic(operation.op) || (operation.returnBool && !context.options.delayedNameRemoval),
    })
  }

  runStep(step: number): void {
    const { matching } = this.#operation
    const { lhs: fillMany, rhs: fillOne } = matching.fill
    this.#indexOneSide(step)
    const { present, stepCount } = this.#many.cells
    const { rowCount } = this.#many.table
    let note: { level: 'warning' | 'info'; text: string } | undefined
    const run = (manyRow: number, oneRow: number, signature: number): void => {
      this.#meet(step, manyRow, oneRow, signature)
      const { note: text, level } = this.#element
      if (text !== '') note = { level, text }
    }
    for (let row = 0; row < rowCount; row++) {
      if (present[row * stepCount + step] === cellAbsent) continue
      const signature = this.#manySignatures[row]!
      if (this.#oneStep[signature] === step) run(row, this.#oneRow[signature]!, signature)
      else if (fillOne !== undefined) run(row, filled, signature)
    }
    if (fillMany !== undefined) this.#fillMany(step, run)
    // As in Prometheus, the last annotation of a step is the one that stays.
    if (note !== undefined) {
      this.#context.annotations.add(note.level, note.text, this.#operation.position)
    }
  }

  #fillMany(step: number, run: (many: number, one: number, signature: number) => void): void {
    const { present, stepCount } = this.#one.cells
    for (let row = 0; row < this.#one.table.rowCount; row++) {
      if (present[row * stepCount + step] === cellAbsent) continue
      const signature = this.#oneSignatures[row]!
      if (this.#matchedStep[signature] !== step) run(filled, row, signature)
    }
  }

  #indexOneSide(step: number): void {
    const { present, stepCount } = this.#one.cells
    // With nothing on the other side and nothing to fill with, duplicates do no harm.
    const { fill } = this.#operation.matching
    if (fill.lhs === undefined && fill.rhs === undefined && !hasElement(this.#many, step)) return
    for (let row = 0; row < this.#one.table.rowCount; row++) {
      if (present[row * stepCount + step] === cellAbsent) continue
      const signature = this.#oneSignatures[row]!
      if (this.#oneStep[signature] === step) this.#failDuplicate(row, this.#oneRow[signature]!)
      this.#oneStep[signature] = step
      this.#oneRow[signature] = row
    }
  }

  #failDuplicate(rowA: number, rowB: number): never {
    const { matching } = this.#operation
    const { table } = this.#one
    const subset = groupingSubset(table.dictionary, matching.labels, !matching.on)
    const matched = subset.pairsOf(table, rowA).map((pair) => ({
      name: table.dictionary.name(pair),
      value: table.dictionary.value(pair),
    }))
    const side = this.#swapped ? 'left' : 'right'
    // The one met later comes first; Prometheus meets series in the order of their labels.
    const [first, second] = [rowA, rowB]
      .sort((a, b) => compareRows(table, b, a))
      .map((row) => formatLabelSet(labelsOfRow(table, row)))
    failQuery(
      `found duplicate series for the match group ${formatLabelSet(matched)} on the ${side} ` +
        `hand-side of the operation: [${first}, ${second}];many-to-many matching not allowed: ` +
        'matching labels must be unique on one side',
    )
  }

  /** One pair of elements; a row of `filled` is the fill value of its side. */
  #meet(step: number, manyRow: number, oneRow: number, signature: number): void {
    const { op, returnBool, matching } = this.#operation
    const element = this.#element
    const { lhs: fillMany, rhs: fillOne } = matching.fill
    const manyValue = valueAt(this.#many, manyRow, step, fillMany)
    const oneValue = valueAt(this.#one, oneRow, step, fillOne)
    const manyHistogram = histogramAt(this.#many, manyRow, step)
    const oneHistogram = histogramAt(this.#one, oneRow, step)
    if (this.#swapped) element.apply(op, oneValue, oneHistogram, manyValue, manyHistogram)
    else element.apply(op, manyValue, manyHistogram, oneValue, oneHistogram)
    if (element.failed) return
    const target = this.#targetOf(manyRow, oneRow)
    this.#checkUnique(step, signature, target)
    if (!element.keep && !returnBool) return
    if (returnBool) this.result.set(target, step, element.keep ? 1 : 0, undefined)
    else this.result.set(target, step, element.value, element.histogram)
  }

  #checkUnique(step: number, signature: number, target: number): void {
    if (this.#operation.matching.cardinality === 'one-to-one') {
      if (this.#matchedStep[signature] === step) {
        failQuery(
          'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
        )
      }
    } else if (this.#madeStep[target] === step && this.#madeSignature[target] === signature) {
      failQuery('multiple matches for labels: grouping labels must ensure unique matches')
    }
    this.#matchedStep[signature] = step
    this.#madeStep[target] = step
    this.#madeSignature[target] = signature
  }

  // A row nearly always meets the same partner as at the step before.
  #targetOf(manyRow: number, oneRow: number): number {
    if (manyRow !== filled && this.#lastOne[manyRow] === oneRow) return this.#lastTarget[manyRow]!
    const target = this.#newTargetOf(manyRow, oneRow)
    if (manyRow !== filled) {
      this.#lastOne[manyRow] = oneRow
      this.#lastTarget[manyRow] = target
    }
    return target
  }

  #newTargetOf(manyRow: number, oneRow: number): number {
    const key = (manyRow + 1) * (this.#one.table.rowCount + 1) + oneRow + 1
    const known = this.#targets.get(key)
    if (known !== undefined) return known
    const pairs = this.#labels.pairsOf(manyRow, oneRow)
    const target = this.result.rowOf(pairs, this.#operation.returnBool ? 1 : 0)
    this.#targets.set(key, target)
    return target
  }
}

/** The labels of results. */
class ResultLabels {
  readonly #many: SeriesTable
  readonly #one: SeriesTable
  readonly #matching: VectorMatching
  readonly #dropsName: boolean
  readonly #named: LabelSubset
  /** What a fill value's labels are: those of the other side that are matched on. */
  readonly #matched: LabelSubset
  /** What one-to-one matching leaves of the labels. */
  readonly #kept: LabelSubset

  constructor(
    operation: VectorOperation,
    many: SeriesTable,
    one: SeriesTable,
    options: { readonly dropsName: boolean },
  ) {
    const { matching } = operation
    const { dictionary } = many
    this.#many = many
    this.#one = one
    this.#matching = matching
    this.#dropsName = options.dropsName
    this.#named = new LabelSubset(dictionary, nameLabels, 'others')
    this.#matched = groupingSubset(dictionary, matching.labels, !matching.on)
    this.#kept = new LabelSubset(dictionary, matching.labels, matching.on ? 'listed' : 'others')
  }

  pairsOf(manyRow: number, oneRow: number): number[] {
    const { dictionary } = this.#many
    let pairs =
      manyRow === filled ? this.#matched.pairsOf(this.#one, oneRow) : rowPairs(this.#many, manyRow)
    if (this.#dropsName) pairs = pairs.filter((pair) => this.#named.keeps(pair))
    if (this.#matching.cardinality === 'one-to-one') {
      pairs = pairs.filter((pair) => this.#kept.keeps(pair))
    }
    for (const name of this.#matching.include) {
      const pair = this.#includedPair(name, manyRow, oneRow)
      pairs = pair < 0 ? pairsWithout(dictionary, pairs, name) : pairsWith(dictionary, pairs, pair)
    }
    return pairs
  }

  // A filled one side has the labels that are matched on, taken from the many side.
  #includedPair(name: string, manyRow: number, oneRow: number): number {
    const nameId = this.#many.dictionary.nameIdOf(name)
    if (oneRow !== filled) return pairWithName(this.#one, oneRow, nameId)
    const pair = pairWithName(this.#many, manyRow, nameId)
    return pair >= 0 && this.#matched.keeps(pair) ? pair : -1
  }
}

function hasElement(block: Block, step: number): boolean {
  const { present, stepCount } = block.cells
  for (let row = 0; row < block.table.rowCount; row++) {
    if (present[row * stepCount + step] !== cellAbsent) return true
  }
  return false
}

function valueAt(block: Block, row: number, step: number, fill: number | undefined): number {
  return row === filled ? fill! : block.cells.values[row * block.cells.stepCount + step]!
}

function histogramAt(block: Block, row: number, step: number): FloatHistogram | undefined {
  if (row === filled) return undefined
  const cell = row * block.cells.stepCount + step
  return block.cells.present[cell] === cellHistogram ? block.cells.histograms![cell] : undefined
}
