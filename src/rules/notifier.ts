// Notifier: a bounded queue of alerts that goes to every Alertmanager in batches.
// A batch that no Alertmanager takes is not sent again: the rule sends its alerts again before they expire.
// Source: facts/prometheus.md §9.3; metric names are Prometheus'.

import { UserError } from '../model/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { DueAlert } from './alert-state.ts'
import type { AlertmanagerConfig, LabelRewriter } from './alertmanager-config.ts'
import type { PostableAlert } from './forwarded-alerts.ts'
import type { PeerAnswer, PeerRequest, PeerTransport } from './http-peer-client.ts'
import { type Peer, PeerSet } from './http-peer-set.ts'
import type { StringMap } from './rule-file.ts'
import { linkOf } from './template/prometheus-functions.ts'

/** How alerts are labelled and sent; replaced as a whole by a reload. */
export interface NotifierOptions {
  readonly alertmanagers: readonly AlertmanagerConfig[]
  /** Set where an alert has no label of that name. */
  readonly externalLabels: StringMap
  /** Taken away, so that alerts of replicas are equal. */
  readonly droppedLabels: readonly string[]
  readonly relabel: LabelRewriter
  /** Where people look at expressions; the start of generatorURL. */
  readonly externalUrl: string
}

/** Alerts that wait at most; the oldest go first. */
const queueMax = 10_000
const batchMax = 256

interface Target {
  /** Scheme, address and prefix. */
  readonly base: string
  /** Where alerts are posted. */
  readonly url: string
  readonly config: AlertmanagerConfig
}

/** Sends alerts. */
export class Notifier {
  readonly #transport: PeerTransport
  readonly #log: Logger
  readonly #metrics: ReturnType<typeof createMetrics>
  #options: NotifierOptions
  readonly #set: PeerSet<AlertmanagerConfig>
  #queue: PostableAlert[] = []
  #sending: Promise<void> | undefined
  #closed = false

  constructor(parts: {
    readonly options: NotifierOptions
    readonly transport: PeerTransport
    readonly metrics: Metrics
    readonly log: Logger
  }) {
    this.#options = parts.options
    this.#transport = parts.transport
    this.#log = parts.log
    this.#set = new PeerSet({
      configs: parts.options.alertmanagers,
      transport: parts.transport,
      log: parts.log,
    })
    this.#metrics = createMetrics(parts.metrics, {
      queued: () => this.#queue.length,
      targets: () => this.#targets().length,
    })
  }

  /** URLs that alerts are posted to. */
  urls(): string[] {
    return this.#targets().map(({ url }) => url)
  }

  #targets(): readonly Target[] {
    return this.#set.peers().flatMap(targetOf)
  }

  /**
   * Asks the first Alertmanager that answers; `path` begins with /api/v2. Throws UserError unavailable where none
   * does: alerts and silences are the same in all Alertmanagers of a cluster.
   */
  async ask(path: string, request: Omit<PeerRequest, 'url'>): Promise<PeerAnswer> {
    const failures: string[] = []
    for (const { base, config } of this.#targets()) {
      try {
        const answer = await this.#transport.send({ ...request, url: base + path }, config)
        if (answer.status < 500) return answer
        failures.push(`${base} answered ${answer.status}`)
      } catch (error) {
        failures.push(`${base}: ${(error as Error).message}`)
      }
    }
    const why = failures.length === 0 ? 'none is configured or found' : failures.join('; ')
    throw new UserError('unavailable', {
      what: `no Alertmanager answers: ${why}`,
      fix: 'look at rules.alertmanagers and at the Alertmanagers',
    })
  }

  /** Uses other options from now on. */
  reload(options: NotifierOptions): void {
    this.#options = options
    this.#set.reload(options.alertmanagers)
  }

  /** Puts alerts of one rule into the queue. `query` is the rule's expression. */
  send(query: string, alerts: readonly DueAlert[]): void {
    if (this.#closed || this.#options.alertmanagers.length === 0) return
    this.#enqueue(alerts.map((alert) => this.#postable(query, alert)))
  }

  /** Puts alerts of others into the queue, with our relabelling; false where no Alertmanager is configured. */
  forward(alerts: readonly PostableAlert[]): boolean {
    if (this.#options.alertmanagers.length === 0) return false
    if (!this.#closed) this.#enqueue(alerts)
    return true
  }

  #enqueue(alerts: readonly PostableAlert[]): void {
    for (const alert of alerts) {
      const labels = new Map(Object.entries(alert.labels))
      if (!this.#options.relabel(labels)) continue
      this.#queue.push({ ...alert, labels: Object.fromEntries(labels) })
    }
    const excess = this.#queue.length - queueMax
    if (excess > 0) {
      this.#queue = this.#queue.slice(excess)
      this.#metrics.dropped.inc(excess)
      this.#log.warn({ count: excess }, 'the queue of alerts is full, the oldest were dropped')
    }
    this.#sending ??= this.#drain()
  }

  /** Sends what waits, then nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#set.close()
    await this.#sending
  }

  #postable(query: string, alert: DueAlert): PostableAlert {
    const { externalLabels, droppedLabels, externalUrl } = this.#options
    const labels = new Map(alert.labels.map(({ name, value }) => [name, value]))
    for (const [name, value] of Object.entries(externalLabels))
      if (!labels.has(name)) labels.set(name, value)
    for (const name of droppedLabels) labels.delete(name)
    return {
      labels: Object.fromEntries(labels),
      annotations: alert.annotations,
      startsAt: new Date(alert.startsAtMs).toISOString(),
      endsAt: new Date(alert.endsAtMs).toISOString(),
      generatorURL: externalUrl.replace(/\/$/, '') + linkOf(query, 1),
    }
  }

  async #drain(): Promise<void> {
    await this.#set.settled()
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchMax)
      const sent = await Promise.all(this.#targets().map((target) => this.#post(target, batch)))
      if (!sent.includes(true)) this.#metrics.dropped.inc(batch.length)
    }
    this.#sending = undefined
  }

  // Whether the Alertmanager took the batch.
  async #post({ url, config }: Target, batch: readonly PostableAlert[]): Promise<boolean> {
    const relabelled = batch.flatMap((alert) => {
      const labels = new Map(Object.entries(alert.labels))
      return config.relabel(labels) ? [{ ...alert, labels: Object.fromEntries(labels) }] : []
    })
    if (relabelled.length === 0) return true
    const labels = { alertmanager: url }
    try {
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify(relabelled)
      const { status } = await this.#transport.send({ method: 'POST', url, headers, body }, config)
      this.#metrics.sent.inc(labels, relabelled.length)
      if (status >= 200 && status < 300) return true
      throw new Error(`it answered ${status}`)
    } catch (error) {
      this.#metrics.errors.inc(labels, relabelled.length)
      this.#log.warn({ err: error, alertmanager: url, count: batch.length }, 'alerts were not sent')
      return false
    }
  }
}

// None where relabelling drops the target.
function targetOf({ address, config }: Peer<AlertmanagerConfig>): Target[] {
  const path = `${config.pathPrefix}/api/v2/alerts`
  const labels = new Map([
    ['__address__', address],
    ['__scheme__', config.scheme],
    ['__alerts_path__', path],
  ])
  if (!config.relabelTarget(labels)) return []
  const scheme = labels.get('__scheme__') === 'https' ? 'https' : 'http'
  const server = `${scheme}://${labels.get('__address__') ?? address}`
  const url = `${server}${labels.get('__alerts_path__') ?? path}`
  return [{ base: url.replace(/\/api\/v2\/alerts$/, ''), url, config: { ...config, scheme } }]
}

function createMetrics(
  metrics: Metrics,
  now: { readonly queued: () => number; readonly targets: () => number },
) {
  const gauge = (name: string, help: string, value: () => number): void => {
    metrics.gauge(name, help, [], (one) => one.set(value()))
  }
  gauge('prometheus_notifications_queue_length', 'Alerts that wait.', now.queued)
  gauge(
    'prometheus_notifications_alertmanagers_discovered',
    'Alertmanagers that alerts are sent to.',
    now.targets,
  )
  return {
    sent: metrics.counter('prometheus_notifications_sent_total', 'Alerts sent.', ['alertmanager']),
    errors: metrics.counter(
      'prometheus_notifications_errors_total',
      'Alerts that an Alertmanager did not take.',
      ['alertmanager'],
    ),
    dropped: metrics.counter(
      'prometheus_notifications_dropped_total',
      'Alerts that no Alertmanager was sent.',
    ),
  }
}
