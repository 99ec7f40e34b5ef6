// `crowsnest tools access token`: a static token, and its entry for the access file.

import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { hashToken, staticTokenPrefix } from '../access/index.ts'

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
    .action((name: string, { group, expires }: { group?: string[]; expires?: string }) => {
      const token = staticTokenPrefix + randomBytes(tokenSizeBytes).toString('base64url')
      const entry = {
        name,
        sha256: hashToken(token),
        ...(group === undefined ? {} : { groups: group }),
        ...(expires === undefined ? {} : { expires }),
      }
      process.stdout.write(
        `# the token, shown once:\n# ${token}\n${stringify({ tokens: [entry] })}`,
      )
    })
}
