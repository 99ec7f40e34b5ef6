// Rule files: YAML of Prometheus and Thanos to groups of rules, strictly, with every fault at once.
// Units: milliseconds. Invariants: what is returned has parsed expressions, checked labels and parsed templates.
// Source: Prometheus docs "recording rules", "alerting rules"; Thanos docs "rule" (partial_response_strategy).

import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import { isWellFormed, parseDurationMs, UserError } from '../model/index.ts'
import {
  defaultParserFeatures,
  type ParserFeatures,
  parseExpr,
  printExpr,
} from '../promql/index.ts'
import { AlertTemplate } from './template/expand.ts'

/** Texts by name. */
export type StringMap = Readonly<Record<string, string>>

interface RuleBase {
  /** The series that is recorded, or the alert's name. */
  readonly name: string
  /** The expression in its canonical form. */
  readonly query: string
  /** Group labels and the rule's own, unexpanded; an empty value takes a label away. */
  readonly labels: StringMap
  readonly line: number
}

/** Records the result of an expression as a series. */
export interface RecordingRule extends RuleBase {
  readonly kind: 'record'
}

/** Raises alerts for the series of an expression. */
export interface AlertingRule extends RuleBase {
  readonly kind: 'alert'
  readonly annotations: StringMap
  readonly forMs: number
  readonly keepFiringForMs: number
}

/** Either kind. */
export type Rule = RecordingRule | AlertingRule

/** Rules that are evaluated one after the other. */
export interface RuleGroup {
  readonly file: string
  readonly name: string
  /** Undefined = the default. */
  readonly intervalMs: number | undefined
  readonly queryOffsetMs: number | undefined
  /** Most series of a recording rule, most alerts of an alerting rule; 0 = unlimited. */
  readonly limit: number
  readonly partialResponse: 'abort' | 'warn'
  readonly rules: readonly Rule[]
}

/** One fault of a rule file. */
export interface RuleFault {
  readonly file: string
  readonly line: number
  readonly reason: string
}

/** What a file holds: its groups where it has no fault. */
export interface ParsedRuleFile {
  readonly groups: readonly RuleGroup[]
  readonly faults: readonly RuleFault[]
}

/** Parses one file. */
export function parseRuleFile(
  file: string,
  text: string,
  features: ParserFeatures = defaultParserFeatures,
): ParsedRuleFile {
  return new FileReader(file, text, features).read()
}

/** `file:line: reason` of each fault. */
export function formatRuleFaults(faults: readonly RuleFault[]): string {
  return faults.map(({ file, line, reason }) => `${file}:${line}: ${reason}`).join('\n')
}

/** Parses some files. Throws UserError bad_config with every fault of every file. */
export function parseRuleFiles(
  files: readonly { readonly file: string; readonly text: string }[],
  features: ParserFeatures = defaultParserFeatures,
): RuleGroup[] {
  const parsed = files.map(({ file, text }) => parseRuleFile(file, text, features))
  const faults = parsed.flatMap((one) => one.faults)
  if (faults.length === 0) return parsed.flatMap((one) => one.groups)
  throw new UserError('bad_config', {
    what: `the rule files have ${faults.length} fault(s):\n${formatRuleFaults(faults)}`,
    fix: 'correct them; the rules that were loaded before go on',
  })
}

/** `limit` and durations of files that were written by hand stay far below this. */
const limitMax = 2 ** 31

type Fields = Map<string, { readonly value: Node | null; readonly line: number }>

class FileReader {
  readonly #file: string
  readonly #text: string
  readonly #features: ParserFeatures
  readonly #lines = new LineCounter()
  readonly #faults: RuleFault[] = []

  constructor(file: string, text: string, features: ParserFeatures) {
    this.#file = file
    this.#text = text
    this.#features = features
  }

  read(): ParsedRuleFile {
    const document = parseDocument(this.#text, { lineCounter: this.#lines, merge: true })
    for (const error of document.errors) {
      this.#fault(error.linePos?.[0].line ?? 1, error.message.split('\n')[0]!)
    }
    const groups = this.#faults.length > 0 ? [] : this.#groups(document.contents as Node | null)
    return { groups: this.#faults.length > 0 ? [] : groups, faults: this.#faults }
  }

  #groups(root: Node | null): RuleGroup[] {
    if (root === null || (isScalar(root) && root.value === null)) return []
    const fields = this.#fields(root, ['groups'], 'a rule file')
    const names = new Set<string>()
    return this.#items(fields?.get('groups'), 'groups').map((node) => {
      const group = this.#group(node)
      if (names.has(group.name))
        this.#fault(this.#lineOf(node), `the group name "${group.name}" is repeated in the file`)
      names.add(group.name)
      return group
    })
  }

  #group(node: Node): RuleGroup {
    const fields = this.#fields(node, groupKeys, 'a group') ?? new Map()
    const name = this.#string(fields.get('name')) ?? ''
    if (name === '') this.#fault(this.#lineOf(node), 'the group has no name')
    const labels = this.#labels(fields.get('labels'))
    const strategy = this.#string(fields.get('partial_response_strategy')) ?? 'abort'
    if (!/^(abort|warn)$/i.test(strategy)) {
      this.#fault(
        fields.get('partial_response_strategy')!.line,
        `partial_response_strategy is "${strategy}"; it must be abort or warn`,
      )
    }
    return {
      file: this.#file,
      name,
      intervalMs: this.#duration(fields.get('interval')),
      queryOffsetMs: this.#duration(fields.get('query_offset')),
      limit: this.#count(fields.get('limit')),
      partialResponse: strategy.toLowerCase() === 'warn' ? 'warn' : 'abort',
      rules: this.#items(fields.get('rules'), 'rules').map((rule) => this.#rule(rule, labels)),
    }
  }

  #rule(node: Node, groupLabels: StringMap): Rule {
    const fields = this.#fields(node, ruleKeys, 'a rule') ?? new Map()
    const line = this.#lineOf(node)
    const record = this.#string(fields.get('record')) ?? ''
    const alert = this.#string(fields.get('alert')) ?? ''
    if (record !== '' && alert !== '') this.#fault(line, 'only one of record and alert may be set')
    if (record === '' && alert === '') this.#fault(line, 'one of record and alert must be set')
    const query = this.#query(fields.get('expr'), line)
    const labels = { ...groupLabels, ...this.#labels(fields.get('labels')) }
    const annotations = this.#stringMap(fields.get('annotations'))
    const forMs = this.#duration(fields.get('for')) ?? 0
    const keepFiringForMs = this.#duration(fields.get('keep_firing_for')) ?? 0
    if (record !== '') {
      if (forMs !== 0) this.#fault(line, 'a recording rule takes no for')
      if (keepFiringForMs !== 0) this.#fault(line, 'a recording rule takes no keep_firing_for')
      if (Object.keys(annotations).length > 0)
        this.#fault(line, 'a recording rule takes no annotations')
      if (!isWellFormed(record) || /[{}]/.test(record))
        this.#fault(line, `"${record}" is not the name of a recorded series`)
      return { kind: 'record', name: record, query, labels, line }
    }
    for (const [name, value] of Object.entries(labels))
      this.#template(alert, value, `label "${name}"`, line)
    for (const [name, value] of Object.entries(annotations))
      this.#template(alert, value, `annotation "${name}"`, line)
    return { kind: 'alert', name: alert, query, labels, annotations, forMs, keepFiringForMs, line }
  }

  #template(alert: string, text: string, where: string, line: number): void {
    const { fault } = new AlertTemplate(alert, text)
    if (fault !== undefined) this.#fault(line, `${where}: ${fault}`)
  }

  #query(field: Field | undefined, ruleLine: number): string {
    const text = this.#string(field) ?? ''
    if (text === '') {
      this.#fault(ruleLine, 'the rule has no expr')
      return ''
    }
    try {
      return printExpr(parseExpr(text, this.#features))
    } catch (error) {
      this.#fault(field!.line, `could not parse expression: ${(error as Error).message}`)
      return ''
    }
  }

  #labels(field: Field | undefined): StringMap {
    const labels = this.#stringMap(field)
    for (const [name, value] of Object.entries(labels)) {
      if (name === '' || name === '__name__' || !isWellFormed(name))
        this.#fault(field!.line, `"${name}" is not a label that a rule may set`)
      if (!isWellFormed(value)) this.#fault(field!.line, `the value of "${name}" is not UTF-8`)
    }
    return labels
  }

  #fields(node: Node, known: readonly string[], what: string): Fields | undefined {
    if (!isMap(node)) {
      this.#fault(this.#lineOf(node), `${what} must be a map`)
      return undefined
    }
    const fields: Fields = new Map()
    for (const { name, value, line } of this.#pairs(node)) {
      if (known.includes(name)) fields.set(name, { value, line })
      else this.#fault(line, `unknown field ${name} in ${what}`)
    }
    return fields
  }

  *#pairs(map: YAMLMap): Generator<{ name: string; value: Node | null; line: number }> {
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? sourceOf(key) : String(key)
      yield { name, value: value as Node | null, line: this.#lineOf(key as Node) }
    }
  }

  #items(field: Field | undefined, name: string): Node[] {
    const node = field?.value
    if (node === undefined || isNothing(node)) return []
    if (isSeq(node)) return node.items as Node[]
    this.#fault(field!.line, `${name} must be a list`)
    return []
  }

  #stringMap(field: Field | undefined): StringMap {
    const node = field?.value
    if (node === undefined || isNothing(node)) return {}
    if (!isMap(node)) {
      this.#fault(field!.line, 'a map of texts is expected')
      return {}
    }
    const out: Record<string, string> = {}
    for (const { name, value, line } of this.#pairs(node))
      out[name] = this.#string({ value, line }) ?? ''
    return out
  }

  #string(field: Field | undefined): string | undefined {
    const node = field?.value
    if (node === undefined || isNothing(node)) return undefined
    if (isScalar(node)) return sourceOf(node)
    this.#fault(field!.line, 'a text is expected')
    return undefined
  }

  #duration(field: Field | undefined): number | undefined {
    const text = this.#string(field)
    if (text === undefined) return undefined
    const ms = parseDurationMs(text)
    if (ms === undefined) this.#fault(field!.line, `"${text}" is not a duration`)
    return ms
  }

  #count(field: Field | undefined): number {
    const text = this.#string(field)
    if (text === undefined) return 0
    const count = Number(text)
    if (!/^-?\d+$/.test(text) || Math.abs(count) > limitMax)
      this.#fault(field!.line, `limit is "${text}"; it must be a whole number`)
    return Math.max(0, count)
  }

  #lineOf(node: Node | null): number {
    return this.#lines.linePos(node?.range?.[0] ?? 0).line
  }

  #fault(line: number, reason: string): void {
    this.#faults.push({ file: this.#file, line, reason })
  }
}

interface Field {
  readonly value: Node | null
  readonly line: number
}

const groupKeys = [
  'name',
  'interval',
  'query_offset',
  'limit',
  'labels',
  'rules',
  'partial_response_strategy',
]

const ruleKeys = ['record', 'alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations']

function isNothing(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null)
}

// A plain scalar as it is written (`1.50` stays `1.50`), a quoted or block scalar as it reads.
function sourceOf(node: Node): string {
  if (!isScalar(node)) return ''
  if (typeof node.value === 'string') return node.value
  return node.source ?? String(node.value)
}
