import { describe, expect, it } from 'vitest'
import {
  negotiateOtlp,
  negotiateWrite,
  parseMediaType,
  type WriteDialect,
} from '../../src/ingest/index.ts'
import { UserError } from '../../src/model/index.ts'

const v1 = 'application/x-protobuf;proto=prometheus.WriteRequest'
const v2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request'

function format(
  dialect: WriteDialect,
  contentType?: string,
  options: { version?: string; contentEncoding?: string } = {},
): string {
  try {
    return negotiateWrite(dialect, {
      contentType,
      contentEncoding: options.contentEncoding ?? 'snappy',
      version: options.version,
    })
  } catch (error) {
    return (error as UserError).code
  }
}

describe('remote write on the path of Prometheus', () => {
  it('reads the message from the content type alone', () => {
    expect(format('prometheus', v1)).toBe('remote-write-1')
    expect(format('prometheus', v2)).toBe('remote-write-2')
    expect(format('prometheus', 'application/x-protobuf')).toBe('remote-write-1')
    expect(format('prometheus', undefined, { version: '2.0.0' })).toBe('remote-write-1')
    expect(format('prometheus', v2, { version: '0.1.0' })).toBe('remote-write-2')
  })

  it('parses parameters with spaces, quotes and any case of names', () => {
    const quoted = 'Application/X-Protobuf; charset=utf-8 ; PROTO="io.prometheus.write.v2.Request"'
    expect(format('prometheus', quoted)).toBe('remote-write-2')
  })

  it('refuses other media types and messages', () => {
    expect(format('prometheus', 'application/json')).toBe('unsupported_media_type')
    expect(format('prometheus', 'application/x-protobuf;proto=x.Y')).toBe('unsupported_media_type')
    expect(format('prometheus', 'nonsense')).toBe('unsupported_media_type')
  })

  it('tolerates a missing encoding and refuses any but snappy', () => {
    expect(format('prometheus', v1, { contentEncoding: '' })).toBe('remote-write-1')
    expect(format('prometheus', v1, { contentEncoding: 'Snappy' })).toBe('remote-write-1')
    expect(format('prometheus', v1, { contentEncoding: 'gzip' })).toBe('unsupported_media_type')
  })
})

describe('remote write on the path of Thanos', () => {
  it('forgives a missing or foreign content type unless the version says 2.0.0', () => {
    expect(format('thanos')).toBe('remote-write-1')
    expect(format('thanos', 'text/plain', { version: '0.1.0' })).toBe('remote-write-1')
    expect(format('thanos', undefined, { version: '2.0.0' })).toBe('unsupported_media_type')
    expect(format('thanos', 'text/plain', { version: '2.0.0' })).toBe('unsupported_media_type')
  })

  it('reads the message from the content type where it names one', () => {
    expect(format('thanos', v2, { version: '2.0.0' })).toBe('remote-write-2')
    expect(format('thanos', v2)).toBe('remote-write-2')
    expect(format('thanos', v1, { version: '2.0.0' })).toBe('remote-write-1')
    expect(format('thanos', 'application/x-protobuf', { version: '2.0.0' })).toBe('remote-write-1')
    expect(format('thanos', 'application/x-protobuf;proto=x.Y')).toBe('unsupported_media_type')
  })
})

describe('OTLP', () => {
  const form = (contentType?: string, contentEncoding?: string) =>
    negotiateOtlp({ contentType, contentEncoding, version: undefined })

  it('takes protobuf and JSON, plain and gzip', () => {
    expect(form('application/x-protobuf')).toEqual({ encoding: 'protobuf', compression: 'none' })
    expect(form('application/json; charset=utf-8', 'gzip')).toEqual({
      encoding: 'json',
      compression: 'gzip',
    })
  })

  it('refuses everything else', () => {
    expect(() => form()).toThrow(UserError)
    expect(() => form('text/plain')).toThrow(/application\/json/)
    expect(() => form('application/json', 'br')).toThrow(/gzip/)
  })
})

describe('media types', () => {
  it('are refused where they are malformed', () => {
    for (const text of ['', 'a', 'a/', '/b', 'a/b; x', 'a/b; x=1; x=2', 'a/b; ="1"', 'a b/c']) {
      expect(parseMediaType(text), text).toBeUndefined()
    }
  })

  it('keep quoted values as they are, escapes resolved', () => {
    const media = parseMediaType('a/b;x="1;\\"2"; Y=z;')
    expect(media?.parameters).toEqual(
      new Map([
        ['x', '1;"2'],
        ['y', 'z'],
      ]),
    )
  })
})
