// Relabelling: rules that rewrite or drop a series before it is stored.
// Rules are plain values (structured clone carries them to a lane); `compileRelabel` checks and compiles them.
// Invariants: an empty value means an absent label; rules run in order; the first drop ends processing.
// Source: Prometheus relabel_config: regular expressions are RE2, anchored as ^(?s:…)$.

import { createHash } from 'node:crypto'
import { RE2JS } from 're2js'
import { isWellFormed, UserError } from '../model/index.ts'
import { expandTemplate } from './template.ts'

/** What a rule does. */
export type RelabelAction =
  | 'replace'
  | 'keep'
  | 'drop'
  | 'keepequal'
  | 'dropequal'
  | 'hashmod'
  | 'labelmap'
  | 'labeldrop'
  | 'labelkeep'
  | 'lowercase'
  | 'uppercase'

/** One rule, with the keys of Prometheus' YAML; absent = default. */
export interface RelabelRule {
  /** In any case; default replace. */
  readonly action?: string
  readonly source_labels?: readonly string[]
  /** Default `;`. */
  readonly separator?: string
  /** Default `(.*)`. */
  readonly regex?: string
  readonly modulus?: number
  readonly target_label?: string
  /** Default `$1`. */
  readonly replacement?: string
}

/** Rewrites `labels` (name to value, no empty values) in place; false = the series is dropped. */
export type Relabel = (labels: Map<string, string>) => boolean

const defaultRegex = '(.*)'
const defaultReplacement = '$1'
const defaultSeparator = ';'

/** Compiles rules. `where` names them in messages. Throws UserError bad_config naming the faulty rule. */
export function compileRelabel(rules: readonly RelabelRule[], where: string): Relabel {
  const steps = rules.map((rule, index) => compileRule(rule, `${where}, rule ${index + 1}`))
  return (labels) => steps.every((step) => step(labels))
}

/** A rule with its defaults filled in and its regular expression compiled. */
interface Step {
  readonly sources: readonly string[]
  readonly separator: string
  readonly regex: RE2JS
  readonly modulus: bigint
  readonly target: string
  readonly replacement: string
  /** The regex is the default one, so that an empty value matches without asking. */
  readonly plain: boolean
}

const effects: Readonly<Record<RelabelAction, (step: Step) => Relabel>> = {
  replace: replaceEffect,
  keep: (step) => (labels) => step.regex.test(sourceValue(step, labels)),
  drop: (step) => (labels) => !step.regex.test(sourceValue(step, labels)),
  keepequal: (step) => (labels) => (labels.get(step.target) ?? '') === sourceValue(step, labels),
  dropequal: (step) => (labels) => (labels.get(step.target) ?? '') !== sourceValue(step, labels),
  hashmod: (step) => (labels) =>
    setLabel(labels, step.target, hashModulo(sourceValue(step, labels), step.modulus)),
  labelmap: labelMapEffect,
  labeldrop: (step) => (labels) => deleteWhere(labels, (name) => step.regex.test(name)),
  labelkeep: (step) => (labels) => deleteWhere(labels, (name) => !step.regex.test(name)),
  lowercase: (step) => (labels) =>
    setLabel(labels, step.target, mapCase(sourceValue(step, labels), lowerOf)),
  uppercase: (step) => (labels) =>
    setLabel(labels, step.target, mapCase(sourceValue(step, labels), upperOf)),
}

function compileRule(rule: RelabelRule, where: string): Relabel {
  const action = (rule.action ?? 'replace').toLowerCase()
  if (!isAction(action)) {
    throw badRule(
      where,
      `action ${JSON.stringify(rule.action)} is unknown`,
      `use one of ${Object.keys(effects).join(', ')}`,
    )
  }
  checkRule(action, rule, where)
  return effects[action]({
    sources: rule.source_labels ?? [],
    separator: rule.separator ?? defaultSeparator,
    regex: compileRegex(rule.regex ?? defaultRegex, where),
    modulus: BigInt(rule.modulus ?? 0),
    target: rule.target_label ?? '',
    replacement: rule.replacement ?? defaultReplacement,
    plain: (rule.regex ?? defaultRegex) === defaultRegex,
  })
}

const needTarget: ReadonlySet<RelabelAction> = new Set<RelabelAction>([
  'replace',
  'keepequal',
  'dropequal',
  'hashmod',
  'lowercase',
  'uppercase',
])

function checkRule(action: RelabelAction, rule: RelabelRule, where: string): void {
  const target = rule.target_label ?? ''
  if (needTarget.has(action) && target === '') {
    throw badRule(where, `action ${action} has no target_label`, 'name the label to write')
  }
  if (!isWellFormed(target)) throw badRule(where, 'target_label is not valid UTF-8', 'correct it')
  const { modulus } = rule
  if (
    action === 'hashmod' &&
    !(modulus !== undefined && Number.isSafeInteger(modulus) && modulus > 0)
  ) {
    throw badRule(where, 'action hashmod has no positive modulus', 'set modulus to a whole number')
  }
  const allowed = allowedKeys[action]
  if (allowed === undefined) return
  for (const [key, value] of Object.entries(rule)) {
    if (value === undefined || allowed.has(key) || value === defaultOf(key)) continue
    throw badRule(where, `action ${action} takes no ${key}`, `leave ${key} out`)
  }
}

// Actions that refuse keys which would have no effect on them.
const allowedKeys: Readonly<Partial<Record<RelabelAction, ReadonlySet<string>>>> = {
  keepequal: new Set(['action', 'source_labels', 'target_label']),
  dropequal: new Set(['action', 'source_labels', 'target_label']),
  labeldrop: new Set(['action', 'regex']),
  labelkeep: new Set(['action', 'regex']),
  lowercase: new Set(['action', 'source_labels', 'separator', 'regex', 'modulus', 'target_label']),
  uppercase: new Set(['action', 'source_labels', 'separator', 'regex', 'modulus', 'target_label']),
}

function defaultOf(key: string): string | number | undefined {
  if (key === 'separator') return defaultSeparator
  if (key === 'regex') return defaultRegex
  if (key === 'replacement') return defaultReplacement
  if (key === 'target_label') return ''
  return key === 'modulus' ? 0 : undefined
}

function compileRegex(pattern: string, where: string): RE2JS {
  try {
    return RE2JS.compile(`^(?s:${pattern})$`)
  } catch (cause) {
    throw new UserError('bad_config', {
      what: `regex ${JSON.stringify(pattern)} is not valid RE2: ${(cause as Error).message}`,
      where,
      fix: 'correct the regular expression',
      cause,
    })
  }
}

function replaceEffect(step: Step): Relabel {
  const fixed = !step.target.includes('$') && !step.replacement.includes('$')
  return (labels) => {
    const value = sourceValue(step, labels)
    if (step.plain && fixed && value === '') return setLabel(labels, step.target, step.replacement)
    const match = step.regex.matcher(value)
    if (!match.find()) return true
    const group = (name: string | number): string => match.group(name) ?? ''
    const groups = { count: match.groupCount(), names: match.namedGroups, group }
    const target = expandTemplate(step.target, groups)
    if (target === '' || !isWellFormed(target)) return true
    return setLabel(labels, target, expandTemplate(step.replacement, groups))
  }
}

function labelMapEffect(step: Step): Relabel {
  return (labels) => {
    // Over a copy: a label that a copy creates is not mapped again.
    for (const [name, value] of [...labels]) {
      const match = step.regex.matcher(name)
      if (!match.find()) continue
      const group = (key: string | number): string => match.group(key) ?? ''
      const groups = { count: match.groupCount(), names: match.namedGroups, group }
      const copy = expandTemplate(step.replacement, groups)
      if (copy !== '') setLabel(labels, copy, value)
    }
    return true
  }
}

function sourceValue(step: Step, labels: ReadonlyMap<string, string>): string {
  return step.sources.map((name) => labels.get(name) ?? '').join(step.separator)
}

function setLabel(labels: Map<string, string>, name: string, value: string): true {
  if (value === '') labels.delete(name)
  else labels.set(name, value)
  return true
}

function deleteWhere(labels: Map<string, string>, wanted: (name: string) => boolean): true {
  for (const name of [...labels.keys()]) if (wanted(name)) labels.delete(name)
  return true
}

function hashModulo(value: string, modulus: bigint): string {
  const digest = createHash('md5').update(value, 'utf8').digest()
  return String(digest.readBigUInt64BE(8) % modulus)
}

// Go maps case one code point at a time; JavaScript may give several (ß becomes SS), which Go leaves alone.
function mapCase(text: string, caseOf: (char: string) => string): string {
  let out = ''
  for (const char of text) out += caseOf(char)
  return out
}

function lowerOf(char: string): string {
  if (char === '\u0130') return 'i'
  return onePoint(char.toLowerCase(), char)
}

function upperOf(char: string): string {
  return onePoint(char.toUpperCase(), char)
}

function onePoint(mapped: string, char: string): string {
  return [...mapped].length === 1 ? mapped : char
}

function isAction(action: string): action is RelabelAction {
  return Object.hasOwn(effects, action)
}

function badRule(where: string, what: string, fix: string): UserError {
  return new UserError('bad_config', { what, where, fix })
}
