// What the gateway knows of identities, in a folder of its own: CAs with their keys, and a record for each enrolled cluster.
// The gateway and `crowsnest tools` write it; every write replaces a whole small file and then touches `changed`, which
// is how a running gateway learns of it within seconds.
// Invariants: keys have mode 0600 in a folder of mode 0700; a record is only ever replaced, so that a cluster that was revoked
// stays refused until it is enrolled again, and then with certificates made since.

import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../model/index.ts'
import {
  authoritiesFile,
  authorityList,
  newAuthority,
  readAuthorities,
  withoutAuthority,
} from './authorities.ts'
import { type Authority, pemOf } from './authority.ts'
import { isClusterName } from './cluster-subject.ts'
import { writeDurably } from './durable-file.ts'
import type { ClusterStanding, TrustSource } from './trust.ts'

/** A cluster that has or had certificates. */
export interface ClusterRecord extends ClusterStanding {
  /** The certificate issued last. */
  readonly issued?: { readonly stamp: string; readonly serial: string; readonly notAfterMs: number }
}

const changedFile = 'changed'

/** The folder's content as of the last `refresh`. */
export class IdentityStore implements TrustSource {
  readonly #folder: string
  #authorities: readonly Authority[] = []
  #records = new Map<string, ClusterRecord>()
  #seenChange = ''

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Opens the folder, which is created with a first CA where it is not there. */
  static async open(folder: string, nowMs: number): Promise<IdentityStore> {
    await mkdir(join(folder, 'clusters'), { recursive: true, mode: 0o700 })
    const store = new IdentityStore(folder)
    await store.refresh()
    if (store.#authorities.length === 0) await store.rotate(nowMs)
    return store
  }

  /** The CA that issues. */
  get active(): Authority {
    return this.#authorities[0]!
  }

  /** Every CA that is trusted, the active one first. */
  get authorities(): readonly Authority[] {
    return this.#authorities
  }

  /** Every record, in order of name. */
  records(): readonly ClusterRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1))
  }

  /** The record of a cluster, if it has one. */
  record(cluster: string): ClusterRecord | undefined {
    return this.#records.get(cluster)
  }

  problem(): string {
    return ''
  }

  remedy(cluster: string): string {
    return `enrol it with: crowsnest tools enroll ${cluster}`
  }

  /** Certificates of all trusted CAs in PEM: what both sides of a connection trust. */
  bundle(): string {
    return this.#authorities.map(({ certificate }) => pemOf(certificate)).join('')
  }

  /** Reads the folder again where somebody changed it; says whether. */
  async refresh(): Promise<boolean> {
    const change = await textOf(join(this.#folder, changedFile))
    if (change !== undefined && change === this.#seenChange) return false
    const authorities = await readAuthorities((name) => this.#authorityText(name))
    const records = new Map<string, ClusterRecord>()
    for (const name of await readdir(join(this.#folder, 'clusters'))) {
      if (!name.endsWith('.json')) continue
      const text = await readFile(join(this.#folder, 'clusters', name), 'utf8')
      const record = JSON.parse(text) as ClusterRecord
      records.set(record.cluster, record)
    }
    this.#authorities = authorities
    this.#records = records
    this.#seenChange = change ?? ''
    return true
  }

  /** Puts a new CA in front; those before stay trusted until they are retired. Returns its stamp. */
  async rotate(nowMs: number): Promise<string> {
    const authority = await newAuthority(nowMs)
    const path = join(this.#folder, `ca-${authority.stamp}`)
    await writeDurably(`${path}.key`, await authority.keyPem(), 0o600)
    await writeDurably(`${path}.crt`, pemOf(authority.certificate))
    await this.#setAuthorities([authority, ...this.#authorities])
    return authority.stamp
  }

  /** Stops trusting a CA: its certificates are refused from now on. Throws UserError bad_data for the active one. */
  async retire(stamp: string): Promise<void> {
    await this.#setAuthorities(withoutAuthority(this.#authorities, stamp, this.active.stamp))
  }

  /** Enrols a cluster, also one that was revoked: certificates from before stay refused. Throws UserError bad_data. */
  async enroll(
    cluster: string,
    given: { readonly clusterId?: string; readonly tenant?: string },
    nowMs: number,
  ): Promise<ClusterRecord> {
    if (!isClusterName(cluster)) {
      throw new UserError('bad_data', {
        what: `"${cluster}" cannot be a cluster's name`,
        fix: 'use lower-case letters, digits, dashes and dots',
      })
    }
    const known = this.#records.get(cluster)
    const isNew = known === undefined || known.state === 'revoked'
    const record: ClusterRecord = {
      cluster,
      clusterId: given.clusterId ?? known?.clusterId ?? cluster,
      tenant: given.tenant ?? known?.tenant ?? '',
      state: 'enrolled',
      reason: '',
      validFromMs: isNew ? Math.floor(nowMs / 1000) * 1000 : known.validFromMs,
      revokedSerials: known?.revokedSerials ?? [],
      ...(known?.issued === undefined ? {} : { issued: known.issued }),
    }
    await this.#write(record)
    return record
  }

  /** Refuses all certificates of a cluster. Throws UserError not_found. */
  async revoke(cluster: string, reason: string): Promise<void> {
    await this.#write({ ...this.#known(cluster), state: 'revoked', reason })
  }

  /** Refuses one certificate of a cluster, by its serial in hex. Throws UserError not_found. */
  async revokeSerial(cluster: string, serial: string): Promise<void> {
    const record = this.#known(cluster)
    const serials = new Set([...record.revokedSerials, serial.toLowerCase()])
    await this.#write({ ...record, revokedSerials: [...serials].sort() })
  }

  /** Notes the certificate that a cluster was given last. */
  async noteIssued(cluster: string, issued: NonNullable<ClusterRecord['issued']>): Promise<void> {
    await this.#write({ ...this.#known(cluster), issued })
  }

  #known(cluster: string): ClusterRecord {
    const record = this.#records.get(cluster)
    if (record !== undefined) return record
    throw new UserError('not_found', {
      what: `the cluster ${cluster} is not enrolled`,
      fix: this.remedy(cluster),
    })
  }

  async #write(record: ClusterRecord): Promise<void> {
    const path = join(this.#folder, 'clusters', `${record.cluster}.json`)
    await writeDurably(path, `${JSON.stringify(record, undefined, 2)}\n`)
    this.#records.set(record.cluster, record)
    await this.#touch()
  }

  async #setAuthorities(authorities: readonly Authority[]): Promise<void> {
    await writeDurably(join(this.#folder, authoritiesFile), authorityList(authorities))
    this.#authorities = authorities
    await this.#touch()
  }

  async #touch(): Promise<void> {
    const change = crypto.randomUUID()
    await writeDurably(join(this.#folder, changedFile), change)
  }

  async #authorityText(name: string): Promise<string | undefined> {
    const path = join(this.#folder, name)
    if (name.endsWith('.key') && ((await stat(path)).mode & 0o077) !== 0) {
      throw new UserError('bad_config', {
        what: 'the key of a CA can be read by others',
        where: path,
        fix: 'give it the mode 0600, and rotate the CA if anybody else may have read it',
      })
    }
    return textOf(path)
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
