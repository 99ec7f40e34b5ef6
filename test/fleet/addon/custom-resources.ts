// Custom resource definitions as oracles: an object is checked against the schema that its API server would use, and no
// field of it may be one that the schema does not know. They are read from the folder that CRDS_DIR names.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Schema from 'typebox/schema'
import { parseAllDocuments } from 'yaml'

/** Folder of CustomResourceDefinitions; undefined where none is named. */
export const crdsFolder = process.env.CRDS_DIR

interface JsonSchema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-embedded-resource'?: boolean
}

interface Definition {
  readonly kind: string
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly {
      readonly name: string
      readonly schema: { readonly openAPIV3Schema: JsonSchema }
    }[]
  }
}

/** Faults of an object by the definitions of a folder. Throws where there is no definition of its kind. */
export function faultsBy(
  folder: string,
): (object: { readonly apiVersion: string; readonly kind: string }) => string[] {
  const schemas = new Map<string, JsonSchema>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.yaml')) continue
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8')
    for (const document of parseAllDocuments(text)) {
      const definition = (document as { toJS(): unknown }).toJS() as Definition | null
      if (definition?.kind !== 'CustomResourceDefinition') continue
      const { group, names, versions } = definition.spec
      for (const { name, schema } of versions)
        schemas.set(`${group}/${name} ${names.kind}`, schema.openAPIV3Schema)
    }
  }
  return (object) => {
    const schema = schemas.get(`${object.apiVersion} ${object.kind}`)
    if (schema === undefined)
      throw new Error(`no definition of ${object.apiVersion} ${object.kind}`)
    const plain = JSON.parse(JSON.stringify(object)) as unknown
    const [, errors] = Schema.Errors(schema as never, plain)
    const said = errors.map(({ instancePath, message }) => `${instancePath}: ${message}`)
    return [...said, ...unknownFields(schema, plain, '')]
  }
}

function unknownFields(schema: JsonSchema, value: unknown, path: string): string[] {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return []
  if (Array.isArray(value))
    return value.flatMap((item, i) => unknownFields(schema.items ?? {}, item, `${path}/${i}`))
  if (typeof value !== 'object' || value === null) return []
  const { properties, additionalProperties } = schema
  return Object.entries(value).flatMap(([name, field]) => {
    if (path === '/metadata' || name === 'apiVersion' || name === 'kind') return []
    const known = properties?.[name]
    if (known !== undefined) return unknownFields(known, field, `${path}/${name}`)
    if (typeof additionalProperties === 'object')
      return unknownFields(additionalProperties, field, `${path}/${name}`)
    return additionalProperties === true || properties === undefined
      ? []
      : [`${path}/${name}: unknown field`]
  })
}
