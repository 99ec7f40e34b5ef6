// The CAs of a hub in a Secret: read, made, rotated, retired. Keys are in this Secret and nowhere else.
// A new CA is trusted from the first moment and issues only once everybody can have read that it is: which one issues follows from their
// ages, so that nothing else needs to be kept. Times in Unix milliseconds.
// Invariants: a Secret that is there is only ever replaced at the version that was read; nothing of it is logged.

import {
  type Authority,
  authorityTexts,
  newAuthority,
  readAuthorities,
  withoutAuthority,
} from '../../identity/index.ts'
import { type ApiObject, fieldOf, keyOf } from '../../kube/index.ts'
import { type SigningNames, secretResource } from './kinds.ts'

/** How long a new CA is announced before it issues. */
export const announceMs = 5 * 60_000
// Certificates are made to hold a little earlier than they are made, as clocks differ.
const clockSkewMs = 5 * 60_000

/** The CAs of a Secret, newest first. Throws UserError bad_config where one cannot be read. */
export function authoritiesOf(secret: ApiObject): Promise<readonly Authority[]> {
  return readAuthorities(async (name) => {
    const value = fieldOf(secret, 'data', name)
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : undefined
  })
}

/** The CA that issues: the newest that was announced long enough, else the oldest. */
export function issuingOf(authorities: readonly Authority[], nowMs: number): Authority | undefined {
  const isAnnounced = ({ certificate }: Authority): boolean =>
    certificate.notBefore.getTime() + clockSkewMs + announceMs <= nowMs
  return authorities.find(isAnnounced) ?? authorities.at(-1)
}

/** A Secret with a first CA. */
export async function firstSecret(names: SigningNames, nowMs: number): Promise<ApiObject> {
  const { namespace, authoritySecret: name } = names
  return {
    apiVersion: 'v1',
    kind: secretResource.kind,
    metadata: { namespace, name },
    type: 'Opaque',
    data: await dataOf([await newAuthority(nowMs)]),
  }
}

/** The Secret with a new CA in front. */
export async function rotatedSecret(secret: ApiObject, nowMs: number): Promise<ApiObject> {
  const authorities = await authoritiesOf(secret)
  return { ...secret, data: await dataOf([await newAuthority(nowMs), ...authorities]) }
}

/** The Secret without a CA. Throws UserError not_found, and bad_data for the one that issues. */
export async function retiredSecret(
  secret: ApiObject,
  stamp: string,
  nowMs: number,
): Promise<ApiObject> {
  const authorities = await authoritiesOf(secret)
  const issuing = issuingOf(authorities, nowMs)?.stamp ?? ''
  return { ...secret, data: await dataOf(withoutAuthority(authorities, stamp, issuing)) }
}

/** CAs of Secrets, read once per version of the Secret. */
export class AuthorityReader {
  readonly #known = new WeakMap<ApiObject, Promise<readonly Authority[]>>()

  /** See `authoritiesOf`; the error names the Secret. */
  async read(secret: ApiObject): Promise<readonly Authority[]> {
    const known = this.#known.get(secret) ?? authoritiesOf(secret)
    this.#known.set(secret, known)
    try {
      const authorities = await known
      if (authorities.length > 0) return authorities
    } catch (cause) {
      throw unreadable(secret, cause)
    }
    throw unreadable(secret, undefined)
  }
}

async function dataOf(authorities: readonly Authority[]): Promise<Record<string, string>> {
  const texts = Object.entries(await authorityTexts(authorities))
  return Object.fromEntries(
    texts.map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  )
}

function unreadable(secret: ApiObject, cause: unknown): Error {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  return new Error(`the Secret ${keyOf(secret)} holds no CA${why}; restore it from a backup`)
}
