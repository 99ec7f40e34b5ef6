// Which certificate each cluster was given last, noted on its ManagedClusterAddOn: how far a rotation is, and until when clusters can write.
// Signing requests are collected after an hour, the note stays. It is taken from requests that have their certificate, so that one that was
// signed by a leader who then fell is noted by the next.

import { type IssuedCertificate, readIssued, requesterOf } from '../../identity/index.ts'
import { type ApiObject, signingStateOf, textOf } from '../../kube/index.ts'
import type { Note, Patch } from '../part.ts'
import { certificateAnnotation, ourAddons } from './kinds.ts'

type NotedCertificate = Pick<IssuedCertificate, 'stamp' | 'serial' | 'notAfterMs'>

const known = new WeakMap<ApiObject, IssuedCertificate | 'none'>()

/** Patches that bring the notes up to the requests. */
export function notePatches(
  requests: readonly ApiObject[],
  addonOf: (cluster: string) => ApiObject | undefined,
): readonly Patch[] {
  const latest = new Map<string, IssuedCertificate>()
  for (const request of requests) {
    const issued = issuedBy(request)
    if (issued === undefined) continue
    const before = latest.get(issued.cluster)
    if (before === undefined || before.notBeforeMs < issued.notBeforeMs)
      latest.set(issued.cluster, issued)
  }
  return [...latest].flatMap(([cluster, issued]) => {
    const addon = addonOf(cluster)
    if (addon === undefined) return []
    const before = notedOn(addon)
    if (before !== undefined && before.notAfterMs >= issued.notAfterMs) return []
    const text = `${issued.stamp} ${issued.serial} ${new Date(issued.notAfterMs).toISOString()}`
    const patch = { metadata: { annotations: { [certificateAnnotation]: text } } }
    return [{ resource: ourAddons.resource, current: addon, patch }]
  })
}

/** The certificate that is noted on an addon. */
export function notedOn(addon: ApiObject): NotedCertificate | undefined {
  const text = addon.metadata.annotations?.[certificateAnnotation] ?? ''
  const [, stamp = '', serial = '', end = ''] = /^(\S+) (\S+) (\S+)$/.exec(text) ?? []
  const notAfterMs = Date.parse(end)
  return Number.isNaN(notAfterMs) ? undefined : { stamp, serial, notAfterMs }
}

/** How far a rotation is, in a sentence for each CA that is not the one that issues. */
export function rotationNotes(
  stamps: readonly string[],
  issuing: string,
  addons: readonly ApiObject[],
  nowMs: number,
): readonly Note[] {
  const counts = new Map<string, number>()
  for (const addon of addons) {
    const noted = notedOn(addon)
    if (noted === undefined || noted.notAfterMs <= nowMs) continue
    counts.set(noted.stamp, (counts.get(noted.stamp) ?? 0) + 1)
  }
  return stamps
    .filter((stamp) => stamp !== issuing)
    .map((stamp) => ({
      level: 'info',
      about: `CA ${stamp}`,
      text: `clusters with a certificate of it: ${counts.get(stamp) ?? 0}; of ${issuing}, which issues: ${counts.get(issuing) ?? 0}`,
    }))
}

function issuedBy(request: ApiObject): IssuedCertificate | undefined {
  if (signingStateOf(request) !== 'issued') return undefined
  let issued = known.get(request)
  if (issued === undefined) {
    const pem = Buffer.from(textOf(request, 'status', 'certificate'), 'base64').toString('utf8')
    const read = readIssued(pem)
    const isTheirs = read?.cluster === requesterOf(textOf(request, 'spec', 'username'))
    issued = read !== undefined && isTheirs ? read : 'none'
    known.set(request, issued)
  }
  return issued === 'none' ? undefined : issued
}
