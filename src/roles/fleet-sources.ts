// Sources of the fleet, as the configuration names them.

import { DirectoryFleetSource, type FleetSource } from '../fleet/index.ts'
import type { FleetSourceConfig } from './config-fleet.ts'

/** The source of one hub; it reads nothing yet. */
export function openSource({ name, directory }: FleetSourceConfig): FleetSource {
  return new DirectoryFleetSource(name, { path: directory })
}
