// CAs with their keys as named texts: files of a folder, or keys of a Kubernetes Secret. The first issues, the others are still trusted.
// `authorities.json` lists stamps in order; `ca-STAMP.crt` and `ca-STAMP.key` are the CA's certificate and key.

import { UserError } from '../model/index.ts'
import { Authority, pemOf } from './authority.ts'

/** Name of the list of stamps. */
export const authoritiesFile = 'authorities.json'

const lifetimeMs = 5 * 365 * 86_400_000

interface AuthorityList {
  readonly stamps: readonly string[]
}

/** The CAs that named texts hold; none where there is no list. Throws where one cannot be read. */
export async function readAuthorities(
  textOf: (name: string) => Promise<string | undefined>,
): Promise<readonly Authority[]> {
  const list = await textOf(authoritiesFile)
  const stamps = list === undefined ? [] : (JSON.parse(list) as AuthorityList).stamps
  return Promise.all(
    stamps.map(async (stamp) => {
      const key = (await textOf(`ca-${stamp}.key`)) ?? missing(`ca-${stamp}.key`)
      const certificate = (await textOf(`ca-${stamp}.crt`)) ?? missing(`ca-${stamp}.crt`)
      return Authority.load(certificate, key)
    }),
  )
}

/** The text of `authorities.json`. */
export function authorityList(authorities: readonly Authority[]): string {
  const list: AuthorityList = { stamps: authorities.map(({ stamp }) => stamp) }
  return `${JSON.stringify(list)}\n`
}

/** All CAs as named texts. */
export async function authorityTexts(
  authorities: readonly Authority[],
): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = { [authoritiesFile]: authorityList(authorities) }
  for (const authority of authorities) {
    texts[`ca-${authority.stamp}.crt`] = pemOf(authority.certificate)
    texts[`ca-${authority.stamp}.key`] = await authority.keyPem()
  }
  return texts
}

/** A new CA, named for its day. */
export function newAuthority(nowMs: number): Promise<Authority> {
  const day = new Date(nowMs).toISOString().slice(0, 10)
  return Authority.create(`crowsnest ${day}`, { nowMs, lifetimeMs })
}

/** The CAs without one. Throws UserError not_found, and bad_data for the one that issues. */
export function withoutAuthority(
  authorities: readonly Authority[],
  stamp: string,
  issuing: string,
): readonly Authority[] {
  if (!authorities.some((authority) => authority.stamp === stamp)) {
    throw new UserError('not_found', { what: `there is no CA ${stamp}` })
  }
  if (issuing === stamp) {
    throw new UserError('bad_data', {
      what: `${stamp} is the CA that issues`,
      fix: 'rotate first, and retire it when every cluster has a certificate of the new one',
    })
  }
  return authorities.filter((authority) => authority.stamp !== stamp)
}

function missing(name: string): never {
  throw new UserError('bad_config', {
    what: `the CA's ${name} is not there`,
    fix: 'restore it from a backup',
  })
}
