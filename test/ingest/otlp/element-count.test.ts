import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { otlp } from '../../../src/encoding/index.ts'
import { otlpDefaults, translateOtlp } from '../../../src/ingest/index.ts'
import { countElements } from '../../../src/ingest/otlp/element-count.ts'

/** Objects and list members that a decoded message consists of. */
function allocated(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum, item) => sum + 1 + allocated(item), 0)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0
  if ('low' in value && 'high' in value) return 0
  return Object.values(value).reduce((sum: number, item) => sum + allocated(item), 1)
}

const attribute = fc.record({
  key: fc.string(),
  value: fc.oneof(
    fc.record({ stringValue: fc.string() }),
    fc.record({ arrayValue: fc.record({ values: fc.array(fc.constant({ intValue: 1 })) }) }),
    fc.record({ kvlistValue: fc.constant({ values: [{ key: 'a', value: { boolValue: true } }] }) }),
  ),
})
const attributes = fc.array(attribute, { maxLength: 4 })
const counts = fc.array(fc.nat(300), { maxLength: 20 })
const exemplars = fc.array(fc.record({ asInt: fc.nat(), filteredAttributes: attributes }), {
  maxLength: 2,
})
const metric = fc.oneof(
  fc.record({ gauge: fc.record({ dataPoints: fc.array(fc.record({ attributes, exemplars })) }) }),
  fc.record({
    histogram: fc.record({
      dataPoints: fc.array(fc.record({ attributes, exemplars, bucketCounts: counts })),
    }),
  }),
  fc.record({
    exponentialHistogram: fc.record({
      dataPoints: fc.array(
        fc.record({ attributes, exemplars, positive: fc.record({ bucketCounts: counts }) }),
      ),
    }),
  }),
)

describe('the number of elements', () => {
  it('is never less than what decoding allocates', () => {
    fc.assert(
      fc.property(fc.array(metric, { maxLength: 4 }), attributes, (metrics, resource) => {
        const message = otlp.ExportMetricsServiceRequest.fromObject({
          resourceMetrics: [{ resource: { attributes: resource }, scopeMetrics: [{ metrics }] }],
        })
        const wire = otlp.ExportMetricsServiceRequest.encode(message).finish()
        const decoded = otlp.ExportMetricsServiceRequest.decode(wire)
        // An object and its place in a list are one field on the wire.
        expect(countElements(wire, 1e9) * 2 + 1).toBeGreaterThanOrEqual(allocated(decoded))
      }),
    )
  })

  it('counts every byte of what it cannot read', () => {
    const group = Uint8Array.from([0x0b, ...new Array(100).fill(0x0a)])
    expect(countElements(group, 1e9)).toBeGreaterThanOrEqual(100)
    expect(countElements(Uint8Array.from(new Array(50).fill(0xff)), 1e9)).toBeGreaterThanOrEqual(40)
  })

  it('ends soon after the bound', () => {
    const empties = Uint8Array.from({ length: 2_000_000 }, (_, i) => (i % 2 === 0 ? 0x0a : 0))
    expect(countElements(empties, 1000)).toBe(1001)
  })
})

describe('bodies with too many elements', () => {
  const options = { ...otlpDefaults, elementCountMax: 1000 }
  const codeOf = (body: Uint8Array, encoding: 'protobuf' | 'json'): string => {
    try {
      translateOtlp(body, encoding, options)
    } catch (error) {
      return (error as { code: string }).code
    }
    return 'translated'
  }

  it('are refused in both encodings', () => {
    const empties = (count: number) =>
      Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 0x0a : 0))
    expect(codeOf(empties(1000), 'protobuf')).toBe('translated')
    expect(codeOf(empties(1001), 'protobuf')).toBe('body_too_large')
    const json = (count: number) =>
      Buffer.from(`{"resourceMetrics":[${new Array(count).fill('{}').join()}]}`)
    expect(codeOf(json(900), 'json')).toBe('translated')
    expect(codeOf(json(1001), 'json')).toBe('body_too_large')
    expect(codeOf(Buffer.from(' '.repeat(16_001)), 'json')).toBe('body_too_large')
  })
})
