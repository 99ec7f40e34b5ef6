// The listener's security: identities of clusters and TLS, as the configuration asks for them.

import type { FastifyInstance } from 'fastify'
import type { Logger } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import { type Identity, openIdentity } from './identity.ts'
import { keepFresh, materialSource, type TlsMaterial } from './tls.ts'

/** What a server is created with, and what is kept up while it listens. */
export interface Listener {
  /** Absent where clusters have no identities of their own. */
  readonly identity: Identity | undefined
  /** Absent for plain HTTP. */
  readonly tls: TlsMaterial | undefined
  /** The certificate chain (PEM) that new connections get now; undefined for plain HTTP. */
  certificate(): string | undefined
  /** Keeps the material of a listening server fresh. */
  keepFresh(app: FastifyInstance): void
  close(): void
}

/** Throws UserError bad_config for what cannot be read. */
export async function openListener(config: Config, log: Logger): Promise<Listener> {
  const identity = config.identity.enabled ? await openIdentity(config, log) : undefined
  const material = materialSource(config, identity?.serverMaterial)
  let current: TlsMaterial | undefined
  const source =
    material === undefined
      ? undefined
      : async (): Promise<TlsMaterial> => {
          current = await material()
          return current
        }
  const tls = await source?.()
  let stop = (): void => undefined
  return {
    identity,
    tls,
    certificate: () => current?.cert,
    keepFresh(app) {
      if (source === undefined) return
      stop = keepFresh(app.server as unknown as Parameters<typeof keepFresh>[0], source, log)
    },
    close() {
      stop()
      identity?.close()
    },
  }
}
