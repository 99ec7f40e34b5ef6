// Objects onto an API server as their owners write them: namespaces first, then the object, then its status.
import {
  type ApiObject,
  KubeApiError,
  type KubeClient,
  type KubeResource,
} from '../../src/kube/index.ts'

const namespaces: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
}
const definitions: KubeResource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

const writer = { fieldManager: 'crowsnest-test', force: true } as const

/** Defines kinds that the server does not have, and waits until all are served. */
export async function defineKinds(
  client: KubeClient,
  wanted: readonly { readonly resource: KubeResource; readonly definition: ApiObject }[],
): Promise<void> {
  for (const { definition } of wanted) {
    if ((await client.get(definitions, definition.metadata)) === undefined)
      await client.create(definitions, definition)
  }
  for (const { resource } of wanted) {
    for (let tries = 0; ; tries++) {
      try {
        await client.page(resource, {}, { limit: 1 })
        break
      } catch (cause) {
        if (tries > 100) throw cause
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
}

/** Writes objects, their statuses included. */
export async function placeObjects(
  client: KubeClient,
  objects: readonly ApiObject[],
  resourceOf: (object: ApiObject) => KubeResource,
): Promise<void> {
  for (const namespace of new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []))) {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }
    await client.create(namespaces, object).catch(unlessThere)
  }
  for (const given of objects) {
    const resource = resourceOf(given)
    const object: ApiObject = { ...given, apiVersion: `${resource.group}/${resource.version}` }
    await client.apply(resource, object, writer)
    const { status } = object
    if (status === undefined) continue
    const { apiVersion, kind, metadata } = object
    const { name, namespace } = metadata
    const bare = {
      apiVersion,
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    }
    await client
      .apply(resource, { ...bare, status }, { ...writer, subresource: 'status' })
      .catch((cause) => {
        // No such subresource: the status was written with the object.
        if (!(cause instanceof KubeApiError && cause.isAbsent)) throw cause
      })
  }
}

function unlessThere(cause: unknown): void {
  if (!(cause instanceof KubeApiError && cause.reason === 'AlreadyExists')) throw cause
}
