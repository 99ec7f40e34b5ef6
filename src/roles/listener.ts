// The listeners' security: identities of clusters and TLS, as the configuration asks for them. HTTP and gRPC show the
// same certificate.

import type { Server as TlsServer } from 'node:tls'
import type { Logger } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import { type Identity, openIdentity } from './identity.ts'
import { keepFresh, materialSource, type TlsMaterial } from './tls.ts'

/** What servers are created with, and what is kept up while they listen. */
export interface Listener {
  /** Absent where clusters have no identities of their own. */
  readonly identity: Identity | undefined
  /** Absent for plain HTTP. */
  readonly tls: TlsMaterial | undefined
  /** The certificate chain (PEM) that new connections get now; undefined for plain HTTP. */
  certificate(): string | undefined
  /** Keeps the material of a server that was created with `tls` fresh. */
  keepFresh(server: TlsServer): void
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
  const servers: TlsServer[] = []
  const stop = source === undefined ? undefined : keepFresh(servers, source, log)
  return {
    identity,
    tls,
    certificate: () => current?.cert,
    keepFresh: (server) => void servers.push(server),
    close() {
      stop?.()
      identity?.close()
    },
  }
}
