// What we ask an API server in transcripts: one scenario for each thing that we rely on.
// Invariants: a scenario stands alone in a namespace of its own, and asks in one order.

import { scenarioCertificatePem, scenarioRequestPem } from './signing-request.ts'
import type { Answer, Transcript } from './transcript.ts'

/** The group of the kind that scenarios make objects of. */
export const widgetGroup = 'transcripts.crowsnest.example'

/** A CRD with a status, a list that is a map, a set, and an ordinary list. */
export const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${widgetGroup}` },
  spec: {
    group: widgetGroup,
    scope: 'Namespaced',
    names: {
      plural: 'widgets',
      singular: 'widget',
      kind: 'Widget',
      listKind: 'WidgetList',
      shortNames: ['wdg'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  color: { type: 'string' },
                  tags: { type: 'array', items: { type: 'string' } },
                  finishes: {
                    type: 'array',
                    items: { type: 'string' },
                    'x-kubernetes-list-type': 'set',
                  },
                  parts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, count: { type: 'integer' } },
                    },
                  },
                  options: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
              status: {
                type: 'object',
                properties: {
                  phase: { type: 'string' },
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: {
                      type: 'object',
                      required: ['type', 'status'],
                      properties: {
                        type: { type: 'string' },
                        status: { type: 'string' },
                        reason: { type: 'string' },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
} as const

const apply = 'application/apply-patch+yaml'
const merge = 'application/merge-patch+json'

interface Widget {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

function widget(name: string, spec: object, more: object = {}, metadata: object = {}): Widget {
  return {
    apiVersion: `${widgetGroup}/v1`,
    kind: 'Widget',
    metadata: { name, ...metadata },
    spec,
    ...more,
  }
}

function widgets(t: Transcript, name = '', query = ''): string {
  const below = name === '' ? '' : `/${name}`
  return `/apis/${widgetGroup}/v1/namespaces/${t.ns}/widgets${below}${query}`
}

/** By name: what is asked. */
export const scenarios: Readonly<Record<string, (t: Transcript) => Promise<void>>> = {
  objects: async (t) => {
    const path = widgets(t)
    await t.ask({ method: 'POST', path, body: widget('a', { size: 1 }) })
    await t.ask({ method: 'POST', path, body: widget('a', { size: 2 }) })
    await t.ask({ method: 'GET', path: widgets(t, 'a') })
    await t.ask({ method: 'GET', path: widgets(t, 'missing') })
    const made = await t.quietly({
      method: 'POST',
      path,
      body: widget('', { size: 3 }, {}, { name: undefined, generateName: 'made-' }),
    })
    const { name } = (made.answer as Widget).metadata as { name: string }
    t.name(name, 'MADE')
    await t.ask({ method: 'GET', path: widgets(t, name) })
    await t.ask({
      method: 'DELETE',
      path: widgets(t, 'a'),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: '00000000-0000-0000-0000-000000000000' },
      },
    })
    await t.ask({ method: 'DELETE', path: widgets(t, 'a') })
    await t.ask({ method: 'DELETE', path: widgets(t, 'a') })
    await t.ask({
      method: 'POST',
      path,
      body: widget('kept', { size: 1 }, {}, { finalizers: ['example.com/keep'] }),
    })
    await t.ask({ method: 'DELETE', path: widgets(t, 'kept') })
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'kept'),
      contentType: merge,
      body: { metadata: { finalizers: null } },
    })
    await t.ask({ method: 'GET', path: widgets(t, 'kept') })
    await t.ask({
      method: 'POST',
      path: `/apis/${widgetGroup}/v1/namespaces/no-such-namespace-of-ours/widgets`,
      body: widget('a', {}),
    })
    await t.ask({ method: 'GET', path: `/apis/${widgetGroup}/v1/gadgets` })
    await t.ask({ method: 'GET', path: '/apis/no-such-group.example/v1/things' })
    await t.ask({ method: 'POST', path, body: { kind: 'Widget' } })
    await t.ask({ method: 'POST', path, body: widget('Bad_Name', {}) })
  },

  updates: async (t) => {
    const path = widgets(t, 'a')
    const made = await t.ask({ method: 'POST', path: widgets(t), body: widget('a', { size: 1 }) })
    const changed = { ...made, spec: { size: 2, tags: ['x', 'y'] } }
    const replaced = await t.ask({ method: 'PUT', path, body: changed })
    await t.ask({ method: 'PUT', path, body: { ...changed, spec: { size: 3 } } })
    await t.ask({ method: 'PUT', path, body: widget('a', { size: 4 }) })
    await t.ask({ method: 'PUT', path, body: replaced })
    await t.ask({ method: 'PUT', path, body: widget('b', { size: 4 }) })
    await t.ask({
      method: 'PATCH',
      path,
      contentType: merge,
      body: { metadata: { labels: { team: 'red' } }, spec: { tags: null, color: 'blue' } },
    })
    await t.ask({
      method: 'PATCH',
      path,
      contentType: merge,
      body: { metadata: { resourceVersion: made.metadata.resourceVersion }, spec: { size: 9 } },
    })
    await t.ask({ method: 'PATCH', path: widgets(t, 'missing'), contentType: merge, body: {} })
    await t.ask({
      method: 'PATCH',
      path,
      contentType: 'application/json-patch+json',
      body: [
        { op: 'test', path: '/spec/color', value: 'blue' },
        { op: 'replace', path: '/spec/size', value: 7 },
        { op: 'remove', path: '/metadata/labels/team' },
      ],
    })
    await t.ask({ method: 'PATCH', path, contentType: 'text/plain', body: {} })
  },

  lists: async (t) => {
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      const labels = { parity: index % 2 === 0 ? 'even' : 'odd' }
      await t.quietly({
        method: 'POST',
        path: widgets(t),
        body: widget(name, { size: index }, {}, { labels }),
      })
    }
    const first = await t.ask({ method: 'GET', path: widgets(t, '', '?limit=2') })
    await t.quietly({ method: 'DELETE', path: widgets(t, 'd') })
    const token = encodeURIComponent(first.metadata.continue)
    const second = await t.ask({
      method: 'GET',
      path: widgets(t, '', `?limit=2&continue=${token}`),
    })
    const last = encodeURIComponent(second.metadata.continue)
    await t.ask({ method: 'GET', path: widgets(t, '', `?limit=2&continue=${last}`) })
    await t.ask({ method: 'GET', path: widgets(t, '', '?labelSelector=parity%3Deven&limit=1') })
    await t.ask({ method: 'GET', path: widgets(t, '', '?labelSelector=parity+in+(odd),!absent') })
    await t.ask({ method: 'GET', path: widgets(t, '', '?fieldSelector=metadata.name%3Db') })
    await t.ask({ method: 'GET', path: widgets(t, '', '?labelSelector=%3D%3D') })
    await t.ask({ method: 'GET', path: widgets(t, '', '?continue=nonsense') })
    await t.ask({
      method: 'GET',
      path: widgets(t, '', '?limit=1'),
      accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    })
    await t.ask({ method: 'GET', path: widgets(t), as: 'nobody-of-ours' })
  },

  watches: async (t) => {
    const a = await t.ask({
      method: 'POST',
      path: widgets(t),
      body: widget('a', { size: 1 }, {}, { labels: { keep: 'yes' } }),
    })
    const from = a.metadata.resourceVersion
    const changes = async (): Promise<void> => {
      await t.quietly({ method: 'POST', path: widgets(t), body: widget('b', { size: 1 }) })
      await t.quietly({
        method: 'PATCH',
        path: widgets(t, 'a'),
        contentType: merge,
        body: { spec: { size: 2 } },
      })
      await t.quietly({
        method: 'PATCH',
        path: widgets(t, 'a'),
        contentType: merge,
        body: { metadata: { labels: { keep: null } } },
      })
      await t.quietly({ method: 'DELETE', path: widgets(t, 'b') })
    }
    await t.watch(
      { method: 'GET', path: widgets(t, '', `?watch=true&resourceVersion=${from}`) },
      4,
      changes,
    )
    // The same history again, seen through a selector: leaving it is a deletion.
    const selected = `?watch=true&resourceVersion=${from}&labelSelector=keep%3Dyes`
    await t.watch({ method: 'GET', path: widgets(t, '', selected) }, 2, () => Promise.resolve())
    await t.watch(
      {
        method: 'GET',
        path: widgets(t, '', `?watch=true&resourceVersion=${from}&fieldSelector=metadata.name%3Db`),
        accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      },
      2,
      () => Promise.resolve(),
    )
    await t.watch({ method: 'GET', path: widgets(t, '', '?watch=true') }, 1, () =>
      Promise.resolve(),
    )
    // A watch that sees nothing of what happens hears of the version all the same.
    const brief = '?watch=true&allowWatchBookmarks=true&timeoutSeconds=4&labelSelector=no%3Done'
    const ask = { method: 'GET', path: widgets(t, '', `${brief}&resourceVersion=${from}`) }
    const events = await t.watch(ask, 1, async () => {
      await t.quietly({ method: 'POST', path: widgets(t), body: widget('c', { size: 1 }) })
    })
    t.exchanges.pop()
    t.exchanges.push({
      ask: { method: 'GET', path: 'a watch with bookmarks' },
      status: 200,
      answer: events.slice(0, 1).map(({ type, object }) => ({
        type,
        kind: object.kind,
        apiVersion: object.apiVersion,
        fields: Object.keys(object.metadata).sort(),
        isLater: Number(object.metadata.resourceVersion) > Number(from),
      })),
    })
    await t.quietly({ method: 'DELETE', path: widgets(t, 'c') })
    await t.watch({ method: 'GET', path: widgets(t, '', '?watch=true&timeoutSeconds=1') }, 9, () =>
      Promise.resolve(),
    )
    const future = '?watch=true&resourceVersion=nonsense'
    await t.watch({ method: 'GET', path: widgets(t, '', future) }, 1, () => Promise.resolve())
  },

  expired: async (t) => {
    await t.quietly({ method: 'POST', path: widgets(t), body: widget('a', { size: 1 }) })
    const watch = widgets(t, '', '?watch=true&resourceVersion=1')
    await t.watch({ method: 'GET', path: watch }, 1, () => Promise.resolve())
    const token = Buffer.from(
      JSON.stringify({ v: 'meta.k8s.io/v1', rv: 1, start: 'a\u0000' }),
    ).toString('base64url')
    await t.ask({ method: 'GET', path: widgets(t, '', `?limit=1&continue=${token}`) })
  },

  apply: async (t) => {
    const as = (manager: string, spec: object, more = ''): Promise<Transcript['ns']> =>
      t.ask({
        method: 'PATCH',
        path: widgets(t, 'a', `?fieldManager=${manager}${more}`),
        contentType: apply,
        body: widget('a', spec),
      })
    await as('one', {
      size: 1,
      color: 'red',
      tags: ['x'],
      finishes: ['matte'],
      parts: [{ name: 'wheel', count: 4 }],
      options: { speed: 'slow' },
    })
    await as('one', {
      size: 1,
      color: 'red',
      tags: ['x'],
      finishes: ['matte'],
      parts: [{ name: 'wheel', count: 4 }],
      options: { speed: 'slow' },
    })
    await as('two', { size: 2, parts: [{ name: 'wheel', count: 5 }] })
    await as('two', {
      size: 1,
      finishes: ['glossy'],
      parts: [{ name: 'door', count: 2 }],
      options: { light: 'on' },
    })
    await as('two', { size: 2, tags: ['y'] }, '&force=true')
    await as('one', { color: 'red' })
    await as('two', { size: 2 })
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'a', '?fieldManager=three'),
      contentType: merge,
      body: { spec: { color: 'green' } },
    })
    await as('one', { color: 'red' })
    await as('one', { color: 'red' }, '&force=true')
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'a'),
      contentType: apply,
      body: widget('a', { size: 1 }),
    })
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'a', '?fieldManager=one'),
      contentType: apply,
      body: widget('a', {}, {}, { managedFields: [], resourceVersion: '1' }),
    })
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'a', '?fieldManager=one'),
      contentType: apply,
      body: widget('other', {}),
    })
  },

  status: async (t) => {
    const made = await t.ask({
      method: 'POST',
      path: widgets(t),
      body: widget('a', { size: 1 }, { status: { phase: 'Ignored' } }),
    })
    const status = await t.ask({
      method: 'PUT',
      path: widgets(t, 'a/status'),
      body: { ...made, spec: { size: 9 }, status: { phase: 'Ready' } },
    })
    await t.ask({
      method: 'PUT',
      path: widgets(t, 'a'),
      body: { ...status, spec: { size: 2 }, status: { phase: 'Ignored' } },
    })
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'a/status'),
      contentType: merge,
      body: { spec: { size: 9 }, status: { phase: 'Busy' } },
    })
    await t.ask({ method: 'GET', path: widgets(t, 'a/status') })
    const condition = (value: string): object => ({
      conditions: [{ type: 'Ready', status: value, reason: 'Tried' }],
    })
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'a/status', '?fieldManager=one'),
      contentType: apply,
      body: { ...widget('a', {}), spec: undefined, status: condition('True') },
    })
    await t.ask({
      method: 'PATCH',
      path: widgets(t, 'a/status', '?fieldManager=two'),
      contentType: apply,
      body: { ...widget('a', {}), spec: undefined, status: condition('False') },
    })
    await t.ask({ method: 'GET', path: widgets(t, 'a/no-such-subresource') })
  },

  signing: async (t) => {
    const all = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
    const request = (name: string): object => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name, labels: { 'crowsnest.example/transcript': t.ns } },
      spec: {
        request: Buffer.from(scenarioRequestPem).toString('base64'),
        signerName: 'crowsnest.example/fleet',
        usages: ['digital signature', 'client auth'],
        username: 'forged',
      },
    })
    const name = `csr-${t.ns}`
    const made = await t.ask({ method: 'POST', path: all, body: request(name) })
    const condition = (type: string): object => ({
      type,
      status: 'True',
      reason: 'Checked',
      message: 'as asked',
    })
    const issue = (pem: string, from: Answer): Promise<Answer> =>
      t.ask({
        method: 'PUT',
        path: `${all}/${name}/status`,
        body: {
          ...from,
          status: { ...from.status, certificate: Buffer.from(pem).toString('base64') },
        },
      })
    await issue(scenarioCertificatePem, made)
    await t.ask({
      method: 'PUT',
      path: `${all}/${name}`,
      body: { ...made, status: { conditions: [condition('Approved')] } },
    })
    const fresh = await t.ask({ method: 'GET', path: `${all}/${name}` })
    const approved = await t.ask({
      method: 'PUT',
      path: `${all}/${name}/approval`,
      body: { ...fresh, status: { conditions: [condition('Approved')] } },
    })
    await t.ask({
      method: 'PUT',
      path: `${all}/${name}/approval`,
      body: { ...approved, status: { conditions: [condition('Approved'), condition('Denied')] } },
    })
    await t.ask({
      method: 'PUT',
      path: `${all}/${name}/approval`,
      body: { ...approved, status: { conditions: [] } },
    })
    const malformed = '-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n'
    const latest = await t.ask({ method: 'GET', path: `${all}/${name}` })
    await issue(malformed, latest)
    const issued = await issue(scenarioCertificatePem, latest)
    await issue(scenarioCertificatePem + scenarioCertificatePem, issued)
    await t.ask({
      method: 'POST',
      path: all,
      body: {
        ...request(`bad-${t.ns}`),
        spec: { request: 'bm8=', signerName: 'a.b/c', usages: ['client auth'] },
      },
    })
    await t.quietly({ method: 'DELETE', path: `${all}/${name}` })
  },

  leases: async (t) => {
    const all = `/apis/coordination.k8s.io/v1/namespaces/${t.ns}/leases`
    const made = await t.ask({
      method: 'POST',
      path: all,
      body: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'leader' },
        spec: {
          holderIdentity: 'one',
          leaseDurationSeconds: 15,
          renewTime: '2026-01-01T00:00:00.000000Z',
        },
      },
    })
    await t.ask({
      method: 'PUT',
      path: `${all}/leader`,
      body: { ...made, spec: { ...made.spec, holderIdentity: 'two' } },
    })
    await t.ask({
      method: 'PUT',
      path: `${all}/leader`,
      body: { ...made, spec: { ...made.spec, holderIdentity: 'three' } },
    })
  },

  discovery: async (t) => {
    await t.ask({ method: 'GET', path: `/apis/${widgetGroup}` })
    await t.ask({ method: 'GET', path: `/apis/${widgetGroup}/v1` })
    await t.ask({ method: 'GET', path: '/apis/no-such-group.example/v1' })
  },
}
