// The double under a client that is not ours: the Kubernetes client library. kubectl: test/e2e/kubectl.test.ts.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
