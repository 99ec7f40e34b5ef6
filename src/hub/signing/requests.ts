// Signing requests on a hub: each is approved and signed, or denied, and its condition says why.
// Invariants: requests of other signers are not looked at; what somebody else approved is signed only if we would have approved it; a
// request with a verdict keeps it. Times in milliseconds.
// Source: facts/fleet.md §7; certificates.k8s.io/v1.

import { type Authority, checkRequest, pemOf, signerName } from '../../identity/index.ts'
import {
  type ApiObject,
  decideSigning,
  failSigning,
  fieldOf,
  issueCertificate,
  signingStateOf,
  textOf,
} from '../../kube/index.ts'
import type { Act, Note } from '../part.ts'

/** Who signs, for whom, for how long. */
export interface SigningRules {
  readonly authority: Authority
  readonly lifetimeMs: number
  readonly nowMs: number
  /** Why a cluster may have no certificate; '' when it may. */
  readonly refusalOf: (cluster: string) => string
}

/** What becomes of requests. */
export interface RequestVerdicts {
  readonly acts: readonly Act[]
  readonly notes: readonly Note[]
  /** When a request that is held back is decided at the latest. */
  readonly lookAgainInMs?: number
}

/**
 * A request that only the standing of its cluster speaks against waits so long for a verdict: what the hub knows of clusters may reach us
 * after the request.
 */
const patienceMs = 10_000
// The API server asks for at least ten minutes, too.
const lifetimeMsMin = 10 * 60_000

/** Decides about all requests that have no verdict of ours yet. */
export async function decideRequests(
  requests: readonly ApiObject[],
  rules: SigningRules,
): Promise<RequestVerdicts> {
  const acts: Act[] = []
  const notes: Note[] = []
  let waitMs = Number.POSITIVE_INFINITY
  for (const request of requests) {
    const state = signingStateOf(request)
    if (textOf(request, 'spec', 'signerName') !== signerName) continue
    if (state !== 'pending' && state !== 'approved') continue
    const verdict = await checkRequest(askedBy(request), rules.authority.stamp, rules.refusalOf)
    const { name } = request.metadata
    if (verdict.granted) {
      const publicKey = verdict.request.publicKey
      const issue = () =>
        rules.authority.issueForCluster(verdict.cluster, publicKey, validityOf(request, rules))
      acts.push(signing(request, verdict.cluster, async () => pemOf(await issue())))
      continue
    }
    const leftMs = createdMsOf(request) + patienceMs - rules.nowMs
    if (verdict.mayPass && leftMs > 0) {
      waitMs = Math.min(waitMs, leftMs)
      continue
    }
    const text = `refused: ${verdict.reason}`
    notes.push({ level: 'warn', about: `signing request ${name}`, text })
    acts.push(refusal(request, state, verdict.reason))
  }
  return { acts, notes, ...(Number.isFinite(waitMs) ? { lookAgainInMs: waitMs } : {}) }
}

function signing(request: ApiObject, cluster: string, issue: () => Promise<string>): Act {
  return {
    name: `sign ${request.metadata.name}`,
    async run(client) {
      const approval = {
        verdict: 'Approved',
        reason: 'ClusterVerified',
        message: `the agent of ${cluster} asks for the certificate of ${cluster}`,
      } as const
      const isApproved = signingStateOf(request) === 'approved'
      const approved = isApproved ? request : await decideSigning(client, request, approval)
      await issueCertificate(client, approved, await issue())
    },
  }
}

function refusal(request: ApiObject, state: 'pending' | 'approved', message: string): Act {
  const said = { reason: 'RequestRefused', message }
  return {
    name: `refuse ${request.metadata.name}`,
    run: (client) =>
      state === 'approved'
        ? failSigning(client, request, said)
        : decideSigning(client, request, { verdict: 'Denied', ...said }),
  }
}

function askedBy(request: ApiObject): Parameters<typeof checkRequest>[0] {
  return {
    signerName: textOf(request, 'spec', 'signerName'),
    username: textOf(request, 'spec', 'username'),
    groups: textsOf(request, 'groups'),
    usages: textsOf(request, 'usages'),
    request: Buffer.from(textOf(request, 'spec', 'request'), 'base64').toString('utf8'),
  }
}

function textsOf(request: ApiObject, field: string): readonly string[] {
  const list = fieldOf(request, 'spec', field)
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []
}

// Requesters may ask for less than we give.
function validityOf(request: ApiObject, { lifetimeMs, nowMs }: SigningRules) {
  const askedMs = Number(fieldOf(request, 'spec', 'expirationSeconds')) * 1000
  const isAsked = askedMs >= lifetimeMsMin && askedMs < lifetimeMs
  return { nowMs, lifetimeMs: isAsked ? askedMs : lifetimeMs }
}

function createdMsOf(request: ApiObject): number {
  const timeMs = Date.parse(textOf(request, 'metadata', 'creationTimestamp'))
  return Number.isNaN(timeMs) ? 0 : timeMs
}
