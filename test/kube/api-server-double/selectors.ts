// Label and field selectors as they stand in URLs.
// Source: Kubernetes documentation, "Labels and Selectors".

import { failure, isMap, mapAt, type Stored } from './json-objects.ts'

/** Whether an object is selected. */
export type Selector = (object: Stored) => boolean

/** A label selector: equality, sets, presence. */
export function labelSelector(text: string): Selector {
  const terms = text.split(/,(?![^(]*\))/).filter((term) => term.trim() !== '')
  const tests = terms.map((term) => labelTerm(term.trim()))
  return (object) => tests.every((test) => test(labelsOf(object)))
}

type Labels = Readonly<Record<string, unknown>>

function labelTerm(term: string): (labels: Labels) => boolean {
  const set = /^(\S+) +(in|notin) +\(([^)]*)\)$/.exec(term)
  if (set !== null) {
    const values = set[3]!.split(',').map((value) => value.trim())
    const isIn = set[2] === 'in'
    return (labels) => values.includes(String(labels[set[1]!] ?? '\0')) === isIn
  }
  const comparison = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term)
  if (comparison !== null) {
    const [, key = '', operator, value] = comparison
    return (labels) => (labels[key] === value) === (operator !== '!=')
  }
  const presence = /^(!?)\s*([^=!\s]+)$/.exec(term)
  if (presence === null)
    throw failure(400, 'BadRequest', `found '${term}', expected: !, identifier, or 'end of string'`)
  return (labels) => Object.hasOwn(labels, presence[2]!) === (presence[1] === '')
}

function labelsOf(object: Stored): Labels {
  return mapAt(mapAt(object, 'metadata'), 'labels')
}

/** A field selector over any field of the object (real servers allow a few). */
export function fieldSelector(text: string): Selector {
  const tests = text
    .split(',')
    .filter((term) => term !== '')
    .map((term) => {
      const [, path = '', operator, value = ''] = /^([^=!]+)(==|=|!=)(.*)$/.exec(term) ?? []
      return (object: Stored): boolean => {
        let at: unknown = object
        for (const key of path.split('.')) at = isMap(at) ? at[key] : undefined
        return (String(at ?? '') === value) === (operator !== '!=')
      }
    })
  return (object) => tests.every((test) => test(object))
}
