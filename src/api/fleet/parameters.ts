// Parameters of fleet routes: text becomes filters, orders and pages here, once.
// Invariants: an unknown parameter is refused, since a filter with a typo would show everything.

import type { FastifyRequest } from 'fastify'
import { type FleetFilter, type FleetList, listFilters } from '../../fleet/index.ts'
import { UserError } from '../../model/index.ts'
import { type JsonSchema, repeated } from '../described.ts'
import { invalid, type Parameters, text, texts, time } from '../parameters.ts'

/** Entries of a page unless asked otherwise. */
export const limitDefault = 100

/** How each filter is written in a URL. */
const filterParameters: Readonly<
  Record<keyof FleetFilter, { readonly name: string; readonly description: string }>
> = {
  hub: { name: 'hub', description: 'Names of hubs' },
  selector: { name: 'selector', description: 'Label selector of clusters, as kubectl takes it' },
  set: { name: 'set', description: 'Cluster sets: only what is on their members' },
  placement: { name: 'placement', description: 'NS/NAME: only what is on the clusters decided' },
  cluster: { name: 'cluster', description: 'Clusters: only what is on them' },
  state: { name: 'state', description: 'States' },
  namespace: { name: 'namespace', description: 'Namespaces on the hub' },
  name: { name: 'name', description: 'Part of the name, case ignored' },
  standard: { name: 'standard', description: 'Standards, such as NIST SP 800-53' },
  category: { name: 'category', description: 'Categories' },
  control: { name: 'control', description: 'Controls' },
  kind: { name: 'kind', description: 'Kinds' },
  fromMs: { name: 'start', description: 'From this time on; seconds or RFC 3339' },
  toMs: { name: 'end', description: 'Before this time; seconds or RFC 3339' },
}

/** The parameters of a list, for the API's document. */
export function listParameters(list: FleetList): Readonly<Record<string, string | JsonSchema>> {
  return {
    ...filterSchemas(listFilters[list]),
    sort: 'Dotted path of a field; a leading - turns the order round',
    limit: { type: 'integer', minimum: 1, description: `Entries of a page (${limitDefault})` },
    cursor: 'As the answer before gave it',
    fields: repeated('Dotted paths of the fields wanted'),
    format: { type: 'string', enum: ['json', 'csv'], description: 'Form; else as Accept says' },
  }
}

/** The parameters of some filters, for the API's document. */
export function filterSchemas(
  filters: readonly (keyof FleetFilter)[],
): Readonly<Record<string, string | JsonSchema>> {
  return Object.fromEntries(
    filters.map((filter) => {
      const { name, description } = filterParameters[filter]
      const isList = !['selector', 'name', 'fromMs', 'toMs'].includes(filter)
      return [name, isList ? repeated(`${description}; several are alternatives`) : description]
    }),
  )
}

/** The filter of a request, out of `allowed`. Throws UserError bad_data for parameters that are not known. */
export function filterOf(
  parameters: Parameters,
  allowed: readonly (keyof FleetFilter)[],
  others: readonly string[],
): FleetFilter {
  const names = allowed.map((filter) => filterParameters[filter].name)
  refuseUnknown(parameters, [...names, ...others])
  const filter: Record<string, unknown> = {}
  for (const key of allowed) {
    const { name } = filterParameters[key]
    if (text(parameters, name) === '') continue
    if (key === 'fromMs' || key === 'toMs') filter[key] = time(parameters, name)
    else if (key === 'selector' || key === 'name') filter[key] = text(parameters, name)
    else filter[key] = split(parameters, name)
  }
  return filter as FleetFilter
}

/** A page of a request. */
export function pageOfRequest(parameters: Parameters): {
  readonly limit: number
  readonly cursor?: string
} {
  const limitText = text(parameters, 'limit')
  const cursor = text(parameters, 'cursor')
  if (limitText !== '' && !/^\d{1,9}$/.test(limitText))
    throw invalid('limit', `"${limitText}" is not a number`)
  return {
    limit: limitText === '' ? limitDefault : Number(limitText),
    ...(cursor === '' ? {} : { cursor }),
  }
}

/** Values of a parameter that may be repeated or hold several, separated by commas. */
export function split(parameters: Parameters, name: string): readonly string[] {
  return texts(parameters, name)
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '')
}

/** The form that is asked for. */
export function formatOf(request: FastifyRequest, parameters: Parameters): 'json' | 'csv' {
  const format = text(parameters, 'format')
  if (format === 'json' || format === 'csv') return format
  if (format !== '') throw invalid('format', `"${format}" is neither json nor csv`)
  const accept = request.headers.accept ?? ''
  return /\btext\/csv\b/.test(accept) && !/\bapplication\/json\b/.test(accept) ? 'csv' : 'json'
}

/** Throws UserError bad_data for a parameter that is not one of the names. */
export function refuseUnknown(parameters: Parameters, names: readonly string[]): void {
  const unknown = Object.keys(parameters).find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw new UserError('bad_data', {
    what: `there is no parameter "${unknown}"`,
    fix: names.length === 0 ? 'leave it out' : `use ${names.join(', ')}`,
  })
}
