// A real Prometheus as sender: what it scrapes and remote-writes arrives at the write routes, in its own wire format.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { UserError } from '../../src/model/index.ts'
import { createHarness } from '../api/write/write-harness.ts'
import { freePort, start, until } from './process.ts'

/** A target whose counter goes up by one with every scrape. */
async function startTarget(): Promise<{ port: number; close: () => void }> {
  let scrapes = 0
  const server = createServer((_request, response) => {
    scrapes++
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(`# TYPE scrapes_total counter\nscrapes_total{path="a b/é"} ${scrapes}\n`)
  })
  const port = await freePort()
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  return { port, close: () => server.close() }
}

function configOf(targetPort: number, gatewayPort: number): string {
  return JSON.stringify({
    global: { scrape_interval: '200ms', external_labels: { cluster: 'west' } },
    scrape_configs: [
      { job_name: 'app', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] },
    ],
    remote_write: [
      {
        url: `http://127.0.0.1:${gatewayPort}/api/metrics/v1/team-a/api/v1/receive`,
        headers: { 'THANOS-TENANT': 'team-a' },
        queue_config: { batch_send_deadline: '200ms', max_backoff: '200ms' },
        metadata_config: { send_interval: '1s' },
      },
    ],
  })
}

it('a Prometheus agent delivers every scrape once and in order, and repeats after 503', async () => {
  const target = await startTarget()
  const { app, store, metrics } = await createHarness()
  const gatewayPort = await freePort()
  await app.listen({ host: '127.0.0.1', port: gatewayPort })
  const folder = mkdtempSync(join(tmpdir(), 'sender-'))
  const config = join(folder, 'prometheus.yml')
  writeFileSync(config, configOf(target.port, gatewayPort))
  store.failure = new UserError('not_ready', { what: 'replaying' })
  const sender = start('prometheus', [
    '--enable-feature=agent',
    `--config.file=${config}`,
    `--storage.agent.path=${join(folder, 'agent')}`,
    `--web.listen-address=127.0.0.1:${await freePort()}`,
  ])
  try {
    const values = (): number[] =>
      store.recorded
        .flatMap(({ samples }) => samples)
        .filter((sample) => sample.startsWith('{__name__=scrapes_total,'))
        .map((sample) => Number(/\} (\d+)@/.exec(sample)![1]))
    const refusals = async (): Promise<boolean> =>
      /reason="not_ready"\} [1-9]/.test(await metrics.expose())
    await until('a refused write', refusals, { of: sender })
    store.failure = undefined
    await until('ten scrapes', () => values().length >= 10, { of: sender })
    await until('metadata', () => store.recorded.some(({ samples }) => samples.length === 0), {
      of: sender,
    })
    const seen = values()
    expect(seen).toEqual(seen.map((_value, index) => seen[0]! + index))
    expect(seen[0]).toBe(1)
    const { request, samples } = store.recorded.find(({ samples }) => samples.length > 0)!
    expect(request).toMatchObject({ tenant: 'team-a', format: 'remote-write-1' })
    expect(samples.join('\n')).toContain(
      `cluster=west,instance=127.0.0.1:${target.port},job=app,path=a b/é`,
    )
  } finally {
    await sender.stop()
    await app.close()
    target.close()
  }
})
