import { describe, expect, it } from 'vitest'
import { parseForwardedAlerts } from '../../src/rules/index.ts'

const nowMs = Date.parse('2026-01-01T00:00:00Z')
const parse = (body: unknown, identity = {}) => parseForwardedAlerts(body, identity, nowMs)

describe('alerts that clusters send', () => {
  it('keep what they say, and get the labels of their sender over their own', () => {
    const sent = {
      labels: { alertname: 'A', cluster: 'forged', gone: '' },
      annotations: { a: 'b' },
      startsAt: '2026-01-01T01:00:00+01:00',
      endsAt: '2026-01-01T00:05:00.5Z',
      generatorURL: 'http://there/graph',
    }
    expect(parse([sent], { cluster: 'west' }).alerts).toEqual([
      {
        labels: { alertname: 'A', cluster: 'west' },
        annotations: { a: 'b' },
        startsAt: '2026-01-01T00:00:00.000Z',
        endsAt: '2026-01-01T00:05:00.500Z',
        generatorURL: 'http://there/graph',
      },
    ])
  })

  it('begin now where they do not say when, and end when Alertmanager thinks', () => {
    const [alert] = parse([{ labels: { a: 'b' }, endsAt: '0001-01-01T00:00:00Z' }]).alerts
    expect(alert).toEqual({
      labels: { a: 'b' },
      annotations: {},
      startsAt: '2026-01-01T00:00:00.000Z',
      generatorURL: '',
    })
  })

  it('go on although others of the request are refused, each with its reason', () => {
    const { alerts, faults } = parse([
      { labels: { a: 'b' } },
      { labels: {} },
      { labels: { a: 1 } },
      { labels: { a: 'b' }, startsAt: 'soon' },
      { labels: { a: 'b' }, startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' },
      7,
    ])
    expect(alerts).toHaveLength(1)
    expect(faults).toEqual([
      'alert 2: it has no labels',
      'alert 3: labels must be a map of texts',
      'alert 4: startsAt is no time in RFC 3339',
      'alert 5: it ends before it starts',
      'alert 6: it is no object',
    ])
    expect(parse({}).faults).toEqual(['a list of alerts is expected'])
  })
})
