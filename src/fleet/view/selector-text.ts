// Label selectors as text, as `kubectl -l` takes them: a=b, a==b, a!=b, a in (b, c), a notin (b, c), a, !a.
// Invariants: what is parsed is checked as the API server would check it; != and notin hold where the label is missing.
// Source: Kubernetes documentation, labels and selectors.

import { type LabelSelector, type Requirement, selectorMistake } from '../label-selector.ts'

/** Longest selector in characters. */
const lengthMax = 4096

/** The requirements of a text, or what is wrong with it. */
export function parseSelector(
  text: string,
): { readonly selector: LabelSelector } | { readonly mistake: string } {
  if (text.length > lengthMax) return { mistake: `longer than ${lengthMax} characters` }
  const selector: Requirement[] = []
  for (const part of splitOutsideParentheses(text)) {
    const requirement = parseRequirement(part.trim())
    if (requirement === undefined) return { mistake: `cannot read "${part.trim()}"` }
    selector.push(requirement)
  }
  const mistake = selectorMistake(selector)
  return mistake === undefined ? { selector } : { mistake }
}

function splitOutsideParentheses(text: string): string[] {
  if (text.trim() === '') return []
  const parts: string[] = []
  let from = 0
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')') depth--
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(from, i))
      from = i + 1
    }
  }
  parts.push(text.slice(from))
  return parts
}

function parseRequirement(text: string): Requirement | undefined {
  const membership = /^([^\s!=(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text)
  if (membership !== null) {
    const [, key = '', word, list = ''] = membership
    const values = list.split(',').map((value) => value.trim())
    return { key, operator: word === 'in' ? 'In' : 'NotIn', values }
  }
  const equality = /^([^\s!=(),]+)\s*(!=|==|=)\s*([^\s!=(),]*)$/.exec(text)
  if (equality !== null) {
    const [, key = '', word, value = ''] = equality
    return { key, operator: word === '!=' ? 'NotIn' : 'In', values: [value] }
  }
  const existence = /^(!?)\s*([^\s!=(),]+)$/.exec(text)
  if (existence === null) return undefined
  const [, not, key = ''] = existence
  return { key, operator: not === '!' ? 'DoesNotExist' : 'Exists', values: [] }
}
