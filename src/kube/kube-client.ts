// Typed calls to one API server: get, list, create, apply, patch, replace, delete, watch, and discovery.
// Invariants: lists are always paged; server-side apply always names its field manager; nothing is retried
// here, since only callers know what is safe to repeat.
// Source: Kubernetes API concepts; facts/ecosystem.md §1.2.

import type { IncomingMessage } from 'node:http'
import { KubeApiError } from './api-error.ts'
import {
  type ApiObject,
  apiVersionOf,
  collectionPath,
  fieldOf,
  groupPath,
  isApiObject,
  type KubeResource,
  type ObjectRef,
  objectPath,
  textOf,
} from './api-object.ts'
import type { KubeEndpoint } from './kube-endpoint.ts'
import { callJson, type HttpBounds, type KubeCall, openStream } from './kube-http.ts'

/** What of a resource is listed or watched. */
export interface KubeSelection {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Objects come as apiVersion, kind and metadata only. */
  readonly metadataOnly?: boolean
}

/** One page of a list. `next` is the token of the page after it. */
export interface KubePage {
  readonly items: readonly ApiObject[]
  readonly resourceVersion: string
  readonly next?: string
}

/** Who writes by server-side apply. With `force` fields of other managers are taken over. */
export interface ApplyOptions {
  readonly fieldManager: string
  readonly force?: boolean
  readonly subresource?: 'status'
}

/** What must hold for a deletion, and what happens to what the object owns. */
export interface DeleteOptions {
  readonly uid?: string
  readonly resourceVersion?: string
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
}

/** Defaults: lists of 500 objects with large annotations stay below the bound. */
export const httpDefaults: HttpBounds = {
  timeoutMs: 30_000,
  answerSizeBytesMax: 256 * 1024 * 1024,
}

const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const metadataEvent = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

/** Calls to one API server. */
export class KubeClient {
  readonly #endpoint: KubeEndpoint
  readonly #bounds: HttpBounds

  constructor(endpoint: KubeEndpoint, bounds: Partial<HttpBounds> = {}) {
    this.#endpoint = endpoint
    this.#bounds = { ...httpDefaults, ...bounds }
  }

  /** Any call; throws KubeApiError where the server refuses it. */
  call(call: KubeCall): Promise<unknown> {
    return callJson(this.#endpoint, call, this.#bounds)
  }

  /** An object, or undefined where there is none (or no such kind). */
  async get(resource: KubeResource, ref: ObjectRef): Promise<ApiObject | undefined> {
    try {
      return objectFrom(await this.call({ method: 'GET', path: objectPath(resource, ref) }))
    } catch (cause) {
      if (cause instanceof KubeApiError && cause.isAbsent) return undefined
      throw cause
    }
  }

  /** One page of a list: the first, or that of a token. Throws an expired KubeApiError for an old token. */
  async page(
    resource: KubeResource,
    selection: KubeSelection,
    { limit, next, signal }: { limit: number; next?: string; signal?: AbortSignal },
  ): Promise<KubePage> {
    const list = await this.call({
      method: 'GET',
      path: collectionPath(resource, selection.namespace),
      query: { ...selectors(selection), limit, continue: next },
      accept: selection.metadataOnly === true ? metadataList : 'application/json',
      ...(signal === undefined ? {} : { signal }),
    })
    const items = fieldOf(list, 'items')
    const token = textOf(list, 'metadata', 'continue')
    return {
      // Items of a list come without apiVersion and kind where the kind is built into the server.
      items: (Array.isArray(items) ? items : []).filter(isApiObject).map((item) => ({
        ...item,
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
      })),
      resourceVersion: textOf(list, 'metadata', 'resourceVersion'),
      ...(token === '' ? {} : { next: token }),
    }
  }

  /** Makes an object. Throws a conflict where it is there already. */
  async create(resource: KubeResource, object: ApiObject): Promise<ApiObject> {
    const path = collectionPath(
      resource,
      resource.namespaced ? object.metadata.namespace : undefined,
    )
    return objectFrom(await this.call({ method: 'POST', path, body: object }))
  }

  /** Server-side apply: the object's fields become ours. Throws a conflict where another manager owns one. */
  async apply(
    resource: KubeResource,
    object: ApiObject,
    options: ApplyOptions,
  ): Promise<ApiObject> {
    return objectFrom(
      await this.call({
        method: 'PATCH',
        path: objectPath(resource, object.metadata, options.subresource),
        query: { fieldManager: options.fieldManager, force: options.force },
        body: object,
        contentType: 'application/apply-patch+yaml',
      }),
    )
  }

  /** JSON merge patch of an object or of its status; fields of value null are removed. */
  async patch(
    resource: KubeResource,
    ref: ObjectRef,
    patch: Readonly<Record<string, unknown>>,
    { subresource, fieldManager }: { subresource?: 'status'; fieldManager?: string } = {},
  ): Promise<ApiObject> {
    return objectFrom(
      await this.call({
        method: 'PATCH',
        path: objectPath(resource, ref, subresource),
        query: { fieldManager },
        body: patch,
        contentType: 'application/merge-patch+json',
      }),
    )
  }

  /** Replaces an object or a subresource. Throws a conflict where its resourceVersion is no longer current. */
  async replace(
    resource: KubeResource,
    object: ApiObject,
    subresource?: string,
  ): Promise<ApiObject> {
    return objectFrom(
      await this.call({
        method: 'PUT',
        path: objectPath(resource, object.metadata, subresource),
        body: object,
      }),
    )
  }

  /** Deletes an object; false where there was none. Throws a conflict where a precondition does not hold. */
  async delete(
    resource: KubeResource,
    ref: ObjectRef,
    options: DeleteOptions = {},
  ): Promise<boolean> {
    const { uid, resourceVersion, propagationPolicy } = options
    try {
      await this.call({
        method: 'DELETE',
        path: objectPath(resource, ref),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy,
          preconditions: { uid, resourceVersion },
        },
      })
      return true
    } catch (cause) {
      if (cause instanceof KubeApiError && cause.isAbsent) return false
      throw cause
    }
  }

  /** Opens a watch from a resource version; the server ends it after about `timeoutSeconds`. */
  watch(
    resource: KubeResource,
    selection: KubeSelection,
    from: { resourceVersion: string; timeoutSeconds: number; signal: AbortSignal },
  ): Promise<IncomingMessage> {
    return openStream(
      this.#endpoint,
      {
        method: 'GET',
        path: collectionPath(resource, selection.namespace),
        query: {
          ...selectors(selection),
          watch: true,
          allowWatchBookmarks: true,
          resourceVersion: from.resourceVersion,
          timeoutSeconds: from.timeoutSeconds,
        },
        accept: selection.metadataOnly === true ? metadataEvent : 'application/json',
        signal: from.signal,
      },
      this.#bounds,
    )
  }

  /** Resources that a group version serves and lets us list; empty where it serves none. */
  async resources(group: string, version: string): Promise<readonly KubeResource[]> {
    try {
      const list = await this.call({ method: 'GET', path: groupPath({ group, version }) })
      return resourcesFrom(list, { group, version })
    } catch (cause) {
      if (cause instanceof KubeApiError && cause.isAbsent) return []
      throw cause
    }
  }
}

function selectors({ labelSelector, fieldSelector }: KubeSelection): KubeCall['query'] & object {
  return { labelSelector, fieldSelector }
}

function objectFrom(answer: unknown): ApiObject {
  if (!isApiObject(answer)) throw new Error('the API server answered with no object')
  return answer
}

function resourcesFrom(
  list: unknown,
  { group, version }: { readonly group: string; readonly version: string },
): readonly KubeResource[] {
  const entries = fieldOf(list, 'resources')
  return (Array.isArray(entries) ? (entries as readonly unknown[]) : []).flatMap((entry) => {
    const plural = textOf(entry, 'name')
    const verbs = fieldOf(entry, 'verbs')
    // Subresources have a slash in their name; what cannot be listed is no collection.
    if (plural.includes('/') || !Array.isArray(verbs) || !verbs.includes('list')) return []
    const kind = textOf(entry, 'kind')
    return [{ group, version, plural, kind, namespaced: fieldOf(entry, 'namespaced') === true }]
  })
}
