// A small remote-write 1.0 sender for end-to-end tests.

import snappy from 'snappyjs'
import { prometheus } from '../../src/encoding/index.ts'

/** One series to write; samples are [timestampMs, value] pairs. */
export interface SeriesToWrite {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly (readonly [timestampMs: number, value: number])[]
}

/** A snappy-compressed WriteRequest. */
export function writeBody(series: readonly SeriesToWrite[]): Uint8Array<ArrayBuffer> {
  const timeseries = series.map(({ labels, samples }) => ({
    labels: Object.entries(labels)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => ({ name, value })),
    samples: samples.map(([timestamp, value]) => ({ timestamp, value })),
  }))
  const message = prometheus.WriteRequest.encode({ timeseries }).finish()
  return new Uint8Array(snappy.compress(new Uint8Array(message)))
}

/** Sends a body; the answer is the caller's to judge. */
export function post(
  url: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
      'user-agent': 'crowsnest-test',
      ...headers,
    },
  })
}

/** Writes series and throws unless all was stored. */
export async function write(
  gatewayUrl: string,
  series: readonly SeriesToWrite[],
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const response = await post(`${gatewayUrl}/api/v1/write`, writeBody(series), headers)
  if (!response.ok) throw new Error(`write: ${response.status} ${await response.text()}`)
}
