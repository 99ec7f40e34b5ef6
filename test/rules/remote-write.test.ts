import snappy from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { prometheus } from '../../src/encoding/index.ts'
import { labelsOf } from '../../src/model/index.ts'
import { type PeerRequest, parseWriteEndpoints, RemoteWriter } from '../../src/rules/index.ts'

function writer(statuses: Record<string, readonly (number | Error)[]>, timeoutMs = 1000) {
  const sent: PeerRequest[] = []
  const left = new Map(Object.entries(statuses).map(([host, list]) => [host, [...list]]))
  const remote = new RemoteWriter(
    {
      endpoints: parseWriteEndpoints(
        Object.keys(statuses).map((host) => ({
          url: `http://${host}/write`,
          headers: { 'x-a': 'b' },
        })),
      ),
      tenantHeader: 'X-Tenant',
      externalLabels: { region: 'eu' },
      timeoutMs,
    },
    {
      discover: async () => [],
      async send(request) {
        sent.push(request)
        const status = left.get(new URL(request.url).host)!.shift()!
        if (typeof status !== 'number') throw status
        return { status, contentType: '', body: Buffer.from('because') }
      },
    },
  )
  const append = (labels: Record<string, string>[] = [{ __name__: 'm' }]) =>
    remote.append(
      'team',
      labels.map((one) => ({
        labels: labelsOf(one),
        timestampMs: 5,
        value: 2,
        histogram: undefined,
        isStale: false,
      })),
    )
  return { append, sent }
}

describe('remote writing of results', () => {
  it('sends every sample to every endpoint, with external labels and the tenant', async () => {
    const { append, sent } = writer({ 'a:1': [200], 'b:2': [204] })
    await append([{ __name__: 'm' }, { __name__: 'n', region: 'us' }])
    expect(sent.map(({ url }) => url).sort()).toEqual(['http://a:1/write', 'http://b:2/write'])
    expect(sent[0]!.headers).toMatchObject({ 'X-Tenant': 'team', 'x-a': 'b' })
    const plain = snappy.uncompress(sent[0]!.body as Uint8Array)
    const { timeseries } = prometheus.WriteRequest.decode(new Uint8Array(plain))
    const shown = timeseries.map(({ labels, samples }) => [
      labels!.map(({ name, value }) => `${name}=${value}`).join(),
      samples![0]!.value,
    ])
    expect(shown).toEqual([
      ['__name__=m,region=eu', 2],
      ['__name__=n,region=us', 2],
    ])
  })

  it('tries again what is worth it, and says what an endpoint did not take', async () => {
    const busy = writer({ 'a:1': [503, new Error('reset'), 429, 200] })
    await busy.append()
    expect(busy.sent).toHaveLength(4)
    const refused = writer({ 'a:1': [400] })
    await expect(refused.append()).rejects.toThrow(
      'http://a:1/write did not take the samples: 400 because',
    )
    expect(refused.sent).toHaveLength(1)
    const down = writer({ 'a:1': Array.from({ length: 9 }, () => 500) }, 250)
    await expect(down.append()).rejects.toThrow('500 because')
    expect(down.sent.length).toBeLessThan(4)
  })

  it('refuses series that external labels make equal', async () => {
    const { append } = writer({ 'a:1': [200] })
    await expect(append([{ __name__: 'm' }, { __name__: 'm', region: 'eu' }])).rejects.toThrow(
      'equal once the external labels are set',
    )
  })

  it('is configured as Prometheus has it', () => {
    const [endpoint] = parseWriteEndpoints([
      { url: 'https://x/w', name: 'hub', remote_timeout: '5s', bearer_token: 't' },
    ])
    expect(endpoint).toMatchObject({
      url: 'https://x/w',
      scheme: 'https',
      timeoutMs: 5000,
      auth: { credentials: 't' },
    })
    expect(() => parseWriteEndpoints([{ url: 'ftp://x' }])).toThrow('not an http(s) URL')
    expect(() => parseWriteEndpoints([{ url: 'http://x', sigv4: {} }])).toThrow(
      'unknown field sigv4 (rules.remoteWrite, entry 1)',
    )
  })
})
