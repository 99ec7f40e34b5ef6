import { describe, expect, test } from 'vitest'
import { UserError } from '../../../src/model/index.ts'
import { OpenMetricsParser, type TextSample } from '../../../src/tsdb/index.ts'

function parse(text: string): TextSample[] {
  const parser = new OpenMetricsParser()
  const samples = text.split('\n').map((line) => parser.line(line))
  parser.end()
  return samples.filter((sample) => sample !== undefined)
}

const labels = (sample: TextSample | undefined): unknown =>
  Object.fromEntries(sample!.labels.map(({ name, value }) => [name, value]))

describe('OpenMetrics text', () => {
  test('gives names, labels with their escapes, values and times', () => {
    const [sample] = parse('a_total{x="1",y="q\\"u\\\\o\\nte",} 1.5e3 1700000000.25\n# EOF')
    expect(labels(sample)).toEqual({ __name__: 'a_total', x: '1', y: 'q"u\\o\nte' })
    expect(sample).toMatchObject({ value: 1500, timestampMs: 1_700_000_000_250 })
  })

  test('reads histograms, exemplars and comments', () => {
    const samples = parse(`# TYPE h histogram
# HELP h Says "hello"
# UNIT h seconds
h_bucket{le="1"} 3 1 # {trace_id="a # b"} 0.5 0.9
h_bucket{le="+Inf"} 4 1
h_count 4 1
# EOF`)
    expect(samples.map((sample) => sample.value)).toEqual([3, 4, 4])
  })

  test('takes quoted names and leaves out empty labels', () => {
    const [sample] = parse('{"my.metric","label.x"="v",empty=""} 1 2\n# EOF')
    expect(labels(sample)).toEqual({ __name__: 'my.metric', 'label.x': 'v' })
  })

  test('knows infinities and NaN', () => {
    const samples = parse('a +Inf 1\na -Inf 2\na NaN 3\na -0 4\n# EOF')
    expect(samples.map((sample) => sample.value)).toEqual([Infinity, -Infinity, Number.NaN, -0])
  })

  const faults: readonly (readonly [string, string, string])[] = [
    ['a missing end', 'a 1 1', 'does not end with "# EOF"'],
    ['text after the end', '# EOF\na 1 1', 'text after "# EOF" (line 2)'],
    ['a missing timestamp', 'a 1\n# EOF', 'no timestamp (line 1)'],
    ['a bad value', 'b 1 1\na one 1\n# EOF', '(line 2)'],
    ['a hexadecimal value', 'a 0x1 1\n# EOF', 'value'],
    ['an endless time', 'a 1 +Inf\n# EOF', 'not a time'],
    ['a label twice', 'a{x="1",x="2"} 1 1\n# EOF', 'twice'],
    ['a name twice', 'a{__name__="b"} 1 1\n# EOF', 'twice'],
    ['an unquoted label', 'a{x=1} 1 1\n# EOF', 'no value'],
    ['a missing comma', 'a{x="1"y="2"} 1 1\n# EOF', 'comma'],
    ['an unclosed brace', 'a{x="1" 1 1\n# EOF', 'comma'],
    ['an empty line', '\n# EOF', 'no metric name'],
    ['an unknown comment', '# hello\n# EOF', 'comment'],
    ['an unknown type', '# TYPE a thing\n# EOF', 'not a metric type'],
  ]
  for (const [name, text, message] of faults) {
    test(`refuses ${name}`, () => {
      expect(() => parse(text)).toThrow(UserError)
      expect(() => parse(text)).toThrow(message)
    })
  }
})
