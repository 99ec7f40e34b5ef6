// The metric of a series line in tests and unit tests, `name{label="value"} values…`: its labels, and the rest.
// Source: Prometheus 3.14 promql/parser/generated_parser.y, metric and label_set.

import { type Label, type Labels, metricNameLabel, sortLabels } from '../../model/index.ts'
import { createMatcherCompiler } from '../regex/matcher-compiler.ts'
import { isMetricName, parseLabelSet } from './parse-selector.ts'
import { TokenStream } from './token-stream.ts'

/** Labels of a series line and the text after them, white space included. */
export interface SeriesDescription {
  readonly labels: Labels
  readonly rest: string
}

/** Splits a series line after its metric; a quoted name may stand in the braces. Throws UserError bad_data. */
export function parseSeriesDescription(text: string): SeriesDescription {
  const labels: Label[] = []
  const stream = new TokenStream(text, createMatcherCompiler())
  const first = stream.peek()
  const name = isMetricName(first) ? stream.take().text : undefined
  if (name === undefined && first.kind !== '{') throw stream.unexpected()
  // Braces belong to the metric only where they follow at once; `{{` opens the first histogram value.
  const rest = stream.rest()
  if (name === undefined || (rest.startsWith('{') && !rest.startsWith('{{'))) {
    labels.push(...parseLabelSet(stream))
  }
  const named =
    name === undefined ? labels : [...withoutName(labels), { name: metricNameLabel, value: name }]
  return { labels: sortLabels(named), rest: stream.rest() }
}

function withoutName(labels: readonly Label[]): readonly Label[] {
  return labels.filter((label) => label.name !== metricNameLabel)
}
