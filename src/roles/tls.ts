// TLS of the listeners: from files that are read again when they change, or from the gateway's own CA, renewed in time.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Server as TlsServer } from 'node:tls'
import { createSecureContext } from 'node:tls'
import { UserError } from '../model/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'

/** Certificate chain and key in PEM. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
}

const pollMs = 5000

/** Where the listeners' material comes from; asked again and again, as it may be another one. */
export type MaterialSource = () => Promise<TlsMaterial>

/** The source that the configuration names; undefined where the listeners speak plain text. */
export function materialSource(config: Config, own?: MaterialSource): MaterialSource | undefined {
  const { certFile, keyFile } = config.http.tls
  if (certFile === '' && keyFile === '') return own
  return async () => {
    const [cert, key] = await Promise.all([read(certFile), read(keyFile)])
    const material = { cert, key }
    checkMaterial(material, certFile)
    return material
  }
}

/** Keeps the material of running listeners fresh; new connections get the new one. Returns how to stop. */
export function keepFresh(
  servers: Iterable<TlsServer>,
  source: MaterialSource,
  log: Logger,
): () => void {
  let last = ''
  const look = async (): Promise<void> => {
    try {
      const material = await source()
      const hash = createHash('sha256').update(material.cert).update(material.key).digest('hex')
      if (hash === last) return
      if (last !== '') log.info('the listeners have a new certificate')
      last = hash
      for (const server of servers) server.setSecureContext({ ...material, minVersion: 'TLSv1.2' })
    } catch (error) {
      log.error({ err: error }, 'the listeners keep their old certificate')
    }
  }
  void look()
  const timer = setInterval(() => void look(), pollMs)
  timer.unref()
  return () => clearInterval(timer)
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UserError('bad_config', {
      what: `http.tls: ${(error as Error).message}`,
      fix: 'set http.tls.certFile and http.tls.keyFile to files that this process may read',
    })
  }
}

function checkMaterial(material: TlsMaterial, where: string): void {
  try {
    createSecureContext(material)
  } catch (error) {
    throw new UserError('bad_config', {
      what: `certificate and key do not fit: ${(error as Error).message}`,
      where,
    })
  }
}
