// The part of the hub role that signs: it keeps the CAs, publishes what gateways trust, and decides signing requests of clusters.
// Times in milliseconds.

import { type Authority, addonName, type ClusterStanding, pemOf } from '../../identity/index.ts'
import type { ApiObject } from '../../kube/index.ts'
import type { Act, Apply, Note, Part, Wanted, World } from '../part.ts'
import { AuthorityReader, firstSecret, issuingOf, rotatedSecret } from './authority-secret.ts'
import { notePatches, rotationNotes } from './certificate-notes.ts'
import {
  configMapResource,
  managedClusters,
  onlyOne,
  ourAddons,
  ourRequests,
  type SigningNames,
  secretResource,
  signingNames,
} from './kinds.ts'
import { decideRequests } from './requests.ts'
import { standingsOf } from './standings.ts'
import { heartbeatMs, type PublishedTrust, publishedTrust, trustConfigMap } from './trust.ts'

/** Where CAs are kept, and how long certificates hold. */
export interface SigningOptions extends SigningNames {
  readonly lifetimeMs: number
}

/** Defaults: agents renew when a fifth of the lifetime is left, so that a hub role may be away for more than a day. */
export const signingDefaults: Omit<SigningOptions, 'namespace'> = {
  ...signingNames,
  lifetimeMs: 7 * 86_400_000,
}

/** A CA that ends within this time is followed by a new one. */
const rotateBeforeMs = 180 * 86_400_000

/** Signs for the clusters of Open Cluster Management. */
export function signingPart(options: SigningOptions): Part {
  const { namespace, authoritySecret, trustConfigMap: trustName, lifetimeMs } = options
  const secrets = onlyOne(secretResource, namespace, authoritySecret)
  const trusts = onlyOne(configMapResource, namespace, trustName)
  const reader = new AuthorityReader()
  const published = (
    trust: PublishedTrust,
    clusters: readonly ClusterStanding[],
    nowMs: number,
    current: ApiObject | undefined,
  ): Apply => {
    const object = trustConfigMap(options, trust, clusters, { nowMs, current })
    return { resource: configMapResource, object, current }
  }

  const plan = async (world: World, nowMs: number): Promise<Wanted> => {
    const secret = world.get(secrets, `${namespace}/${authoritySecret}`)
    const current = world.get(trusts, `${namespace}/${trustName}`)
    const before = publishedTrust(current)
    if (secret === undefined && before === undefined) return { acts: [creation(options, nowMs)] }
    const authorities = secret === undefined ? [] : await trustedOf(reader, secret, nowMs)
    const issuing = issuingOf(authorities, nowMs)
    const trust = issuing === undefined ? before : trustOf(authorities, issuing)
    const addonOf = (cluster: string) => world.get(ourAddons, `${cluster}/${addonName}`)
    const { clusters, notes } = standingsOf(world.list(managedClusters), addonOf)
    const applies = trust === undefined ? [] : [published(trust, clusters, nowMs, current)]
    // A new CA in the place of one that is lost would end the certificates of every cluster.
    if (secret === undefined || issuing === undefined) {
      const acts = secret === undefined ? [] : renewal([], secret, nowMs)
      return { applies, acts, notes: [...notes, lostNote(options)], lookAgainInMs: heartbeatMs }
    }
    const refusals = new Map(clusters.map(({ cluster, reason }) => [cluster, reason]))
    const requests = world.list(ourRequests)
    const decided = await decideRequests(requests, {
      authority: issuing,
      lifetimeMs,
      nowMs,
      refusalOf: (cluster) => refusals.get(cluster) ?? `there is no managed cluster ${cluster}`,
    })
    const stamps = authorities.map(({ stamp }) => stamp)
    const addons = world.list(ourAddons)
    return {
      applies,
      patches: notePatches(requests, addonOf),
      acts: [...decided.acts, ...renewal(authorities, secret, nowMs)],
      notes: [...notes, ...decided.notes, ...rotationNotes(stamps, issuing.stamp, addons, nowMs)],
      lookAgainInMs: Math.min(heartbeatMs, decided.lookAgainInMs ?? heartbeatMs),
    }
  }
  return {
    name: 'signing',
    required: [secrets, trusts, managedClusters, ourAddons, ourRequests],
    plan,
  }
}

// CAs that ended are trusted no more, whether or not somebody retires them.
async function trustedOf(
  reader: AuthorityReader,
  secret: ApiObject,
  nowMs: number,
): Promise<readonly Authority[]> {
  const all = await reader.read(secret)
  return all.filter(({ certificate }) => certificate.notAfter.getTime() > nowMs)
}

function trustOf(authorities: readonly Authority[], issuing: Authority): PublishedTrust {
  const bundle = authorities.map(({ certificate }) => pemOf(certificate)).join('')
  return { bundle, issuing: issuing.stamp }
}

function creation(names: SigningNames, nowMs: number): Act {
  return {
    name: 'make the first CA',
    run: async (client) => client.create(secretResource, await firstSecret(names, nowMs)),
  }
}

function renewal([newest]: readonly Authority[], secret: ApiObject, nowMs: number): readonly Act[] {
  const endMs = newest?.certificate.notAfter.getTime() ?? 0
  if (endMs - nowMs > rotateBeforeMs) return []
  const run: Act['run'] = async (client) =>
    client.replace(secretResource, await rotatedSecret(secret, nowMs))
  return [{ name: 'make a new CA', run }]
}

function lostNote({ namespace, authoritySecret, trustConfigMap }: SigningNames): Note {
  return {
    level: 'warn',
    about: 'CA',
    text: `the Secret ${namespace}/${authoritySecret} is gone, or its CAs have ended, while gateways trust it: nothing is signed; restore it from a backup, or delete the ConfigMap ${trustConfigMap} to begin with a new CA`,
  }
}
