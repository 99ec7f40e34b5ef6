// `crowsnest tools addon render`: what the addon would be on a cluster, and why, without writing it anywhere.

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { parse, stringify } from 'yaml'
import {
  type AddonIntent,
  type AddonLayer,
  emptyAllowlist,
  intentOf,
  karmadaObjects,
  kubefedObjects,
  layerOfDeploymentConfig,
  type Manifest,
  managedClusterAddOn,
  manifestWorks,
  mergeAllowlists,
  policyGenerator,
  policyManifests,
  readAllowlist,
  spokeManifests,
} from '../fleet/index.ts'
import { UserError } from '../model/index.ts'

interface RenderOptions {
  readonly for: string
  readonly url: string
  readonly allowlist: string
  readonly customAllowlist?: string
  readonly ca: string
  readonly config: readonly string[]
  readonly clusterId?: string
  readonly cert?: string
  readonly key?: string
}

/** Adds `tools addon` and what is below it. */
export function addAddonTools(tools: Command): void {
  tools
    .command('addon')
    .description('The metrics addon of spokes.')
    .command('render')
    .description('Prints what the addon is on a cluster.')
    .argument('<cluster>')
    .option('--for <target>', 'spoke, ocm, karmada, kubefed or policy', 'spoke')
    .requiredOption('--url <url>', 'the write URL as the cluster reaches it')
    .requiredOption('--allowlist <file>', "metrics to send, in ACM's format")
    .option('--custom-allowlist <file>', 'laid over the allowlist')
    .requiredOption('--ca <file>', "CA of the gateway's listener (PEM)")
    .option(
      '--config <files...>',
      'specs of AddOnDeploymentConfigs (YAML), from the general to the particular',
      [],
    )
    .option('--cluster-id <id>', 'label clusterID; the name unless given')
    .option('--cert <file>', 'certificate of the cluster (PEM), for karmada and kubefed')
    .option('--key <file>', 'its key')
    .action((cluster: string, options: RenderOptions) => {
      const objects = rendered(intentFor(cluster, options), options)
      process.stdout.write(
        objects.map((object) => `---\n${stringify(object, { lineWidth: 0 })}`).join(''),
      )
    })
}

function intentFor(cluster: string, options: RenderOptions): AddonIntent {
  const base = readAllowlist(options.allowlist, textOf(options.allowlist))
  const custom =
    options.customAllowlist === undefined
      ? emptyAllowlist
      : readAllowlist(options.customAllowlist, textOf(options.customAllowlist))
  const layers = options.config.map((file): AddonLayer => {
    const document = parse(textOf(file)) as { spec?: unknown }
    return layerOfDeploymentConfig((document.spec ?? document) as never)
  })
  const fleet = { writeUrl: options.url, allowlist: mergeAllowlists(base, custom) }
  return intentOf({ name: cluster, id: options.clusterId ?? cluster }, [fleet, ...layers])
}

function rendered(intent: AddonIntent, options: RenderOptions): readonly (Manifest | object)[] {
  const authority = textOf(options.ca)
  const federated = () => [{ intent, credentials: credentialsOf(options) }]
  switch (options.for) {
    case 'spoke':
      return spokeManifests(intent, authority)
    case 'ocm':
      return [managedClusterAddOn(intent), ...manifestWorks(intent, authority)]
    case 'karmada':
      return karmadaObjects(federated(), authority)
    case 'kubefed':
      return kubefedObjects(federated(), authority)
    case 'policy':
      return [
        policyGenerator({ namespace: intent.namespace, name: 'crowsnest' }),
        ...policyManifests(intent, authority),
      ]
    default:
      throw new UserError('bad_data', {
        what: `"${options.for}" is nothing that is rendered for`,
        fix: 'use spoke, ocm, karmada, kubefed or policy',
      })
  }
}

function credentialsOf({ cert, key }: RenderOptions) {
  if (cert === undefined || key === undefined) {
    throw new UserError('bad_data', {
      what: 'there are no signing requests there, so the certificate is rendered too',
      fix: 'give --cert and --key, as "tools enroll" writes them',
    })
  }
  return { certificate: textOf(cert), key: textOf(key) }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UserError('bad_data', { what: (error as Error).message, where: file })
  }
}
