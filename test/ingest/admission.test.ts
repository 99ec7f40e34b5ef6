import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AdmissionConfig,
  admissionDefaults,
  checkRequestSize,
  createAdmission,
  limitDefaults,
} from '../../src/ingest/index.ts'
import { formatLabels, labelsOf, sortLabels } from '../../src/model/index.ts'

const nobody = { key: '', labels: {} }
const west = { key: 'cert:west', labels: { cluster: 'west' } }

function admitted(
  labels: Readonly<Record<string, string>>,
  options: { config?: Partial<AdmissionConfig>; sender?: typeof nobody; tenant?: string } = {},
): string {
  const admit = createAdmission({ ...admissionDefaults, ...options.config })
  const sent = Object.entries(labels).map(([name, value]) => ({ name, value }))
  const answer = admit(options.tenant ?? 't', options.sender ?? nobody, sent)
  if ('labels' in answer) return formatLabels(answer.labels)
  return 'dropped' in answer ? 'dropped' : `${answer.rejection.kind}: ${answer.rejection.message}`
}

describe('admission', () => {
  it('sorts labels and leaves empty values out', () => {
    expect(admitted({ b: '2', __name__: 'up', a: '1', c: '' })).toBe('up{a="1", b="2"}')
  })

  it('lets the identity override what was sent, and relabelling cannot undo it', () => {
    const forging = [{ target_label: 'cluster', replacement: 'east' }]
    const config = { relabel: { default: forging, tenants: {} } }
    expect(admitted({ __name__: 'up', cluster: 'east' }, { sender: west })).toBe(
      'up{cluster="west"}',
    )
    expect(admitted({ __name__: 'up' }, { sender: west, config })).toBe('up{cluster="west"}')
  })

  it('tells of senders that claim labels of others, not of those that claim none', () => {
    const forged: string[] = []
    const admit = createAdmission(admissionDefaults, ({ key }) => forged.push(key))
    for (const cluster of ['east', 'west', ''])
      admit('t', west, [
        { name: '__name__', value: 'up' },
        { name: 'cluster', value: cluster },
      ])
    expect(forged).toEqual(['cert:west'])
  })

  it("uses a tenant's own rules in place of the default ones", () => {
    const drop = [{ action: 'drop', source_labels: ['__name__'], regex: 'runaway_.*' }]
    const config = { relabel: { default: [], tenants: { capped: drop } } }
    expect(admitted({ __name__: 'runaway_total' }, { config })).toBe('runaway_total')
    expect(admitted({ __name__: 'runaway_total' }, { config, tenant: 'capped' })).toBe('dropped')
  })

  it('refuses series without a name, with a label twice, or with broken text, naming the series', () => {
    const admit = createAdmission(admissionDefaults)
    const twice = [
      { name: '__name__', value: 'up' },
      { name: 'a', value: '1' },
      { name: 'a', value: '2' },
    ]
    expect(admitted({ a: '1' })).toMatch(/^invalid_labels: .*no metric name \(series \{a="1"\}\)/)
    expect(admit('t', nobody, twice)).toMatchObject({ rejection: { kind: 'invalid_labels' } })
    expect(admitted({ __name__: 'up', a: '\ud800' })).toMatch(/^invalid_labels: .*not valid UTF-8/)
    expect(admitted({ __name__: 'up', '': '1' })).toMatch(/^invalid_labels: .*no name/)
  })

  it('holds labels to their limits in bytes, per tenant', () => {
    const tenants = { strict: { labelValueSizeBytesMax: 4, labelNameSizeBytesMax: 8 } }
    const config = { limits: { default: { ...limitDefaults, labelCountMax: 2 }, tenants } }
    expect(admitted({ __name__: 'up', a: '1', b: '2' }, { config })).toMatch(
      /^limit: the series has 3 labels, more than 2 .*limits.labelsPerSeries of tenant t$/,
    )
    expect(admitted({ __name__: 'up', a: 'éé' }, { config, tenant: 'strict' })).toBe('up{a="éé"}')
    expect(admitted({ __name__: 'up', a: 'ééx' }, { config, tenant: 'strict' })).toMatch(
      /^limit: the value of label "a" has 5 bytes, more than 4/,
    )
    expect(admitted({ __name__: 'up', far_too_long: '1' }, { config, tenant: 'strict' })).toMatch(
      /^limit: a label name has 12 bytes/,
    )
  })

  it('is a pure function of a config that structured clone carries', () => {
    const config = structuredClone({
      ...admissionDefaults,
      relabel: { default: [{ action: 'labeldrop', regex: 'pod_.*' }], tenants: {} },
    })
    const sent = labelsOf({ __name__: 'up', pod_hash: 'x' })
    expect(createAdmission(config)('t', nobody, sent)).toEqual({
      labels: labelsOf({ __name__: 'up' }),
    })
  })
})

describe('request size', () => {
  it('refuses requests with more series or samples than the tenant may send', () => {
    const limits = { ...limitDefaults, seriesPerRequestMax: 2, samplesPerRequestMax: 0 }
    expect(() => checkRequestSize(limits, 't', { series: 2, samples: 1e6 })).not.toThrow()
    expect(() => checkRequestSize(limits, 't', { series: 3, samples: 3 })).toThrow(
      /3 series, more than 2 \(tenant t\)/,
    )
  })
})

describe('the short way for plain series', () => {
  it('decides as the general way does', () => {
    const limits = { labelCountMax: 4, labelNameSizeBytesMax: 9, labelValueSizeBytesMax: 6 }
    const config = {
      ...admissionDefaults,
      limits: { default: { ...limitDefaults, ...limits }, tenants: {} },
    }
    const noop = [{ action: 'labeldrop', regex: 'never-there' }]
    const short = createAdmission(config)
    const general = createAdmission({ ...config, relabel: { default: noop, tenants: {} } })
    const text = fc.constantFrom(
      '',
      'a',
      'b',
      '__name__',
      '\ud800',
      'é',
      '\ue000',
      '😀',
      'longer-text',
    )
    const label = fc.record({ name: text, value: text })
    fc.assert(
      fc.property(fc.array(label, { maxLength: 6 }), fc.boolean(), (sent, ordered) => {
        const labels = ordered ? sortLabels(sent) : sent
        expect(short('t', nobody, labels)).toEqual(general('t', nobody, labels))
      }),
      { numRuns: 2000 },
    )
  })
})
