// `crowsnest tools ca`: CAs and certificates of clusters, in the data folder of a gateway, running or not.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import type { IdentityStore } from '../identity/index.ts'
import { identityFolder } from './identity.ts'

const data = ['--data <folder>', "the gateway's data folder", './data'] as const

/** Adds `tools ca` and what is below it. */
export function addCaTools(tools: Command): void {
  const ca = tools.command('ca').description("The gateway's CA and the certificates of clusters.")
  ca.command('show')
    .description('CAs that are trusted, and which cluster has a certificate of which.')
    .option(...data)
    .action(async (options: { data: string }) => {
      const text = stringify(shown(await openStore(options.data)), { lineWidth: 0 })
      process.stdout.write(text)
    })
  ca.command('rotate')
    .description(
      'Makes a new CA that issues from now on; the old one stays trusted until it is retired.',
    )
    .option(...data)
    .action(async (options: { data: string }) => {
      const store = await openStore(options.data)
      const stamp = await store.rotate(Date.now())
      process.stdout.write(
        `${stamp} issues from now on; "tools ca show" tells who still has a certificate of an older CA,\n"tools ca retire STAMP" ends an old one\n`,
      )
    })
  ca.command('retire')
    .description('Stops trusting a CA: certificates of it are refused.')
    .argument('<stamp>')
    .option(...data)
    .action(async (stamp: string, options: { data: string }) => {
      await (await openStore(options.data)).retire(stamp)
    })
  ca.command('revoke')
    .description('Refuses the certificates of a cluster, or one of them.')
    .argument('<cluster>')
    .option('--serial <hex>', 'only the certificate with this serial')
    .option('--reason <text>', 'what the sender is told', 'by an operator')
    .option(...data)
    .action(async (cluster: string, options: { data: string; serial?: string; reason: string }) => {
      const store = await openStore(options.data)
      if (options.serial === undefined) await store.revoke(cluster, options.reason)
      else await store.revokeSerial(cluster, options.serial)
    })
  ca.command('backup')
    .description(
      'Copies CAs, keys and records of clusters into a folder that only its owner may read.',
    )
    .argument('<folder>')
    .option(...data)
    .action((folder: string, options: { data: string }) => {
      copyFolder(identityFolder(options.data), folder)
    })
}

async function openStore(folder: string): Promise<IdentityStore> {
  // Late: what certificates need is large, and most tools need none of it.
  const { IdentityStore } = await import('../identity/index.ts')
  return IdentityStore.open(identityFolder(folder), Date.now())
}

function shown(store: IdentityStore): unknown {
  return {
    authorities: store.authorities.map(({ stamp, certificate }, i) => ({
      stamp,
      state: i === 0 ? 'issues' : 'trusted',
      expires: certificate.notAfter.toISOString(),
    })),
    clusters: store.records().map(({ cluster, state, reason, issued }) => ({
      cluster,
      state,
      ...(reason === '' ? {} : { reason }),
      ...(issued === undefined
        ? {}
        : {
            ca: issued.stamp,
            serial: issued.serial,
            expires: new Date(issued.notAfterMs).toISOString(),
            isOfActiveCa: issued.stamp === store.active.stamp,
          }),
    })),
  }
}

function copyFolder(from: string, to: string): void {
  mkdirSync(join(to, 'clusters'), { recursive: true, mode: 0o700 })
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.tmp')) continue
    const below = join(entry.parentPath, entry.name).slice(from.length)
    copyFileSync(join(from, below), join(to, below))
  }
}
