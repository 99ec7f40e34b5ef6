// Sources of the fleet, as the configuration names them.

import { DirectoryFleetSource, type FleetSource, KubeFleetSource } from '../fleet/index.ts'
import { openEndpoint } from '../kube/index.ts'
import type { FleetSourceConfig } from './config-fleet.ts'

/** The source of one hub; it reads nothing yet. */
export function openSource(config: FleetSourceConfig): FleetSource {
  const { name, directory, kubeconfig, context, inCluster } = config
  if (directory !== '') return new DirectoryFleetSource(name, { path: directory })
  const named = context === '' ? {} : { context }
  const access = inCluster ? ({ inCluster } as const) : { kubeconfig, ...named }
  return new KubeFleetSource({ name, open: () => openEndpoint(access) })
}
