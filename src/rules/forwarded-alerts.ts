// Alerts that clusters' own Prometheus servers send to us instead of Alertmanager: checked, given the sender's labels,
// sent on. Valid alerts of a request go on although others are refused, as with Alertmanager.
// Source: Alertmanager API v2 (postableAlerts); facts/prometheus.md §9.3.

import type { StringMap } from './rule-file.ts'

/** An alert as the v2 API carries it. Without endsAt Alertmanager decides when it ends. */
export interface PostableAlert {
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly startsAt: string
  readonly endsAt?: string
  readonly generatorURL: string
}

/** Most alerts of one request. */
const alertsMax = 10_000

/** Reads a request's alerts; `identity` are labels that the sender cannot choose. `nowMs` starts those without a start. */
export function parseForwardedAlerts(
  body: unknown,
  identity: StringMap,
  nowMs: number,
): { readonly alerts: readonly PostableAlert[]; readonly faults: readonly string[] } {
  if (!Array.isArray(body)) return { alerts: [], faults: ['a list of alerts is expected'] }
  if (body.length > alertsMax)
    return { alerts: [], faults: [`more than ${alertsMax} alerts in one request`] }
  const alerts: PostableAlert[] = []
  const faults: string[] = []
  body.forEach((one, index) => {
    try {
      alerts.push(parseAlert(one, identity, nowMs))
    } catch (error) {
      faults.push(`alert ${index + 1}: ${(error as Error).message}`)
    }
  })
  return { alerts, faults }
}

function parseAlert(value: unknown, identity: StringMap, nowMs: number): PostableAlert {
  if (typeof value !== 'object' || value === null) throw new Error('it is no object')
  const fields = value as Readonly<Record<string, unknown>>
  const sent = Object.entries(textsOf('labels', fields.labels)).filter(([, text]) => text !== '')
  if (sent.length === 0) throw new Error('it has no labels')
  const endsAtMs = timeOf('endsAt', fields.endsAt)
  const startsAtMs = timeOf('startsAt', fields.startsAt) ?? Math.min(nowMs, endsAtMs ?? nowMs)
  if (endsAtMs !== undefined && endsAtMs < startsAtMs) throw new Error('it ends before it starts')
  return {
    labels: { ...Object.fromEntries(sent), ...identity },
    annotations: textsOf('annotations', fields.annotations),
    startsAt: new Date(startsAtMs).toISOString(),
    ...(endsAtMs === undefined ? {} : { endsAt: new Date(endsAtMs).toISOString() }),
    generatorURL: typeof fields.generatorURL === 'string' ? fields.generatorURL : '',
  }
}

function textsOf(name: string, value: unknown): StringMap {
  if (value === undefined || value === null) return {}
  const isMap = typeof value === 'object' && !Array.isArray(value)
  if (isMap && Object.values(value).every((text) => typeof text === 'string'))
    return value as StringMap
  throw new Error(`${name} must be a map of texts`)
}

// Go's zero time stands for "not given".
function timeOf(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === '0001-01-01T00:00:00Z') return undefined
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isFinite(ms)) return ms
  throw new Error(`${name} is no time in RFC 3339`)
}
