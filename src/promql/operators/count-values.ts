// count_values("label", v): one row per group and distinct value, counting the series that have it.

import type { FloatHistogram } from '../../model/index.ts'
import { formatFloatPlain } from '../../model/index.ts'
import { formatHistogram } from '../histogram/format.ts'
import type { Grouping } from './aggregate.ts'
import { groupingText } from './aggregate.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, release } from './block.ts'
import { groupingSubset, LabelSubset } from './label-subset.ts'
import type { Operator } from './operator.ts'
import { cellAbsent, cellHistogram } from './operator.ts'
import { pairsWith } from './pair-edit.ts'
import type { QueryContext } from './query-context.ts'
import { ResultBlock } from './result-block.ts'

/** count_values by (…) ("label", v). */
export class CountValuesOperator extends BlockOperator {
  readonly #input: Operator
  readonly #label: string
  readonly #grouping: Grouping

  constructor(
    input: Operator,
    context: QueryContext,
    parts: { readonly label: string; readonly grouping: Grouping },
  ) {
    super(input.grid, context)
    this.#input = input
    this.#label = parts.label
    this.#grouping = parts.grouping
  }

  protected async compute(): Promise<Block> {
    const block = await collect(this.#input, this.context)
    const { table, cells } = block
    const { dictionary } = this.context
    const { labels, without } = this.#grouping
    const groupLabels = without ? labels : [...labels, this.#label]
    const subset = groupingSubset(dictionary, groupLabels, without)
    const others = new LabelSubset(dictionary, [this.#label], 'others')
    const result = new ResultBlock(this.context, cells.stepCount)
    for (let row = 0; row < table.rowCount; row++) {
      this.context.signal.check()
      const rest = subset.pairsOf(table, row).filter((pair) => others.keeps(pair))
      const targets = new Map<string, number>()
      for (let step = 0; step < cells.stepCount; step++) {
        const cell = row * cells.stepCount + step
        if (cells.present[cell] === cellAbsent) continue
        const histogram =
          cells.present[cell] === cellHistogram ? cells.histograms![cell] : undefined
        const text = valueText(cells.values[cell]!, histogram)
        let target = targets.get(text)
        if (target === undefined) {
          const pair = dictionary.pairOf(this.#label, text)
          target = result.rowOf(subset.keeps(pair) ? pairsWith(dictionary, rest, pair) : rest, 0)
          targets.set(text, target)
        }
        result.count(target, step)
      }
    }
    release(block, this.context)
    return result.finish()
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    const line = `count_values${groupingText(this.#grouping)} ${this.#label}`
    return { line, inputs: [this.#input] }
  }
}

function valueText(value: number, histogram: FloatHistogram | undefined): string {
  return histogram === undefined ? formatFloatPlain(value) : formatHistogram(histogram)
}
