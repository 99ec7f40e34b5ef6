// When certificates end: the listener's own, and those that clusters were given last.

import { X509Certificate } from 'node:crypto'
import type { Metrics } from '../telemetry/index.ts'
import type { Listener } from './listener.ts'

/** Registers the gauges; without TLS or identities they have no series. */
export function registerCertificateMetrics(metrics: Metrics, listener: Listener): void {
  metrics.gauge(
    'crowsnest_http_certificate_expiry_timestamp_seconds',
    "When the listener's certificate ends.",
    [],
    (gauge) => {
      gauge.reset()
      const pem = listener.certificate()
      if (pem !== undefined) gauge.set({}, new X509Certificate(pem).validToDate.getTime() / 1000)
    },
  )
  metrics.gauge(
    'crowsnest_identity_certificate_expiry_timestamp_seconds',
    'When the certificate that a cluster was given last ends.',
    ['cluster'],
    (gauge) => {
      gauge.reset()
      for (const { cluster, notAfterMs } of listener.identity?.issued() ?? [])
        gauge.set({ cluster }, notAfterMs / 1000)
    },
  )
}
