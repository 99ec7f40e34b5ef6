// Calls of the client against the double: objects, conflicts, apply, status, signing, kubeconfig.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  certificateSigningRequests,
  decideSigning,
  issueCertificate,
  KubeApiError,
  KubeClient,
  type KubeResource,
  keyOf,
  openEndpoint,
  resourceName,
  signingStateOf,
} from '../../src/kube/index.ts'
import { ApiServerDouble } from './api-server-double/api-server.ts'
import { widgetDefinition, widgetGroup } from './transcripts/scenarios.ts'
import { scenarioCertificatePem, scenarioRequestPem } from './transcripts/signing-request.ts'

const widgets: KubeResource = {
  group: widgetGroup,
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
}
const widget = (name: string, spec: object) => ({
  apiVersion: `${widgetGroup}/v1`,
  kind: 'Widget',
  metadata: { name, namespace: 'n' },
  spec,
})

describe('KubeClient', () => {
  const double = new ApiServerDouble()
  let client: KubeClient

  beforeAll(async () => {
    await double.start()
    double.makeNamespace('n')
    double.define(widgetDefinition)
    client = new KubeClient(double.endpoint())
  })
  afterAll(() => double.stop())

  it('gives nothing for what is not there, be it an object or a kind', async () => {
    expect(await client.get(widgets, { namespace: 'n', name: 'missing' })).toBeUndefined()
    const gadgets = { ...widgets, plural: 'gadgets' }
    expect(await client.get(gadgets, { namespace: 'n', name: 'missing' })).toBeUndefined()
    expect(await client.delete(widgets, { namespace: 'n', name: 'missing' })).toBe(false)
  })

  it('tells what was asked, and what the server said', async () => {
    await client.create(widgets, widget('twice', { size: 1 }))
    const error = await client.create(widgets, widget('twice', { size: 1 })).catch((e) => e)
    expect(error).toBeInstanceOf(KubeApiError)
    expect(error).toMatchObject({ status: 409, reason: 'AlreadyExists', isConflict: true })
    expect(error.message).toContain(
      'POST /apis/transcripts.crowsnest.example/v1/namespaces/n/widgets',
    )
    expect(error.message).toContain('already exists')
  })

  it('applies fields as a manager, refuses those of others, and takes them over when forced', async () => {
    await client.apply(widgets, widget('a', { size: 1 }), { fieldManager: 'one' })
    const other = client.apply(widgets, widget('a', { size: 2 }), { fieldManager: 'two' })
    await expect(other).rejects.toMatchObject({ status: 409, reason: 'Conflict' })
    const forced = await client.apply(widgets, widget('a', { size: 2 }), {
      fieldManager: 'two',
      force: true,
    })
    expect(forced.spec).toEqual({ size: 2 })
    expect(keyOf(forced)).toBe('n/a')
  })

  it('writes the status through its subresource, by patch and by apply', async () => {
    await client.create(widgets, widget('s', { size: 1 }))
    const ref = { namespace: 'n', name: 's' }
    await client.patch(widgets, ref, { status: { phase: 'Ready' } }, { subresource: 'status' })
    const { spec: _, ...bare } = widget('s', {})
    const conditions = [{ type: 'Ready', status: 'True' }]
    const applied = await client.apply(
      widgets,
      { ...bare, status: { conditions } },
      { fieldManager: 'one', subresource: 'status' },
    )
    expect(applied.status).toEqual({ phase: 'Ready', conditions })
    expect(applied.spec).toEqual({ size: 1 })
  })

  it('deletes only the object that was meant', async () => {
    const made = await client.create(widgets, widget('d', { size: 1 }))
    const ref = { namespace: 'n', name: 'd' }
    const wrong = client.delete(widgets, ref, { uid: '00000000-0000-0000-0000-000000000000' })
    await expect(wrong).rejects.toMatchObject({ status: 409 })
    expect(await client.delete(widgets, ref, { uid: made.metadata.uid! })).toBe(true)
  })

  it('approves a signing request once, and gives it its certificate', async () => {
    const request = await client.create(certificateSigningRequests, {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'cluster1' },
      spec: {
        request: Buffer.from(scenarioRequestPem).toString('base64'),
        signerName: 'crowsnest.example/fleet',
        usages: ['client auth'],
      },
    })
    expect(signingStateOf(request)).toBe('pending')
    const verdict = { verdict: 'Approved', reason: 'Checked', message: 'as it should be' } as const
    const approved = await decideSigning(client, request, verdict)
    expect(signingStateOf(approved)).toBe('approved')
    // What was judged has changed since.
    await expect(decideSigning(client, request, verdict)).rejects.toMatchObject({ status: 409 })
    const denied = { ...verdict, verdict: 'Denied' } as const
    await expect(decideSigning(client, approved, denied)).rejects.toMatchObject({ status: 422 })
    const issued = await issueCertificate(client, approved, scenarioCertificatePem)
    expect(signingStateOf(issued)).toBe('issued')
  })

  it('knows which resources a group serves, and none where it serves none', async () => {
    expect((await client.resources(widgetGroup, 'v1')).map(resourceName)).toEqual([
      `widgets.${widgetGroup}`,
    ])
    expect(await client.resources('no-such-group.example', 'v1')).toEqual([])
  })

  it('refuses an answer that is larger than its bound', async () => {
    const small = new KubeClient(double.endpoint(), { answerSizeBytesMax: 100 })
    await expect(small.get(widgets, { namespace: 'n', name: 'a' })).rejects.toThrow(
      'larger than 100 bytes',
    )
  })

  it('gives up on a server that does not answer in time', async () => {
    double.refuse = (aim) => {
      // Longer than the client waits, and it is the only request under way.
      if (aim.name === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
      return undefined
    }
    const hasty = new KubeClient(double.endpoint(), { timeoutMs: 50 })
    await expect(hasty.get(widgets, { namespace: 'n', name: 'slow' })).rejects.toThrow('timeout')
    double.refuse = () => undefined
  })

  it('reaches a server by a kubeconfig, with its token, also when the file is replaced', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
    const file = join(folder, 'config')
    const kubeconfigOf = (token: string): object => ({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'one',
      clusters: [{ name: 'c', cluster: { server: double.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'one', context: { cluster: 'c', user: 'u' } }],
    })
    writeFileSync(file, JSON.stringify(kubeconfigOf('secret')))
    const endpoint = await openEndpoint({ kubeconfig: file })
    expect((await endpoint.requestOptions()).headers).toMatchObject({
      Authorization: 'Bearer secret',
    })
    const reached = new KubeClient(endpoint)
    expect(await reached.get(widgets, { namespace: 'n', name: 'a' })).toBeDefined()
    const authorization = async (): Promise<unknown> =>
      Object(await endpoint.requestOptions()).headers.Authorization
    writeFileSync(file, '{ "half":')
    expect(await authorization()).toBe('Bearer secret')
    writeFileSync(file, JSON.stringify(kubeconfigOf('rotated')))
    expect(await authorization()).toBe('Bearer rotated')
    rmSync(file)
    expect(await authorization()).toBe('Bearer rotated')
  })

  it('says that it is in no pod', async () => {
    await expect(openEndpoint({ inCluster: true })).rejects.toThrow(
      /not run in a pod.*service account/,
    )
  })

  it('says which kubeconfig is wrong, and what it must have', async () => {
    await expect(openEndpoint({ kubeconfig: '/no/such/file' })).rejects.toThrow(
      /kubeconfig \/no\/such\/file.*name a readable kubeconfig/,
    )
  })
})
