// The double under clients that are not ours: kubectl where it is installed, and the Kubernetes client library.
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiServerDouble } from './api-server-double/api-server.ts'
import { widgetDefinition, widgetGroup } from './transcripts/scenarios.ts'

const run = promisify(execFile)
const double = new ApiServerDouble()
const folder = mkdtempSync(join(tmpdir(), 'double-'))
const kubeconfig = join(folder, 'config')

beforeAll(async () => {
  await double.start()
  double.makeNamespace('n')
  double.define(widgetDefinition)
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: double.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    }),
  )
})
afterAll(() => double.stop())

const hasKubectl = await run('kubectl', ['version', '--client']).then(
  () => true,
  () => false,
)

describe.skipIf(!hasKubectl)('kubectl', () => {
  const kubectl = async (...words: string[]): Promise<string> => {
    const global = ['--kubeconfig', kubeconfig, '--cache-dir', join(folder, 'cache'), '-n', 'n']
    return (await run('kubectl', [...global, ...words])).stdout.trim()
  }
  const apply = (manager: string, spec: object): Promise<string> => {
    const file = join(folder, `${manager}.json`)
    const metadata = { name: 'k', namespace: 'n' }
    writeFileSync(
      file,
      JSON.stringify({ apiVersion: `${widgetGroup}/v1`, kind: 'Widget', metadata, spec }),
    )
    const how = ['--server-side', '--validate=false', `--field-manager=${manager}`]
    return kubectl('apply', ...how, '-f', file)
  }

  it('finds kinds, also by their short names', async () => {
    expect(await kubectl('api-resources', '--api-group', widgetGroup, '-o', 'name')).toBe(
      `widgets.${widgetGroup}`,
    )
    expect(await kubectl('get', 'wdg', '-o', 'name')).toBe('')
  }, 20_000)

  it('applies, is refused what another manager owns, patches, selects, and deletes', async () => {
    expect(await apply('one', { size: 1 })).toContain('serverside-applied')
    await expect(apply('two', { size: 2 })).rejects.toThrow(/conflict with "one"/)
    await kubectl('label', 'wdg', 'k', 'team=red')
    expect(
      await kubectl('get', 'wdg', '-l', 'team=red', '-o', 'jsonpath={.items[*].spec.size}'),
    ).toBe('1')
    const status = ['--subresource=status', '--type=merge', '-p', '{"status":{"phase":"Ready"}}']
    await kubectl('patch', 'wdg', 'k', ...status)
    expect(await kubectl('get', 'wdg', 'k', '-o', 'jsonpath={.status.phase}')).toBe('Ready')
    await kubectl('delete', 'wdg', 'k', '--wait=true')
    await expect(kubectl('get', 'wdg', 'k')).rejects.toThrow(/NotFound/)
  }, 30_000)
})

describe('the Kubernetes client library', () => {
  const config = new KubeConfig()
  beforeAll(() => config.loadFromFile(kubeconfig))
  const widgets = { group: widgetGroup, version: 'v1', namespace: 'n', plural: 'widgets' }

  it('creates, lists and deletes with its typed calls', async () => {
    const core = config.makeApiClient(CoreV1Api)
    await core.createNamespacedConfigMap({
      namespace: 'n',
      body: { metadata: { name: 'c' }, data: { a: 'b' } },
    })
    const { items } = await core.listNamespacedConfigMap({ namespace: 'n' })
    expect(items.map(({ metadata, data }) => [metadata?.name, data])).toEqual([['c', { a: 'b' }]])
    await core.deleteNamespacedConfigMap({ namespace: 'n', name: 'c' })
    const gone = core.readNamespacedConfigMap({ namespace: 'n', name: 'c' })
    await expect(gone).rejects.toMatchObject({ code: 404 })
  })

  it('applies as a manager and watches', async () => {
    const objects = config.makeApiClient(CustomObjectsApi)
    const events: string[] = []
    const watch = await new Watch(config).watch(
      `/apis/${widgetGroup}/v1/namespaces/n/widgets`,
      {},
      (type, object) => events.push(`${type} ${object.spec.size}`),
      () => undefined,
    )
    const apply = (fieldManager: string, size: number): Promise<unknown> =>
      objects.patchNamespacedCustomObject(
        {
          ...widgets,
          name: 'l',
          body: {
            apiVersion: `${widgetGroup}/v1`,
            kind: 'Widget',
            metadata: { name: 'l' },
            spec: { size },
          },
          fieldManager,
        },
        setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply),
      )
    await apply('one', 1)
    await apply('one', 2)
    await expect(apply('two', 3)).rejects.toMatchObject({ code: 409 })
    await expect.poll(() => events).toEqual(['ADDED 1', 'MODIFIED 2'])
    watch.abort()
  })
})
