// The addon's configuration of the Prometheus agent: promtool accepts all that is rendered, from random configurations too, and the tool prints it

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type AddonIntent, intentOf, spokeManifests } from '../../src/fleet/index.ts'
import { promtool } from './debian-prometheus.ts'
import { startCrowsnest } from './gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'gateway-addon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const authority = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

// promtool wants the files that a configuration names; on a spoke they are mounted. Debian's is built without discovery
// through Kubernetes, which static targets stand for.
function checkable(rendered: string): string {
  const parsed = JSON.parse(rendered) as { scrape_configs: Record<string, unknown>[] }
  const jobs = parsed.scrape_configs.map(({ kubernetes_sd_configs: found, ...job }) =>
    found === undefined ? job : { ...job, static_configs: [{ targets: ['127.0.0.1:1'] }] },
  )
  const config = JSON.stringify({ ...parsed, scrape_configs: jobs })
  const paths = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => join(folder, name))
  for (const path of paths) writeFileSync(path, '')
  return config
    .replaceAll('/etc/crowsnest/tls/tls.crt', paths[0]!)
    .replaceAll('/etc/crowsnest/tls/tls.key', paths[1]!)
    .replaceAll('/etc/crowsnest/ca/ca.crt', paths[2]!)
    .replaceAll(/\/var\/run\/secrets\/[a-z./-]+/g, paths[2]!)
}

function configOf(intent: AddonIntent): string {
  const map = spokeManifests(intent, authority).find(({ kind }) => kind === 'ConfigMap')
  return (map as unknown as { data: Record<string, string> }).data['prometheus.yml']!
}

const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/)
const list = fc.record({
  names: fc.array(name, { minLength: 1, maxLength: 5 }),
  matches: fc.array(
    fc
      .tuple(name, fc.string({ maxLength: 8 }))
      .map(([label, value]) => `__name__=${JSON.stringify(label)},job=${JSON.stringify(value)}`),
    { maxLength: 3 },
  ),
  renames: fc.dictionary(name, name, { maxKeys: 3 }),
  recordingRules: fc.array(fc.record({ record: name, expr: fc.constant('sum(up)') }), {
    maxLength: 2,
  }),
  collectGroups: fc.constant([]),
})
const layer = fc.record({
  interval: fc.constantFrom('30s', '1m', '5m', '1h30m'),
  collection: fc.constantFrom('federate' as const, 'scrape' as const),
  prometheusUrl: fc.constantFrom('https://prometheus.monitoring.svc:9091', 'http://[::1]:9090'),
  proxy: fc.constantFrom({}, { httpsProxy: 'http://proxy.example:3128' }),
  allowlist: list,
})

it('promtool accepts every configuration that is rendered', async () => {
  let count = 0
  await fc.assert(
    fc.asyncProperty(layer, async (given) => {
      const fleet = { writeUrl: 'https://gateway.example:10902/api/v1/write' }
      const intent = intentOf({ name: 'west', id: 'w' }, [fleet, given])
      const path = join(folder, `config-${count++}.yml`)
      writeFileSync(path, checkable(configOf(intent)))
      expect(await promtool('check', 'config', '--agent', path)).toContain('SUCCESS')
    }),
    { numRuns: 60 },
  )
}, 60_000)

it('the tool prints what lands on a spoke, and says what is wrong', async () => {
  const allowlist = join(folder, 'metrics_list.yaml')
  const config = join(folder, 'west.yaml')
  writeFileSync(allowlist, 'names: [up]\n')
  writeFileSync(join(folder, 'gateway.crt'), authority)
  writeFileSync(config, 'spec: { customizedVariables: [{ name: INTERVAL, value: 45s }] }\n')
  const render = async (...more: string[]) => {
    const given = ['--url', 'https://gateway.example/api/v1/write', '--allowlist', allowlist]
    const ca = ['--ca', join(folder, 'gateway.crt')]
    const running = startCrowsnest(['tools', 'addon', 'render', 'west', ...given, ...ca, ...more])
    const code = await new Promise((resolve) => running.child.once('close', resolve))
    return { code, text: running.output() }
  }
  const { code, text } = await render('--config', config)
  expect(code).toBe(0)
  const kinds = parseAllDocuments(text).map(
    (document) => (document.toJS() as { kind: string }).kind,
  )
  expect(kinds).toEqual([
    'Namespace',
    'ServiceAccount',
    'ClusterRole',
    'ClusterRoleBinding',
    'Secret',
    'ConfigMap',
    'StatefulSet',
    'NetworkPolicy',
  ])
  expect(text).toContain('"scrape_interval": "45s"')
  expect(await render('--for', 'karmada')).toMatchObject({
    code: 1,
    text: expect.stringContaining('give --cert and --key'),
  })
  expect((await render('--for', 'ocm')).text).toContain('kind: ManifestWork')
})
