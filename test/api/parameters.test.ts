import { describe, expect, it } from 'vitest'
import { duration, limit, time, unescapeLabelName } from '../../src/api/parameters.ts'

describe('parameters of the HTTP API', () => {
  it('reads times as float seconds, rounded to milliseconds, or RFC 3339', () => {
    expect(time({ t: '1435781451.5006' }, 't')).toBe(1435781451501)
    expect(time({ t: '2015-07-01T20:10:51.781Z' }, 't')).toBe(1435781451781)
    expect(time({ t: '2015-07-01T22:10:51.781+02:00' }, 't')).toBe(1435781451781)
    expect(time({}, 't', 7)).toBe(7)
    expect(time({ t: '-292273086-05-16T16:47:06Z' }, 't')).toBeLessThan(-9e15)
  })

  it('names the parameter and the text that is no time', () => {
    expect(() => time({ start: 'foo' }, 'start')).toThrow(
      'invalid parameter "start": cannot parse "foo" to a valid timestamp',
    )
    expect(() => time({}, 'start')).toThrow('cannot parse "" to a valid timestamp')
    expect(() => time({ start: '0x10' }, 'start')).toThrow('valid timestamp')
    expect(() => time({ start: '2015-13-01T20:10:51Z' }, 'start')).toThrow('valid timestamp')
  })

  it('reads durations as float seconds or Prometheus durations', () => {
    expect(duration({ step: '15' }, 'step')).toBe(15_000)
    expect(duration({ step: '0.25' }, 'step')).toBe(250)
    expect(duration({ step: '1h30m' }, 'step')).toBe(5_400_000)
    expect(duration({}, 'step')).toBeUndefined()
    expect(() => duration({ step: '1m1h' }, 'step')).toThrow(
      'cannot parse "1m1h" to a valid duration',
    )
  })

  it('refuses limits that are negative or no integers', () => {
    expect(limit({ limit: '5' })).toBe(5)
    expect(limit({})).toBe(0)
    expect(() => limit({ limit: '-1' })).toThrow('limit must be non-negative')
    expect(() => limit({ limit: '1.5' })).toThrow('invalid syntax')
  })

  it('undoes U__ escaping of label names, and leaves alone what is not escaped', () => {
    expect(unescapeLabelName('U__my_2e_label')).toBe('my.label')
    expect(unescapeLabelName('U__a__b')).toBe('a_b')
    expect(unescapeLabelName('U___fffffff_')).toBe('U___fffffff_')
    expect(unescapeLabelName('plain_name')).toBe('plain_name')
  })
})
