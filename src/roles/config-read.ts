// Reading the configuration: file, then flags, then defaults. What is wrong with it: config-check.ts.

import { readFileSync } from 'node:fs'
import { Value } from 'typebox/value'
import { parseDocument } from 'yaml'
import { UserError } from '../model/index.ts'
import { faultsOf } from './config-check.ts'
import { type Config, configSchema, type Leaf, leavesOf } from './config-schema.ts'

/** Flag values by flag name, as the command line gave them. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

/** Where the configuration came from, to read it again. */
export interface ConfigSource {
  readonly file: string | undefined
  readonly flags: Flags
}

/** Reads `file` (YAML, optional) and lays flags over it. Throws one UserError bad_config listing every fault. */
export function readConfig(file: string | undefined, flags: Flags): Config {
  const raw = file === undefined ? {} : readYaml(file)
  for (const leaf of leavesOf()) {
    const given = flags[leaf.flag]
    if (given !== undefined) assign(raw, leaf.path, coerce(leaf, given))
  }
  const config = Value.Default(configSchema, raw) as Config
  const faults = faultsOf(config)
  if (faults.length === 0) return config
  throw new UserError('bad_config', {
    what: `the configuration has ${faults.length} fault(s):\n  ${faults.join('\n  ')}\n`,
    where: file ?? 'command line',
    fix: 'every field is described in docs/configuration.md',
  })
}

function readYaml(file: string): Record<string, unknown> {
  const document = parseDocument(readText(file))
  const faults = document.errors.map((error) => error.message.split('\n')[0])
  if (faults.length > 0) {
    throw new UserError('bad_config', { what: `${file} is not YAML: ${faults.join('; ')}` })
  }
  const value: unknown = document.toJS() ?? {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw new UserError('bad_config', { what: `${file} does not hold a map of fields` })
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const what = `cannot read ${file}: ${(cause as Error).message}`
    throw new UserError('bad_config', { what, cause })
  }
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = target
  for (const name of path.slice(0, -1)) {
    const next = at[name]
    if (typeof next !== 'object' || next === null) at[name] = {}
    at = at[name] as Record<string, unknown>
  }
  at[path.at(-1)!] = value
}

function coerce(leaf: Leaf, given: string | boolean | readonly string[]): unknown {
  const { type } = leaf.schema
  if (type === 'integer') return /^\d+$/.test(String(given)) ? Number(given) : given
  if (type === 'boolean') return given === true || given === 'true'
  const list = typeof given === 'object' ? given : [String(given)]
  if (type === 'array') return list.flatMap((item) => item.split(','))
  if (type === 'object') return Object.fromEntries(list.map(keyValue))
  return given
}

// name="value" as Thanos' --label writes it, or name=value.
function keyValue(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1).replace(/^"(.*)"$/, '$1')]
}
