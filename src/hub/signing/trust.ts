// What a hub publishes for gateways and for the addon: trusted CAs, the one that issues, and how clusters stand.
// The ConfigMap says when it last held: a gateway that sees it grow old lets nobody in (identity/hub-trust.ts).

import { type ClusterStanding, clustersText, trustNames } from '../../identity/index.ts'
import { type ApiObject, fieldOf } from '../../kube/index.ts'
import { configMapResource, type SigningNames } from './kinds.ts'

/** CAs that spokes and gateways trust. */
export interface PublishedTrust {
  /** PEM of all trusted CAs. */
  readonly bundle: string
  /** Stamp of the CA that issues: subjects carry it. */
  readonly issuing: string
}

/** How often it is said that the document holds, while nothing in it changes. */
export const heartbeatMs = 20_000
/** ConfigMaps may have 1 MiB. */
const sizeBytesMax = 1_000_000

/** The trust that a ConfigMap publishes; undefined while there is none. */
export function publishedTrust(configMap: ApiObject | undefined): PublishedTrust | undefined {
  const textOf = (name: string): string => String(fieldOf(configMap, 'data', name) ?? '')
  const bundle = textOf(trustNames.bundle)
  const issuing = textOf(trustNames.issuing)
  return bundle === '' || issuing === '' ? undefined : { bundle, issuing }
}

/** The ConfigMap as it should be. Throws where it would be too large: an old document is safer than half a one. */
export function trustConfigMap(
  names: SigningNames,
  trust: PublishedTrust,
  clusters: readonly ClusterStanding[],
  now: { readonly nowMs: number; readonly current: ApiObject | undefined },
): ApiObject {
  const texts = {
    [trustNames.bundle]: trust.bundle,
    [trustNames.issuing]: trust.issuing,
    [trustNames.clusters]: clustersText(clusters),
  }
  const sizeBytes = Object.values(texts).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (sizeBytes > sizeBytesMax) {
    throw new Error(
      `what ${names.trustConfigMap} says of ${clusters.length} clusters takes ${sizeBytes} bytes, and a ConfigMap holds ${sizeBytesMax}; gateways will let nobody in once the one that is there is too old`,
    )
  }
  const isSame = Object.entries(texts).every(
    ([name, text]) => fieldOf(now.current, 'data', name) === text,
  )
  const said = String(fieldOf(now.current, 'data', trustNames.asOf) ?? '')
  const isFresh = Math.abs(now.nowMs - Date.parse(said)) < heartbeatMs
  return {
    apiVersion: 'v1',
    kind: configMapResource.kind,
    metadata: { namespace: names.namespace, name: names.trustConfigMap },
    data: {
      ...texts,
      [trustNames.asOf]: isSame && isFresh ? said : new Date(now.nowMs).toISOString(),
    },
  }
}
