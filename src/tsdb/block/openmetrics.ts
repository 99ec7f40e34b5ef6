// OpenMetrics text: the samples in a file, line by line, for back-filling blocks.
// Counters, gauges, histograms and summaries alike are plain samples with their suffixes; exemplars are passed over.
// Units: the text has seconds, samples have Unix milliseconds. Source: OpenMetrics 1.0, ABNF; quoted names as in 1.1.

import { type Label, metricNameLabel, sortLabels, UserError } from '../../model/index.ts'

/** One sample line. */
export interface TextSample {
  /** Sorted, without empty values. */
  readonly labels: readonly Label[]
  readonly timestampMs: number
  readonly value: number
}

const metricTypes = new Set([
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'stateset',
  'info',
  'summary',
  'unknown',
])

/**
 * Parses one file fed line by line: `line` gives the sample of a sample line, undefined for a comment; `end` makes
 * sure that the file was complete. Both throw UserError bad_data naming the line.
 */
export class OpenMetricsParser {
  #lineNumber = 0
  #ended = false

  /** Parses the next line, without its newline. */
  line(text: string): TextSample | undefined {
    this.#lineNumber++
    if (this.#ended) throw this.#fault('there is text after "# EOF"', 'remove it')
    if (text === '# EOF') {
      this.#ended = true
      return undefined
    }
    if (text.startsWith('#')) {
      this.#comment(text)
      return undefined
    }
    return this.#sample(text)
  }

  /** To be called after the last line. */
  end(): void {
    if (this.#ended) return
    throw this.#fault('the text does not end with "# EOF"', 'add that line: it proves completeness')
  }

  #comment(text: string): void {
    const match =
      /^# (TYPE|HELP|UNIT) ("(?:[^"\\\n]|\\["\\n])+"|[a-zA-Z_:][a-zA-Z0-9_:]*) ?(.*)$/.exec(text)
    if (match === null) {
      throw this.#fault('the comment is none of TYPE, HELP, UNIT and EOF', 'remove the line')
    }
    if (match[1] === 'TYPE' && !metricTypes.has(match[3]!)) {
      throw this.#fault(`"${match[3]}" is not a metric type`, `use ${[...metricTypes].join(', ')}`)
    }
  }

  #sample(text: string): TextSample {
    const cursor = new LineCursor(text)
    const labels: Label[] = []
    const name = cursor.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y)
    if (name !== undefined) labels.push({ name: metricNameLabel, value: name })
    if (cursor.match(/\{/y) !== undefined) this.#labels(cursor, labels)
    const named = labels.some((label) => label.name === metricNameLabel)
    if (!named) throw this.#fault('the line has no metric name', 'begin it with one')
    const rest = /^ (\S+)(?: (\S+))?(?: # \{.*\} \S+(?: \S+)?)?$/.exec(cursor.rest())
    const value = rest === null ? undefined : parseFloatText(rest[1]!)
    if (rest === null || value === undefined) {
      throw this.#fault('a value must follow the labels after one space', 'write name{a="b"} 1 0')
    }
    if (rest[2] === undefined) {
      throw this.#fault(
        'the sample has no timestamp',
        'add the time in Unix seconds after the value',
      )
    }
    const seconds = parseFloatText(rest[2])
    if (seconds === undefined || !Number.isFinite(seconds)) {
      throw this.#fault(`"${rest[2]}" is not a time`, 'write Unix seconds')
    }
    return { labels: this.#checked(labels), timestampMs: Math.trunc(seconds * 1000), value }
  }

  #labels(cursor: LineCursor, labels: Label[]): void {
    for (;;) {
      if (cursor.match(/\}/y) !== undefined) return
      const bare = cursor.match(/[a-zA-Z_][a-zA-Z0-9_]*/y)
      const name = bare ?? cursor.quoted()
      if (name === undefined) throw this.#fault('a label name was expected', 'write {name="value"}')
      if (cursor.match(/=/y) !== undefined) {
        const value = cursor.quoted()
        if (value === undefined) throw this.#fault(`label ${name} has no value`, 'quote the value')
        labels.push({ name, value })
      } else if (bare === undefined && !labels.some((label) => label.name === metricNameLabel)) {
        labels.push({ name: metricNameLabel, value: name })
      } else {
        throw this.#fault(`label ${name} has no value`, 'write {name="value"}')
      }
      if (cursor.match(/,/y) === undefined && !cursor.at('}')) {
        throw this.#fault('labels are not separated', 'put a comma between them')
      }
    }
  }

  #checked(labels: readonly Label[]): readonly Label[] {
    const names = new Set(labels.map((label) => label.name))
    if (names.size < labels.length) {
      throw this.#fault('a label name stands there twice', 'keep one of them')
    }
    return sortLabels(labels)
  }

  #fault(what: string, fix: string): UserError {
    return new UserError('bad_data', { what, where: `line ${this.#lineNumber}`, fix })
  }
}

/** A place within a line. */
class LineCursor {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Passes what the sticky pattern matches here; undefined where it does not. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  /** Passes a quoted string and gives what it stands for. */
  quoted(): string | undefined {
    const found = this.match(/"(?:[^"\\\n]|\\["\\n])*"/y)
    if (found === undefined) return undefined
    return found.slice(1, -1).replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
  }

  at(char: string): boolean {
    return this.#text[this.#at] === char
  }

  rest(): string {
    return this.#text.slice(this.#at)
  }
}

const numberForm = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/

function parseFloatText(text: string): number | undefined {
  if (numberForm.test(text)) return Number(text)
  const lower = text.toLowerCase()
  if (lower === 'nan') return Number.NaN
  if (/^\+?inf(inity)?$/.test(lower)) return Infinity
  if (/^-inf(inity)?$/.test(lower)) return -Infinity
  return undefined
}
