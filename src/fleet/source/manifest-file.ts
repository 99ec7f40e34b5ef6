// One file of manifests: YAML documents or JSON, lists expanded, into Kubernetes objects.
// Invariants: a file is good as a whole or not at all, so that half a change is never taken; nothing throws.
// Source: YAML 1.2 with merge keys, as kubectl reads it; metav1.List.

import { parseAllDocuments } from 'yaml'
import { isObject, type KubeObject, listOf, nameOf, namespaceOf, textOf } from '../kube-object.ts'

/** Aliases that a document may expand to: enough for manifests, too few to blow up memory. */
const aliasCountMax = 100

/** A file's objects, or the first mistake in it with its line. */
export type ManifestFile =
  | { readonly objects: readonly KubeObject[] }
  | { readonly mistake: string }

/** Reads the text of a file. */
export function parseManifests(text: string): ManifestFile {
  const objects: KubeObject[] = []
  const documents = parseAllDocuments(text, { merge: true })
  if (!Array.isArray(documents)) return { objects }
  for (const [index, document] of documents.entries()) {
    const error = document.errors[0]
    if (error !== undefined) return { mistake: error.message }
    const where = `document ${index + 1}`
    let value: unknown
    try {
      value = document.toJS({ maxAliasCount: aliasCountMax })
    } catch (cause) {
      return { mistake: `${where}: ${cause instanceof Error ? cause.message : String(cause)}` }
    }
    if (value === null || value === undefined) continue
    const isList = isObject(value) && /List$/.test(textOf(value, 'kind')) && 'items' in value
    for (const item of isList ? listOf(value, 'items') : [value]) {
      const mistake = objectMistake(item)
      if (mistake !== undefined) return { mistake: `${where}: ${mistake}` }
      objects.push(item as KubeObject)
    }
  }
  return { objects }
}

/** `GROUP/VERSION KIND NS/NAME`: what makes an object unique in a directory. */
export function objectKey(object: unknown): string {
  const kind = `${textOf(object, 'apiVersion')} ${textOf(object, 'kind')}`
  return `${kind} ${namespaceOf(object)}/${nameOf(object)}`
}

function objectMistake(item: unknown): string | undefined {
  if (!isObject(item)) return 'not a Kubernetes object'
  const missing = [
    ...(textOf(item, 'apiVersion') === '' ? ['apiVersion'] : []),
    ...(textOf(item, 'kind') === '' ? ['kind'] : []),
    ...(nameOf(item) === '' ? ['metadata.name'] : []),
  ]
  return missing.length === 0 ? undefined : `an object without ${missing.join(', ')}`
}
