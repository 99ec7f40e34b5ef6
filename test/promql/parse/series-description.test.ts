import { expect, it } from 'vitest'
import { formatLabels } from '../../../src/model/index.ts'
import { parseSeriesDescription } from '../../../src/promql/index.ts'

it.each([
  ['up 1 2', 'up', ' 1 2'],
  ['up{b="1", a="2",} 1+1x5', 'up{a="2", b="1"}', ' 1+1x5'],
  ['{} 1', '{}', ' 1'],
  ['{"my.metric", "x.y"="z"} _', '{"my.metric", "x.y"="z"}', ' _'],
  ['sum{a="b"} {{schema:1}}', 'sum{a="b"}', ' {{schema:1}}'],
  ['up{a="b"}@st 5s', 'up{a="b"}', '@st 5s'],
  ['up{__name__="x"}', 'up', ''],
])('%s names %s', (text, labels, rest) => {
  const description = parseSeriesDescription(text)
  expect(formatLabels(description.labels)).toBe(labels)
  expect(description.rest).toBe(rest)
})

it.each([
  ['up{a}', '1:5: parse error: unexpected "}" in label set, expected "="'],
  ['up{a=b}', '1:6: parse error: unexpected identifier "b" in label set, expected string'],
  ['5', '1:1: parse error: unexpected number "5"'],
])('%s is refused', (text, message) => {
  expect(() => parseSeriesDescription(text)).toThrow(message)
})
