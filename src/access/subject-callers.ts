// From credentials to callers, for readers: a verifier says who it is, the authorities say what they may do, and the
// answer is kept for seconds. Bounded in entries; a failure is kept as well, so that a wrong token costs one look.

import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Caller, UserError } from '../model/index.ts'
import { clusterCaller } from './cluster-caller.ts'
import type { CallerSource, Credentials } from './credentials.ts'
import { addRights, type Rights, type Subject } from './rights.ts'

/** Who a token belongs to; undefined: not a token of this kind. Throws UserError unauthorized where it does not hold. */
export type TokenVerifier = (token: string) => Promise<Subject | undefined>

/** Rights that one authority grants a subject; `token` is the one it proved itself with. */
export type Authority = (subject: Subject, token: string) => Promise<Rights>

/** How long and how many decisions are kept, and where clusters write that name no tenant. */
export interface DecisionOptions {
  readonly cacheMs: number
  readonly entriesMax: number
  readonly defaultTenant: string
}

type Decision = { readonly caller: Caller | undefined } | { readonly error: unknown }

/** Callers by bearer token. */
export class TokenCallers {
  readonly #verifiers: readonly TokenVerifier[]
  readonly #authorities: readonly Authority[]
  readonly #defaultTenant: string
  readonly #decisions: LRUCache<string, Promise<Decision>>

  constructor(
    verifiers: readonly TokenVerifier[],
    authorities: readonly Authority[],
    { cacheMs, entriesMax, defaultTenant }: DecisionOptions,
  ) {
    this.#verifiers = verifiers
    this.#authorities = authorities
    this.#defaultTenant = defaultTenant
    this.#decisions = new LRUCache({ max: entriesMax, ttl: cacheMs })
  }

  /** As `callerBehind` asks it. */
  readonly source: CallerSource = async ({ token }: Credentials) => {
    if (token === undefined) return undefined
    // The cache holds no secrets: a memory dump shows who was here, not how to be them.
    const key = createHash('sha256').update(token).digest('base64')
    let decision = this.#decisions.get(key)
    if (decision === undefined) {
      decision = this.#decide(token)
      this.#decisions.set(key, decision)
      // What may pass with time (a provider that does not answer) is asked again the next time.
      void decision.then((made) => {
        if ('error' in made && !isRefusal(made.error)) this.#decisions.delete(key)
      })
    }
    const made = await decision
    if ('error' in made) throw made.error
    return made.caller
  }

  async #decide(token: string): Promise<Decision> {
    try {
      for (const verify of this.#verifiers) {
        const subject = await verify(token)
        if (subject === undefined) continue
        if (subject.cluster !== undefined)
          return { caller: clusterCaller(subject.cluster, this.#defaultTenant) }
        const granted = await Promise.all(this.#authorities.map((ask) => ask(subject, token)))
        return { caller: callerOf(subject, addRights(granted)) }
      }
      return { caller: undefined }
    } catch (error) {
      return { error }
    }
  }
}

/** A subject with its rights, as the rest of the house takes it. */
export function callerOf(subject: Subject, rights: Rights): Caller {
  return { name: subject.name, identity: { key: '', labels: {} }, ...rights }
}

function isRefusal(error: unknown): boolean {
  return error instanceof UserError && (error.code === 'unauthorized' || error.code === 'forbidden')
}
