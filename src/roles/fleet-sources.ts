// Sources of the fleet, as the configuration names them.

import {
  DirectoryFleetSource,
  type FleetSource,
  KubeFleetSource,
  type ScoreChanges,
  type WriteOutcome,
  writeScores,
} from '../fleet/index.ts'
import { type KubeAccess, KubeClient, openEndpoint } from '../kube/index.ts'
import type { FleetSourceConfig } from './config-fleet.ts'

/** The source of one hub; it reads nothing yet. */
export function openSource(config: FleetSourceConfig): FleetSource {
  const { name, directory } = config
  if (directory !== '') return new DirectoryFleetSource(name, { path: directory })
  return new KubeFleetSource({ name, open: () => openEndpoint(accessOf(config)) })
}

/** Writes scores onto the APIs of hubs; a way to each is opened when it is first needed. */
export function scoreWriter(
  configs: readonly FleetSourceConfig[],
): (hub: string, changes: ScoreChanges) => Promise<WriteOutcome> {
  const clients = new Map<string, KubeClient>()
  const open = async (hub: string): Promise<KubeClient> => {
    const config = configs.find(({ name }) => name === hub)!
    const client = new KubeClient(await openEndpoint(accessOf(config)))
    clients.set(hub, client)
    return client
  }
  return async (hub, changes) => writeScores(clients.get(hub) ?? (await open(hub)), changes)
}

function accessOf({ kubeconfig, context, inCluster }: FleetSourceConfig): KubeAccess {
  if (inCluster) return { inCluster }
  return context === '' ? { kubeconfig } : { kubeconfig, context }
}
