// AddOnPlacementScores onto a hub's Kubernetes API: server-side apply of the status, and of the object where it is not
// there yet. Nothing is retried: the next answer of the expression writes again.
// Source: facts/fleet.md §4 (AddOnPlacementScore lives in the cluster's namespace).

import {
  type ApiObject,
  KubeApiError,
  type KubeClient,
  type KubeResource,
} from '../../kube/index.ts'
import type { ScoreChanges } from './score-board.ts'

const placementScores: KubeResource = {
  group: 'cluster.open-cluster-management.io',
  version: 'v1alpha1',
  plural: 'addonplacementscores',
  kind: 'AddOnPlacementScore',
  namespaced: true,
}

const owner = { fieldManager: 'crowsnest-scores', force: true } as const
const ownerLabel = { 'app.kubernetes.io/managed-by': 'crowsnest' }
const writesAtOnce = 8
const failuresShownMax = 5

/** What was not written, and why; the first few. */
export interface WriteOutcome {
  readonly failureCount: number
  readonly failures: readonly string[]
}

/** Writes changes of a hub's clusters. Never throws. Objects that somebody else made are taken over, never deleted. */
export async function writeScores(
  client: Pick<KubeClient, 'apply' | 'get' | 'delete'>,
  changes: ScoreChanges,
): Promise<WriteOutcome> {
  const pending = [...changes]
  const failures: string[] = []
  let failureCount = 0
  const work = async (): Promise<void> => {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [key, object] = next
      try {
        await (object === undefined ? remove(client, key) : write(client, object as ApiObject))
      } catch (error) {
        failureCount++
        const why = error instanceof Error ? error.message : String(error)
        if (failures.length < failuresShownMax) failures.push(`${key}: ${why}`)
      }
    }
  }
  await Promise.all(Array.from({ length: writesAtOnce }, work))
  return { failureCount, failures }
}

async function write(client: Pick<KubeClient, 'apply'>, object: ApiObject): Promise<void> {
  const { apiVersion, kind, metadata, status } = object
  const ofStatus = { ...owner, subresource: 'status' } as const
  const statusOnly = { apiVersion, kind, metadata, status }
  try {
    await client.apply(placementScores, statusOnly, ofStatus)
  } catch (cause) {
    if (!(cause instanceof KubeApiError && cause.isAbsent)) throw cause
    const labelled = { ...metadata, labels: ownerLabel }
    await client.apply(placementScores, { apiVersion, kind, metadata: labelled }, owner)
    await client.apply(placementScores, statusOnly, ofStatus)
  }
}

async function remove(client: Pick<KubeClient, 'get' | 'delete'>, key: string): Promise<void> {
  const slash = key.indexOf('/')
  const ref = { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
  const object = await client.get(placementScores, ref)
  if (object?.metadata.labels?.['app.kubernetes.io/managed-by'] !== 'crowsnest') return
  await client.delete(placementScores, ref, { uid: object.metadata.uid ?? '' })
}
