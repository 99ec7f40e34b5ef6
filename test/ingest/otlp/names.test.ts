import { describe, expect, it } from 'vitest'
import {
  labelNameOf,
  metricNameOf,
  type OtlpKind,
  unitNameOf,
} from '../../../src/ingest/otlp/names.ts'

const metric = (name: string, unit = '', kind: OtlpKind = 'other') => ({ name, unit, kind })

describe('metric names with escaping and suffixes', () => {
  const named = (name: string, unit?: string, kind?: OtlpKind) =>
    metricNameOf(metric(name, unit, kind), 'UnderscoreEscapingWithSuffixes')

  it('carry unit, per unit and type', () => {
    expect(named('http.server.duration', 's')).toBe('http_server_duration_seconds')
    expect(named('http.server.duration', 'ms')).toBe('http_server_duration_milliseconds')
    expect(named('system.network.io', 'By', 'counter')).toBe('system_network_io_bytes_total')
    expect(named('disk.speed', 'By/s', 'gauge')).toBe('disk_speed_bytes_per_second')
    expect(named('requests', '{request}', 'counter')).toBe('requests_total')
    expect(named('requests', '{request}/s', 'gauge')).toBe('requests_per_second')
    expect(named('cpu.utilization', '1', 'gauge')).toBe('cpu_utilization_ratio')
    expect(named('things', '1', 'counter')).toBe('things_total')
    expect(named('fuel', 'm3/km', 'gauge')).toBe('fuel_m3_per_km')
  })

  it('do not repeat what the name says already', () => {
    expect(named('process.cpu.seconds', 's', 'counter')).toBe('process_cpu_seconds_total')
    expect(named('requests.total.count', '', 'counter')).toBe('requests_count_total')
    expect(named('ratio.of.things', '1', 'gauge')).toBe('of_things_ratio')
  })

  it('replace runs of other characters by one underscore and never start with a digit', () => {
    expect(named('a..b__c-é:d')).toBe('a_b_c_:d')
    expect(named('2xx.responses', '', 'counter')).toBe('_2xx_responses_total')
    expect(named('', '', 'gauge')).toBeUndefined()
    expect(named('...')).toBeUndefined()
  })
})

describe('metric names under the other strategies', () => {
  it('are escaped only', () => {
    const named = (name: string) =>
      metricNameOf(metric(name, 's', 'counter'), 'UnderscoreEscapingWithoutSuffixes')
    expect(named('http.server.duration')).toBe('http_server_duration')
    expect(named('a__b')).toBe('a__b')
    expect(named('2xx')).toBe('_2xx')
  })

  it('get suffixes only', () => {
    const named = (name: string, unit?: string, kind?: OtlpKind) =>
      metricNameOf(metric(name, unit, kind), 'NoUTF8EscapingWithSuffixes')
    expect(named('http.server.duration', 's')).toBe('http.server.duration_seconds')
    expect(named('req.total', 'By/s', 'counter')).toBe('req_bytes_per_second_total')
    expect(named('cpu', '1', 'gauge')).toBe('cpu_ratio')
    expect(named('io.bytes', 'By')).toBe('io.bytes')
  })

  it('stay as they are', () => {
    expect(metricNameOf(metric('a.b', 's', 'counter'), 'NoTranslation')).toBe('a.b')
    expect(metricNameOf(metric(''), 'NoTranslation')).toBeUndefined()
  })
})

describe('label names', () => {
  it('are escaped character by character, with key in front of digits and single underscores', () => {
    const named = (name: string) => labelNameOf(name, 'UnderscoreEscapingWithSuffixes')
    expect(named('http.status_code')).toBe('http_status_code')
    expect(named('a..b')).toBe('a__b')
    expect(named('1st')).toBe('key_1st')
    expect(named('_private')).toBe('key_private')
    expect(named('__reserved__')).toBe('__reserved__')
    expect(named('é')).toBe('key_')
    expect(named('éé')).toBeUndefined()
    expect(named('')).toBeUndefined()
  })

  it('stay as they are without escaping', () => {
    expect(labelNameOf('http.status', 'NoTranslation')).toBe('http.status')
    expect(labelNameOf('__', 'NoTranslation')).toBeUndefined()
  })
})

describe('unit names', () => {
  it('are spelled out', () => {
    expect(['s', 'By/s', '1', '{x}', 'm/s', 'widgets', '%', '{a}/h'].map(unitNameOf)).toEqual([
      'seconds',
      'bytes_per_second',
      '',
      '',
      'meters_per_second',
      'widgets',
      'percent',
      'per_hour',
    ])
  })
})
