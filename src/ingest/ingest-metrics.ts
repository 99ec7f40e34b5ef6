// What the write door counts. Names are Thanos' where they mean the same.

import type { Metrics } from '../telemetry/index.ts'

/** The metrics of one IngestService. */
export interface IngestMetrics {
  /** Elements of one answered request, stored and refused, by status. */
  readonly samples: { observe(labels: { code: string; tenant: string }, count: number): void }
  /** Series of one answered request, by status. */
  readonly series: { observe(labels: { code: string; tenant: string }, count: number): void }
  readonly rejected: { inc(labels: { tenant: string }, count: number): void }
  /** Requests that were answered before anything was appended, by error code. */
  readonly refused: { inc(labels: { reason: string }): void }
  readonly bodyBytes: { inc(labels: { tenant: string }, count: number): void }
}

/** Registers the metrics; `inFlight` is asked at every scrape. */
export function createIngestMetrics(
  metrics: Metrics,
  inFlight: () => { readonly requests: number; readonly bodyBytes: number },
): IngestMetrics {
  metrics.gauge(
    'crowsnest_ingest_requests_in_flight',
    'Write requests that are being read or appended.',
    [],
    (gauge) => gauge.set(inFlight().requests),
  )
  metrics.gauge(
    'crowsnest_ingest_body_bytes_in_flight',
    'Bytes reserved for the bodies of write requests in flight.',
    [],
    (gauge) => gauge.set(inFlight().bodyBytes),
  )
  return {
    samples: metrics.histogram(
      'thanos_receive_write_samples',
      'The number of samples received in the incoming write requests.',
      [10, 50, 100, 500, 1000, 5000, 10000],
      ['code', 'tenant'],
    ),
    series: metrics.histogram(
      'thanos_receive_write_timeseries',
      'The number of timeseries received in the incoming write requests.',
      [10, 50, 100, 500, 1000, 5000, 10000],
      ['code', 'tenant'],
    ),
    rejected: metrics.counter(
      'crowsnest_ingest_rejected_samples_total',
      'Samples, histograms and exemplars that were refused for good, or for a limit.',
      ['tenant'],
    ),
    refused: metrics.counter(
      'crowsnest_ingest_refused_requests_total',
      'Write requests refused as a whole, by the code of the error.',
      ['reason'],
    ),
    bodyBytes: metrics.counter(
      'crowsnest_ingest_body_bytes_total',
      'Bytes of write bodies as they arrived.',
      ['tenant'],
    ),
  }
}
