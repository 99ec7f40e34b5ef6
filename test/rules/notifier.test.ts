import { describe, expect, it } from 'vitest'
import { labelsOf } from '../../src/model/index.ts'
import {
  type DueAlert,
  Notifier,
  type NotifierOptions,
  parseAlertmanagers,
} from '../../src/rules/index.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'

interface Posted {
  readonly url: string
  readonly alerts: readonly { readonly labels: Record<string, string> }[]
}

const keep = (): boolean => true

function makeNotifier(
  options: Partial<NotifierOptions> & { readonly targets?: readonly string[] },
  answer: (url: string) => number = () => 200,
) {
  const posted: Posted[] = []
  const metrics = new Metrics()
  const alertmanagers = parseAlertmanagers(
    [{ static_configs: [{ targets: options.targets ?? ['a:9093'] }], path_prefix: '/am/' }],
    () => keep,
  )
  const notifier = new Notifier({
    options: {
      alertmanagers,
      externalLabels: {},
      droppedLabels: [],
      relabel: keep,
      externalUrl: 'http://here/',
      ...options,
    },
    transport: {
      discover: async (config) => [...config.targets],
      async send({ url, body }) {
        posted.push({ url, alerts: JSON.parse(String(body)) })
        return { status: answer(url), contentType: '', body: Buffer.alloc(0) }
      },
    },
    metrics,
    log: createLogger('silent'),
  })
  return { notifier, posted, exposed: () => metrics.expose() }
}

function due(labels: Record<string, string>): DueAlert {
  return {
    labels: labelsOf(labels),
    annotations: { text: 'x' },
    startsAtMs: 1000,
    endsAtMs: 2500,
  }
}

describe('a notifier', () => {
  it('posts alerts as the v2 API takes them', async () => {
    const { notifier, posted } = makeNotifier({ externalLabels: { region: 'eu', job: 'mine' } })
    notifier.send('up == 0', [due({ alertname: 'A', job: 'theirs' })])
    await notifier.close()
    expect(posted).toEqual([
      {
        url: 'http://a:9093/am/api/v2/alerts',
        alerts: [
          {
            labels: { alertname: 'A', job: 'theirs', region: 'eu' },
            annotations: { text: 'x' },
            startsAt: '1970-01-01T00:00:01.000Z',
            endsAt: '1970-01-01T00:00:02.500Z',
            generatorURL: 'http://here/graph?g0.expr=up+%3D%3D+0&g0.tab=1',
          },
        ],
      },
    ])
  })

  it('takes replica labels away, relabels, and drops what relabelling drops', async () => {
    const { notifier, posted } = makeNotifier({
      externalLabels: { replica: 'a' },
      droppedLabels: ['replica'],
      relabel: (labels) => {
        labels.set('seen', 'yes')
        return labels.get('alertname') !== 'Quiet'
      },
    })
    notifier.send('up', [due({ alertname: 'A' }), due({ alertname: 'Quiet' })])
    await notifier.close()
    expect(posted.flatMap((one) => one.alerts.map(({ labels }) => labels))).toEqual([
      { alertname: 'A', seen: 'yes' },
    ])
  })

  it('sends batches of 256 to every Alertmanager, and forgets the oldest beyond ten thousand', async () => {
    const { notifier, posted, exposed } = makeNotifier({ targets: ['a:1', 'b:2'] })
    notifier.send(
      'up',
      Array.from({ length: 10_001 }, (_, i) => due({ alertname: `A${i}` })),
    )
    await notifier.close()
    expect(Math.max(...posted.map(({ alerts }) => alerts.length))).toBe(256)
    const first = posted.filter(({ url }) => url.startsWith('http://a:1'))
    expect(first.flatMap(({ alerts }) => alerts)).toHaveLength(10_000)
    expect(first[0]!.alerts[0]!.labels.alertname).toBe('A1')
    expect(posted).toHaveLength(2 * first.length)
    expect(await exposed()).toContain('prometheus_notifications_dropped_total 1\n')
  })

  it('counts alerts that one did not take, and as dropped those that none took', async () => {
    const options = { targets: ['a:1', 'b:2'] }
    const half = makeNotifier(options, (url) => (url.includes('a:1') ? 500 : 200))
    half.notifier.send('up', [due({ alertname: 'A' })])
    await half.notifier.close()
    expect(await half.exposed()).toContain('prometheus_notifications_dropped_total 0\n')
    const none = makeNotifier(options, () => 503)
    none.notifier.send('up', [due({ alertname: 'A' })])
    await none.notifier.close()
    expect(await none.exposed()).toContain('prometheus_notifications_dropped_total 1\n')
    expect(await none.exposed()).toContain(
      'errors_total{alertmanager="http://a:1/am/api/v2/alerts"} 1\n',
    )
  })
})

describe('what a notifier asks of Alertmanagers', () => {
  it('is asked of the first that answers', async () => {
    const { notifier, posted } = makeNotifier({ targets: ['a:1', 'b:2', 'c:3'] }, (url) =>
      url.includes('a:1') ? 503 : 200,
    )
    notifier.send('x', [])
    await notifier.close()
    const answer = await notifier.ask('/api/v2/silences', { method: 'GET', body: '[]' })
    expect(answer.status).toBe(200)
    expect(posted.map(({ url }) => url)).toEqual([
      'http://a:1/am/api/v2/silences',
      'http://b:2/am/api/v2/silences',
    ])
    const silent = makeNotifier({ targets: ['a:1'] }, () => 500)
    await silent.notifier.close()
    await expect(
      silent.notifier.ask('/api/v2/alerts', { method: 'GET', body: '1' }),
    ).rejects.toThrow('no Alertmanager answers: http://a:1/am answered 500')
  })
})

describe('relabelling of Alertmanagers', () => {
  it('rewrites or drops targets', async () => {
    const [config] = parseAlertmanagers(
      [{ static_configs: ['a:1', 'b:2'], relabel_configs: ['rules'] }],
      (rules) => (labels) => {
        if (!Array.isArray(rules) || rules.length === 0) return true
        if (labels.get('__address__') === 'b:2') return false
        labels.set('__alerts_path__', '/other/api/v2/alerts')
        labels.set('__scheme__', 'https')
        return true
      },
    )
    const { notifier, posted } = makeNotifier({ alertmanagers: [config!] })
    notifier.send('x', [due({ alertname: 'A' })])
    await notifier.close()
    expect(posted.map(({ url }) => url)).toEqual(['https://a:1/other/api/v2/alerts'])
  })
})

describe('the configuration of Alertmanagers', () => {
  const parse = (entry: Record<string, unknown>) => parseAlertmanagers([entry], () => keep)[0]!

  it('is read as Prometheus writes it, and as Thanos does', () => {
    expect(
      parse({
        scheme: 'https',
        timeout: '3s',
        tls_config: { ca_file: '/ca', insecure_skip_verify: true },
        basic_auth: { username: 'u', password_file: '/p' },
        dns_sd_configs: [{ names: ['_am._tcp.x'] }, { names: ['am'], type: 'A', port: 9093 }],
        file_sd_configs: [{ files: ['/sd/*.yml'] }],
      }),
    ).toMatchObject({
      scheme: 'https',
      timeoutMs: 3000,
      targets: ['dnssrv+_am._tcp.x', 'dns+am:9093'],
      files: ['/sd/*.yml'],
      auth: { username: 'u', passwordFile: '/p' },
      tls: { caFile: '/ca', insecureSkipVerify: true },
    })
    expect(
      parse({
        static_configs: ['dns+am:9093'],
        http_config: { bearer_token: 't' },
        api_version: 'v2',
      }),
    ).toMatchObject({ targets: ['dns+am:9093'], auth: { scheme: 'Bearer', credentials: 't' } })
  })

  it('is refused with its place where it is wrong', () => {
    expect(() => parse({})).toThrow('no targets are configured (rules.alertmanagers, entry 1)')
    expect(() => parse({ static_configs: ['a:1'], schema: 'http' })).toThrow('unknown field schema')
    expect(() =>
      parse({ static_configs: ['a:1'], http_config: { proxy_url: 'http://p' } }),
    ).toThrow('unknown field proxy_url')
    expect(() => parse({ static_configs: ['a:1'], api_version: 'v1' })).toThrow('must be v2')
    expect(() => parse({ static_configs: ['a:1'], timeout: 'long' })).toThrow('timeout')
  })
})
