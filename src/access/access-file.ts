// The access file: static tokens and who has which rights, for gateways that no identity provider or hub decides for.
// Tokens are kept as SHA-256 of the token: they are random (256 bits, `crowsnest tools access token`), so that a slow
// hash would cost every request and protect nothing.

import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { parseDocument } from 'yaml'
import { type ClusterScope, checkTenant, type Scope, UserError } from '../model/index.ts'
import type { WritingCluster } from './cluster-caller.ts'
import type { Rights } from './rights.ts'

const closed = { additionalProperties: false } as const
const names = Type.Array(Type.String({ minLength: 1 }))
const tenants = Type.Union([Type.Literal('*'), names])

const tokenSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    groups: Type.Optional(names),
    expires: Type.Optional(Type.String()),
    cluster: Type.Optional(Type.String({ minLength: 1 })),
    clusterId: Type.Optional(Type.String({ minLength: 1 })),
    tenant: Type.Optional(Type.String({ minLength: 1 })),
  },
  closed,
)

const bindingSchema = Type.Object(
  {
    users: Type.Optional(names),
    groups: Type.Optional(names),
    admin: Type.Optional(Type.Boolean()),
    read: Type.Optional(tenants),
    write: Type.Optional(tenants),
    clusters: Type.Optional(
      Type.Union([
        Type.Literal('*'),
        Type.Array(
          Type.Object(
            { name: Type.String({ minLength: 1 }), namespaces: Type.Optional(names) },
            closed,
          ),
        ),
      ]),
    ),
  },
  closed,
)

const fileSchema = Type.Object(
  {
    tokens: Type.Optional(Type.Array(tokenSchema)),
    bindings: Type.Optional(Type.Array(bindingSchema)),
  },
  closed,
)

/** A static token: its SHA-256 in hex, and who it stands for. */
export interface StaticToken {
  readonly sha256: string
  readonly name: string
  readonly groups: readonly string[]
  /** Unix milliseconds; Infinity = it does not expire. */
  readonly expiresMs: number
  /** The cluster that it is bound to: it writes as that one, and has no other right. */
  readonly cluster?: WritingCluster
}

/** Rights of whoever is one of the users or in one of the groups. */
export interface Binding {
  readonly users: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly rights: Rights
}

/** What the file says. */
export interface AccessFile {
  readonly tokens: readonly StaticToken[]
  readonly bindings: readonly Binding[]
}

/** Reads the text of an access file. Throws UserError bad_config with every fault. */
export function parseAccessFile(file: string, text: string): AccessFile {
  const document = parseDocument(text)
  const faults = document.errors.map((error) => error.message)
  const content = (document.toJS() ?? {}) as Static<typeof fileSchema>
  if (faults.length === 0) faults.push(...shapeFaults(content))
  if (faults.length === 0) faults.push(...meaningFaults(content))
  if (faults.length > 0) throw new UserError('bad_config', { what: faults.join('; '), where: file })
  return {
    tokens: (content.tokens ?? []).map(tokenOf),
    bindings: (content.bindings ?? []).map(bindingOf),
  }
}

/** Rights that the bindings grant, one entry each. */
export function bindingsOf(
  { bindings }: AccessFile,
  subject: { readonly name: string; readonly groups: readonly string[] },
): readonly Rights[] {
  return bindings
    .filter(
      ({ users, groups }) =>
        users.has(subject.name) || subject.groups.some((group) => groups.has(group)),
    )
    .map(({ rights }) => rights)
}

function shapeFaults(content: unknown): string[] {
  return [...Value.Errors(fileSchema, content)].map(
    ({ instancePath, message }) => `${instancePath.slice(1).replaceAll('/', '.')}: ${message}`,
  )
}

function meaningFaults({ tokens = [], bindings = [] }: Static<typeof fileSchema>): string[] {
  const faults: string[] = []
  for (const [i, token] of tokens.entries()) {
    const { expires } = token
    if (expires !== undefined && Number.isNaN(Date.parse(expires)))
      faults.push(`tokens.${i}.expires: "${expires}" is no time; write 2027-01-31T00:00:00Z`)
    const fault = clusterFault(token, bindings)
    if (fault !== undefined) faults.push(`tokens.${i}: ${fault}`)
  }
  const hashes = new Set(tokens.map(({ sha256 }) => sha256))
  if (hashes.size < tokens.length) faults.push('tokens: two entries have the same sha256')
  for (const [i, binding] of bindings.entries()) {
    if ((binding.users ?? []).length + (binding.groups ?? []).length === 0)
      faults.push(`bindings.${i}: names neither users nor groups`)
    if (binding.read !== undefined && binding.clusters === undefined && binding.admin !== true)
      faults.push(`bindings.${i}: reads tenants but no clusters; write clusters: "*" for all`)
  }
  return faults
}

// A token that stands for a cluster must not gain rights by a binding that somebody wrote for another purpose.
function clusterFault(
  { name, groups, cluster, clusterId, tenant }: Static<typeof tokenSchema>,
  bindings: readonly Static<typeof bindingSchema>[],
): string | undefined {
  if (cluster === undefined) {
    return clusterId === undefined && tenant === undefined
      ? undefined
      : 'clusterId and tenant are those of a cluster; name it as well'
  }
  if (groups !== undefined) return 'is bound to a cluster, and so in no group'
  if (bindings.some(({ users }) => users?.includes(name)))
    return `is bound to a cluster, and so takes no rights of bindings; bindings name ${name}`
  try {
    if (tenant !== undefined) checkTenant(tenant)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function tokenOf(token: Static<typeof tokenSchema>): StaticToken {
  const { name, sha256, groups = [], expires, cluster, clusterId, tenant = '' } = token
  const expiresMs = expires === undefined ? Infinity : Date.parse(expires)
  const plain = { name, sha256, groups, expiresMs }
  if (cluster === undefined) return plain
  return { ...plain, cluster: { cluster, clusterId: clusterId ?? cluster, tenant } }
}

function bindingOf(binding: Static<typeof bindingSchema>): Binding {
  const { users = [], groups = [], admin: isAdmin = false, read, write = [], clusters } = binding
  const tenantsOf = (given: Static<typeof tenants>) => (given === '*' ? 'all' : given)
  return {
    users: new Set(users),
    groups: new Set(groups),
    rights: {
      isAdmin,
      mayRead: tenantsOf(read ?? (isAdmin ? '*' : [])),
      mayWrite: tenantsOf(write),
      scope: isAdmin && clusters === undefined ? 'all' : scopeOf(clusters ?? []),
    },
  }
}

function scopeOf(clusters: NonNullable<Static<typeof bindingSchema>['clusters']>): Scope {
  if (clusters === '*') return 'all'
  const listed = new Map<string, ClusterScope>()
  for (const { name, namespaces } of clusters) {
    const known = listed.get(name)
    if (namespaces === undefined || known === 'all') listed.set(name, 'all')
    else listed.set(name, new Set([...(known ?? []), ...namespaces]))
  }
  return { clusters: listed }
}
