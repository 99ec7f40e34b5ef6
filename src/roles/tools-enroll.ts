// `crowsnest tools enroll`: a cluster gets a certificate of its own, in a remote_write section that is complete.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import type { ClientIdentity } from '../identity/index.ts'
import { parseDurationMs, UserError } from '../model/index.ts'
import { identityFolder } from './identity.ts'

/** Adds `tools enroll`. */
export function addEnrollTool(tools: Command): void {
  tools
    .command('enroll')
    .description(
      'Lets a cluster write with a certificate of its own; prints a remote_write section with it.',
    )
    .argument('<cluster>')
    .requiredOption(
      '--url <url>',
      'where the cluster reaches the gateway, such as https://gateway:10902',
    )
    .option('--cluster-id <id>', 'label clusterID of its samples; its name unless given')
    .option('--tenant <tenant>', 'tenant it writes to; the default one unless given')
    .option('--lifetime <duration>', 'how long the certificate holds', '30d')
    .option('--output-dir <folder>', 'write files there, and print a section that names them')
    .option('--data <folder>', "the gateway's data folder", './data')
    .action(async (cluster: string, options: EnrollOptions) => {
      // Late: what certificates need is large, and most tools need none of it.
      const room = await import('../identity/index.ts')
      const lifetimeMs = parseDurationMs(options.lifetime)
      if (lifetimeMs === undefined || lifetimeMs === 0) {
        throw new UserError('bad_data', {
          what: `"${options.lifetime}" is no lifetime`,
          fix: 'write 30d',
        })
      }
      const store = await room.IdentityStore.open(identityFolder(options.data), Date.now())
      const { clusterId, tenant } = options
      const given = {
        ...(clusterId === undefined ? {} : { clusterId }),
        ...(tenant === undefined ? {} : { tenant }),
      }
      await store.enroll(cluster, given, Date.now())
      const issued = await room.issueIdentity(store, cluster, { nowMs: Date.now(), lifetimeMs })
      process.stdout.write(stringify(remoteWrite(options, issued), { lineWidth: 0 }))
    })
}

interface EnrollOptions {
  readonly url: string
  readonly clusterId?: string
  readonly tenant?: string
  readonly lifetime: string
  readonly outputDir?: string
  readonly data: string
}

function remoteWrite({ url, outputDir }: EnrollOptions, issued: ClientIdentity): unknown {
  const { certificate: cert, key, authorities: ca } = issued
  const tls =
    outputDir === undefined
      ? { ca, cert, key }
      : {
          ca_file: fileIn(outputDir, 'ca.crt', ca, 0o644),
          cert_file: fileIn(outputDir, 'tls.crt', cert, 0o644),
          key_file: fileIn(outputDir, 'tls.key', key, 0o600),
        }
  const queue = { retry_on_http_429: true }
  return {
    remote_write: [
      { url: new URL('/api/v1/write', url).href, tls_config: tls, queue_config: queue },
    ],
  }
}

function fileIn(folder: string, name: string, text: string, mode: number): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, name)
  writeFileSync(path, text, { mode })
  return path
}
