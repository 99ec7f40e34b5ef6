// info(v, {matchers}): adds the labels of info metrics (target_info and its kin) to the series of v, joined by
// instance and job, the newest info series of each metric at each step.
// Source: Prometheus 3.14 semantics of the experimental info().

import { SampleBuffer } from '../../chunk/index.ts'
import type { Matcher } from '../../model/index.ts'
import { formatLabelSet, isStaleAt, metricNameLabel, quoteRegex } from '../../model/index.ts'
import type { CompiledMatcher } from '../../storage/index.ts'
import { HashIndex } from '../../storage/index.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, release } from './block.ts'
import { LabelSubset } from './label-subset.ts'
import { type MemberConditions, Members } from './members.ts'
import type { Operator } from './operator.ts'
import { cellAbsent, cellHistogram } from './operator.ts'
import { pairsWith } from './pair-edit.ts'
import type { QueryContext } from './query-context.ts'
import { failQuery } from './query-context.ts'
import { ResultBlock } from './result-block.ts'
import { Selection } from './selection.ts'
import type { SeriesTable } from './series-table.ts'
import { labelsOfRow, pairWithName, rowLabel } from './series-table.ts'
import { rowPairs } from './set-operator.ts'
import type { SelectionTimes } from './vector-selector.ts'
import { referenceMs, stepTimeMs } from './vector-selector.ts'

const identifyingLabels: readonly string[] = ['instance', 'job']

interface InfoSelector extends Pick<MemberConditions, 'membership' | 'position'> {
  readonly matchers: readonly Matcher[]
}

/** What the call says. */
export interface InfoCall {
  /** The second argument; undefined where there is none. */
  readonly selector: InfoSelector | undefined
  /** When the first argument looks at its series. */
  readonly times: SelectionTimes
}

/** info(v, {…}). */
export class InfoOperator extends BlockOperator {
  readonly #input: Operator
  readonly #call: InfoCall

  constructor(input: Operator, context: QueryContext, call: InfoCall) {
    super(input.grid, context)
    this.#input = input
    this.#call = call
  }

  protected async compute(): Promise<Block> {
    const block = await collect(this.#input, this.context)
    const { context } = this
    const matchers = this.#call.selector?.matchers ?? []
    const members = this.#members()
    const nameMatchers = effectiveNameMatchers(matchers).map(context.compileMatcher)
    const passing = infoRows(block.table, nameMatchers)
    const dataMatchers = matchers.filter((matcher) => matcher.name !== metricNameLabel)
    const request = selectionMatchers(block.table, passing, dataMatchers, nameMatchers)
    const infos =
      request === undefined || this.grid.count === 0
        ? undefined
        : await this.#select(request, members)
    const join = new InfoJoin(block, infos, passing, {
      context,
      dataLabels: new Set(dataMatchers.map((matcher) => matcher.name)),
      keepsUnmatched:
        (members === undefined || members.passesOthers) &&
        dataMatchers.every((matcher) => context.compileMatcher(matcher).matchesEmpty),
    })
    for (let step = 0; step < this.grid.count; step++) {
      context.signal.check()
      join.runStep(step)
    }
    release(block, context)
    return join.result.finish()
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: 'info', inputs: [this.#input] }
  }

  #members(): Members | undefined {
    const { selector, times } = this.#call
    if (selector === undefined || this.grid.count === 0) return undefined
    return Members.of({ ...selector, times }, this.grid, this.context)
  }

  async #select(own: readonly Matcher[], members: Members | undefined): Promise<InfoSamples> {
    const { grid, context } = this
    const { lookbackMs } = context.options
    const minTimeMs = referenceMs(this.#call.times, grid.startMs) - lookbackMs + 1
    const maxTimeMs = referenceMs(this.#call.times, stepTimeMs(grid, grid.count - 1))
    const hints = { func: 'info', stepMs: grid.stepMs }
    const matchers = [...own, ...(members?.sourceMatchers ?? [])]
    const isNone = members !== undefined && members.sourceMatchers === undefined
    const selection = isNone
      ? Selection.none(context)
      : await Selection.open({ matchers, minTimeMs, maxTimeMs, hints }, context)
    const { rowCount } = selection.table
    const memberRows = members?.rows(selection.table)
    const times = new Float64Array(rowCount * grid.count).fill(Number.NaN)
    const samples = new SampleBuffer()
    for (let row = 0; row < rowCount; row++) {
      selection.load(row, { minTimeMs, maxTimeMs, dropStale: false }, samples)
      context.samples.read += samples.count
      let newest = -1
      for (let step = 0; step < grid.count; step++) {
        const atMs = referenceMs(this.#call.times, stepTimeMs(grid, step))
        while (newest + 1 < samples.count && samples.timestampsMs[newest + 1]! <= atMs) newest++
        if (newest < 0 || samples.timestampsMs[newest]! <= atMs - lookbackMs) continue
        if (memberRows !== undefined && !memberRows.at(row, step)) continue
        const histogram = samples.histograms?.[newest]
        if (histogram === undefined ? isStaleAt(samples.words, newest) : histogram.stale) continue
        if (histogram !== undefined) {
          const series = formatLabelSet(labelsOfRow(selection.table, row))
          failQuery(`this should be an info metric, with float samples: ${series}`)
        }
        times[row * grid.count + step] = samples.timestampsMs[newest]!
      }
    }
    return { table: selection.table, times }
  }
}

/** Info series and, by row and step, the time of the sample they have there, NaN = none. */
interface InfoSamples {
  readonly table: SeriesTable
  readonly times: Float64Array
}

interface InfoRules {
  readonly context: QueryContext
  /** The labels that matchers mention, without the name; empty = all. */
  readonly dataLabels: ReadonlySet<string>
  /** Base series without an info series stay. */
  readonly keepsUnmatched: boolean
}

class InfoJoin {
  readonly result: ResultBlock
  readonly #block: Block
  readonly #infos: InfoSamples | undefined
  readonly #passing: Uint8Array
  readonly #rules: InfoRules
  /** By base row: the info rows that share its identifying labels, by metric name. */
  readonly #candidates: readonly (readonly (readonly number[])[])[]
  readonly #targets = new Map<string, number>()

  constructor(block: Block, infos: InfoSamples | undefined, passing: Uint8Array, rules: InfoRules) {
    this.#block = block
    this.#infos = infos
    this.#passing = passing
    this.#rules = rules
    this.result = new ResultBlock(rules.context, block.cells.stepCount)
    this.#candidates = candidatesOf(block.table, infos?.table)
  }

  runStep(step: number): void {
    const { cells, table } = this.#block
    let empty = true
    for (let row = 0; row < table.rowCount && empty; row++) {
      empty = cells.present[row * cells.stepCount + step] === cellAbsent
    }
    if (empty) return
    const newest = this.#newestOf(step)
    for (let row = 0; row < table.rowCount; row++) {
      const cell = row * cells.stepCount + step
      if (cells.present[cell] === cellAbsent) continue
      const target = this.#targetOf(row, newest)
      if (target < 0) continue
      const histogram = cells.present[cell] === cellHistogram ? cells.histograms![cell] : undefined
      this.result.set(target, step, cells.values[cell]!, histogram)
    }
  }

  /** The newest info row of each group of candidates at a step; fails where two are equally new. */
  #newestOf(step: number): Map<readonly number[], number> {
    const newest = new Map<readonly number[], number>()
    for (const groups of this.#candidates) {
      for (const rows of groups) {
        if (newest.has(rows)) continue
        const row = this.#newestRow(rows, step)
        if (row >= 0) newest.set(rows, row)
      }
    }
    return newest
  }

  #newestRow(rows: readonly number[], step: number): number {
    const { table, times } = this.#infos!
    const { stepCount } = this.#block.cells
    let best = -1
    let bestMs = Number.NEGATIVE_INFINITY
    for (const row of rows) {
      const timeMs = times[row * stepCount + step]!
      if (Number.isNaN(timeMs)) continue
      if (timeMs === bestMs) {
        const [existing, other] = [best, row].map((r) => formatLabelSet(labelsOfRow(table, r)))
        failQuery(
          `found duplicate series for info metric: existing ${existing} @ ${bestMs}, new ${other} @ ${timeMs}`,
        )
      }
      if (timeMs > bestMs) {
        best = row
        bestMs = timeMs
      }
    }
    return best
  }

  #targetOf(row: number, newest: ReadonlyMap<readonly number[], number>): number {
    const { table } = this.#block
    const infoRows: number[] = []
    if (this.#passing[row] === 0) {
      for (const rows of this.#candidates[row]!) {
        const infoRow = newest.get(rows)
        if (infoRow !== undefined) infoRows.push(infoRow)
      }
      if (infoRows.length === 0 && !this.#rules.keepsUnmatched) return -1
    }
    const key = `${row} ${infoRows.join(' ')}`
    const known = this.#targets.get(key)
    if (known !== undefined) return known
    const target = this.result.rowOf(this.#enriched(row, infoRows), table.dropName[row]!)
    this.#targets.set(key, target)
    return target
  }

  #enriched(row: number, infoRows: readonly number[]): number[] {
    const { table } = this.#block
    const { dictionary } = table
    const { dataLabels } = this.#rules
    const nameId = dictionary.nameIdOf(metricNameLabel)
    const added = new Map<number, number>()
    for (const infoRow of infoRows) {
      for (const pair of rowPairs(this.#infos!.table, infoRow)) {
        const labelId = dictionary.nameIds[pair]!
        if (labelId === nameId) continue
        if (dataLabels.size > 0 && !dataLabels.has(dictionary.name(pair))) continue
        const other = added.get(labelId)
        if (other !== undefined && other !== pair) {
          failQuery(`conflicting label: ${dictionary.name(pair)}`)
        }
        if (pairWithName(table, row, labelId) < 0) added.set(labelId, pair)
      }
    }
    let pairs = rowPairs(table, row)
    for (const pair of added.values()) pairs = pairsWith(dictionary, pairs, pair)
    return pairs
  }
}

// The names that are looked for: as written, or all but the excluded ones of `…_info`, or target_info.
function effectiveNameMatchers(matchers: readonly Matcher[]): Matcher[] {
  const ofName = matchers.filter((matcher) => matcher.name === metricNameLabel)
  if (ofName.some((matcher) => matcher.type === '=' || matcher.type === '=~')) return ofName
  if (ofName.length > 0) return [{ type: '=~', name: metricNameLabel, value: '.+_info' }, ...ofName]
  return [{ type: '=', name: metricNameLabel, value: 'target_info' }]
}

// Rows that are info series themselves: they pass through as they are.
function infoRows(table: SeriesTable, nameMatchers: readonly CompiledMatcher[]): Uint8Array {
  const passing = new Uint8Array(table.rowCount)
  for (let row = 0; row < table.rowCount; row++) {
    const name = rowLabel(table, row, metricNameLabel)
    if (nameMatchers.every((matcher) => matcher.matches(name))) passing[row] = 1
  }
  return passing
}

// What to select: info series whose identifying labels occur among the rows; undefined where none has any.
function selectionMatchers(
  table: SeriesTable,
  passing: Uint8Array,
  dataMatchers: readonly Matcher[],
  nameMatchers: readonly CompiledMatcher[],
): Matcher[] | undefined {
  const identifying: Matcher[] = []
  for (const name of identifyingLabels) {
    const values = new Set<string>()
    for (let row = 0; row < table.rowCount; row++) {
      if (passing[row] === 1) continue
      const value = rowLabel(table, row, name)
      if (value !== '') values.add(value)
    }
    if (values.size === 0) continue
    identifying.push({ type: '=~', name, value: [...values].map(quoteRegex).join('|') })
  }
  if (identifying.length === 0) return undefined
  return [...identifying, ...dataMatchers, ...nameMatchers.map(({ matcher }) => matcher)]
}

function candidatesOf(
  base: SeriesTable,
  infos: SeriesTable | undefined,
): readonly (readonly (readonly number[])[])[] {
  if (infos === undefined) return Array.from({ length: base.rowCount }, () => [])
  const subset = new LabelSubset(base.dictionary, identifyingLabels, 'listed')
  const index = new HashIndex()
  const hash = new Uint32Array(4)
  const byIdentity: Map<string, number[]>[] = []
  for (let row = 0; row < infos.rowCount; row++) {
    subset.hashRow(infos, row, hash)
    const identity = index.add(hash)
    byIdentity[identity] ??= new Map()
    const name = rowLabel(infos, row, metricNameLabel)
    const rows = byIdentity[identity].get(name)
    if (rows === undefined) byIdentity[identity].set(name, [row])
    else rows.push(row)
  }
  const groups = byIdentity.map((byName) => [...byName.values()])
  return Array.from({ length: base.rowCount }, (_, row) => {
    subset.hashRow(base, row, hash)
    const identity = index.find(hash)
    return identity < 0 ? [] : groups[identity]!
  })
}
