// Allowlists in ACM's format: which metrics a spoke sends. Read, checked, and a custom list laid over the default one.
// Source: facts/fleet.md §13 ("Allowlist").

import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { parseDocument } from 'yaml'
import { UserError } from '../../model/index.ts'

const texts = Type.Array(Type.String({ minLength: 1 }))
const recordingRule = Type.Object({ record: Type.String(), expr: Type.String() })
const requirement = Type.Object({
  key: Type.String(),
  operator: Type.Union([
    Type.Literal('In'),
    Type.Literal('NotIn'),
    Type.Literal('Exists'),
    Type.Literal('DoesNotExist'),
  ]),
  values: Type.Optional(Type.Array(Type.String())),
})
const collectRule = Type.Object({
  collect: Type.String(),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  expr: Type.String(),
  for: Type.Optional(Type.String()),
  dynamic_metrics: Type.Object({ names: Type.Optional(texts), matches: Type.Optional(texts) }),
})
const collectGroup = Type.Object({
  group: Type.String(),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  selector: Type.Optional(
    Type.Object({ matchExpressions: Type.Optional(Type.Array(requirement)) }),
  ),
  rules: Type.Optional(Type.Array(collectRule)),
})

const fileSchema = Type.Object(
  {
    names: Type.Optional(texts),
    matches: Type.Optional(texts),
    renames: Type.Optional(Type.Record(Type.String(), Type.String())),
    recording_rules: Type.Optional(Type.Array(recordingRule)),
    /** The deprecated spelling. */
    rules: Type.Optional(Type.Array(recordingRule)),
    collect_rules: Type.Optional(Type.Array(collectGroup)),
  },
  { additionalProperties: false },
)

/** Rules that say when more metrics are sent, in ACM's own shape. */
export type CollectGroup = Static<typeof collectGroup>

/** Which metrics are sent, and under which names. */
export interface Allowlist {
  readonly names: readonly string[]
  /** Bodies of selectors, without braces: `__name__="up",job="x"`. */
  readonly matches: readonly string[]
  /** New name by old one. */
  readonly renames: Readonly<Record<string, string>>
  readonly recordingRules: readonly { readonly record: string; readonly expr: string }[]
  readonly collectGroups: readonly CollectGroup[]
}

/** Nothing. */
export const emptyAllowlist: Allowlist = {
  names: [],
  matches: [],
  renames: {},
  recordingRules: [],
  collectGroups: [],
}

/** Reads a `metrics_list.yaml`. Throws UserError bad_config with every fault; `where` names it in messages. */
export function readAllowlist(where: string, text: string): Allowlist {
  const document = parseDocument(text)
  const content = (document.toJS() ?? {}) as Static<typeof fileSchema>
  const faults = document.errors.map(({ message }) => message)
  if (faults.length === 0) {
    for (const { instancePath, message } of Value.Errors(fileSchema, content))
      faults.push(`${instancePath.slice(1).replaceAll('/', '.')}: ${message}`)
  }
  if (faults.length > 0) {
    throw new UserError('bad_config', {
      what: `the allowlist has faults: ${faults.join('; ')}`,
      where,
      fix: "write it in ACM's format: names, matches, renames, recording_rules, collect_rules",
    })
  }
  return {
    names: content.names ?? [],
    matches: content.matches ?? [],
    renames: content.renames ?? {},
    recordingRules: content.recording_rules ?? content.rules ?? [],
    collectGroups: content.collect_rules ?? [],
  }
}

/**
 * A custom list over a default one: entries are added, once each; `-ENTRY` takes one away, also one that the custom
 * list adds itself; renames of the custom list win; its collect groups come first.
 */
export function mergeAllowlists(base: Allowlist, custom: Allowlist): Allowlist {
  return {
    names: mergeEntries(base.names, custom.names),
    matches: mergeEntries(base.matches, custom.matches),
    renames: { ...base.renames, ...custom.renames },
    recordingRules: [...base.recordingRules, ...custom.recordingRules],
    collectGroups: mergeGroups(base.collectGroups, custom.collectGroups),
  }
}

function mergeEntries(base: readonly string[], custom: readonly string[]): readonly string[] {
  const removed = removals(custom)
  const added = custom.filter((entry) => !entry.startsWith('-'))
  return [...new Set([...base, ...added])].filter((entry) => !removed.has(entry))
}

function mergeGroups(
  base: readonly CollectGroup[],
  custom: readonly CollectGroup[],
): readonly CollectGroup[] {
  const removed = removals(custom.map(({ group }) => group))
  const added = custom.filter(({ group }) => !group.startsWith('-'))
  return [...added, ...base].filter(({ group }) => !removed.has(group))
}

function removals(entries: readonly string[]): ReadonlySet<string> {
  return new Set(entries.filter((entry) => entry.startsWith('-')).map((entry) => entry.slice(1)))
}
