// Label selectors of the Kubernetes API: checking, matching, and saying which requirement did not hold.
// Invariants: an empty selector matches everything; NotIn and DoesNotExist hold where the label is missing.
// Source: metav1.LabelSelector; k8s.io/apimachinery validation of qualified names and label values.

import { listOf, textMapOf, textOf, textsOf } from './kube-object.ts'

/** One requirement of a selector. The operator is kept as written; `selectorMistake` judges it. */
export interface Requirement {
  readonly key: string
  readonly operator: string
  readonly values: readonly string[]
}

/** All requirements of a selector, matchLabels as In with one value; all must hold. */
export type LabelSelector = readonly Requirement[]

/** Reads a metav1.LabelSelector (or a claim selector, which has matchExpressions only). */
export function readLabelSelector(selector: unknown): LabelSelector {
  const exact = [...textMapOf(selector, 'matchLabels')].map(([key, value]) => ({
    key,
    operator: 'In',
    values: [value],
  }))
  const expressions = listOf(selector, 'matchExpressions').map((entry) => ({
    key: textOf(entry, 'key'),
    operator: textOf(entry, 'operator'),
    values: textsOf(entry, 'values'),
  }))
  return [...exact, ...expressions]
}

const namePattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/
const prefixPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/')
  if (slash === -1) return namePattern.test(key)
  const prefix = key.slice(0, slash)
  return (
    prefix.length <= 253 && prefixPattern.test(prefix) && namePattern.test(key.slice(slash + 1))
  )
}

/** What is wrong with a selector, as the API server would refuse it; undefined where nothing is. */
export function selectorMistake(selector: LabelSelector): string | undefined {
  for (const { key, operator, values } of selector) {
    if (!isQualifiedName(key)) return `"${key}" is not a label name`
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) return `${operator} of "${key}" needs values`
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) return `${operator} of "${key}" takes no values`
    } else return `"${operator}" is not an operator: use In, NotIn, Exists or DoesNotExist`
    const bad = values.find((value) => value !== '' && !namePattern.test(value))
    if (bad !== undefined) return `"${bad}" is not a label value (of "${key}")`
  }
  return undefined
}

function holds(
  { key, operator, values }: Requirement,
  labels: ReadonlyMap<string, string>,
): boolean {
  const value = labels.get(key)
  if (operator === 'In') return value !== undefined && values.includes(value)
  if (operator === 'NotIn') return value === undefined || !values.includes(value)
  if (operator === 'Exists') return value !== undefined
  return operator === 'DoesNotExist' && value === undefined
}

/** True where every requirement holds. */
export function matchesSelector(
  selector: LabelSelector,
  labels: ReadonlyMap<string, string>,
): boolean {
  return selector.every((requirement) => holds(requirement, labels))
}

/** The first requirement that does not hold, in words: `region in (eu), but it is "us"`. */
export function firstUnmet(
  selector: LabelSelector,
  labels: ReadonlyMap<string, string>,
): string | undefined {
  const unmet = selector.find((requirement) => !holds(requirement, labels))
  if (unmet === undefined) return undefined
  const value = labels.get(unmet.key)
  return `${formatRequirement(unmet)}, but it is ${value === undefined ? 'missing' : `"${value}"`}`
}

// A requirement that thousands of clusters do not meet is put into words once.
const formatted = new WeakMap<Requirement, string>()

function formatRequirement(requirement: Requirement): string {
  const known = formatted.get(requirement) ?? wordsOf(requirement)
  formatted.set(requirement, known)
  return known
}

function wordsOf({ key, operator, values }: Requirement): string {
  if (operator === 'Exists') return `${key} exists`
  if (operator === 'DoesNotExist') return `${key} does not exist`
  return `${key} ${operator === 'In' ? 'in' : 'not in'} (${values.join(', ')})`
}
