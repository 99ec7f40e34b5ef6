// `crowsnest tools access token`: a static token, and its entry for the access file.

import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { hashToken, parseAccessFile, staticTokenPrefix } from '../access/index.ts'

const tokenSizeBytes = 32

/** Adds `tools access` and what is below it. */
export function addAccessTools(tools: Command): void {
  tools
    .command('access')
    .description('Who may call the gateway.')
    .command('token')
    .description(
      'Makes a static token and prints its entry for the access file. It is not kept anywhere.',
    )
    .argument('<name>', 'whom the token stands for')
    .option('--group <groups...>', 'groups of the bearer')
    .option('--expires <time>', 'when it ends, as in 2027-01-31T00:00:00Z')
    .option('--cluster <cluster>', 'a cluster: the bearer writes as it, and does nothing else')
    .option('--cluster-id <id>', 'label clusterID of its samples; its name unless given')
    .option('--tenant <tenant>', 'tenant that the cluster writes to; the default one unless given')
    .action((name: string, options: TokenOptions) => {
      const { group, expires, cluster, clusterId, tenant } = options
      const token = staticTokenPrefix + randomBytes(tokenSizeBytes).toString('base64url')
      const entry = {
        name,
        sha256: hashToken(token),
        ...(group === undefined ? {} : { groups: group }),
        ...(expires === undefined ? {} : { expires }),
        ...(cluster === undefined ? {} : { cluster }),
        ...(clusterId === undefined ? {} : { clusterId }),
        ...(tenant === undefined ? {} : { tenant }),
      }
      const text = stringify({ tokens: [entry] })
      // What the file would refuse is refused before the token is handed out.
      parseAccessFile('options', text)
      process.stdout.write(`# the token, shown once:\n# ${token}\n${text}`)
    })
}

interface TokenOptions {
  readonly group?: string[]
  readonly expires?: string
  readonly cluster?: string
  readonly clusterId?: string
  readonly tenant?: string
}
