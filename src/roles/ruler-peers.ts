// Rulers that share the groups of the configuration.

import { createPeerTransport, parsePeer, RulerPeers } from '../rules/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import { msOf } from './options.ts'

/** Undefined where groups are not shared. Throws UserError bad_config. */
export function createRulerPeers(
  { rules }: Config,
  parts: {
    readonly metrics: Metrics
    readonly log: Logger
    readonly onChange: () => Promise<void>
  },
): RulerPeers | undefined {
  const configs = rules.peers.map((entry, index) =>
    parsePeer(entry, `rules.peers, entry ${index + 1}`, []),
  )
  if (configs.length === 0) return undefined
  const heartbeatMs = msOf(rules.peerHeartbeat)
  return new RulerPeers({ ...parts, configs, heartbeatMs, transport: createPeerTransport() })
}
