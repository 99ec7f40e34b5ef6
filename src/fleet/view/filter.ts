// Rows of a list that its filter wants.
// Invariants: values of one filter are alternatives, filters hold together; filters of clusters have been applied
// already, by what is seen.

import { applicationRows } from './application-rows.ts'
import type { FleetList, FleetListCall } from './call.ts'
import { addonRows, clusterRows, clusterSetRows } from './cluster-rows.ts'
import { placementRows, sourceRows } from './placement-rows.ts'
import { policyRows, policySetRows } from './policy-rows.ts'
import type { Context, Row } from './row.ts'

const rowsOf: Readonly<Record<Exclude<FleetList, 'events'>, (context: Context) => readonly Row[]>> =
  {
    clusters: clusterRows,
    clustersets: clusterSetRows,
    placements: placementRows,
    addons: addonRows,
    policies: policyRows,
    policysets: policySetRows,
    applications: applicationRows,
    sources: sourceRows,
  }

/** All rows of a list that are seen and wanted, in no order. */
export function filteredRows(context: Context, call: FleetListCall): readonly Row[] {
  if (call.list === 'events') return []
  const { hub, namespace, kind, state, standard, category, control } = call.filter
  const part = call.filter.name?.toLowerCase()
  const placement = call.list === 'placements' ? call.filter.placement : undefined
  const isNamed = labelled(context, { standard, category, control })
  return rowsOf[call.list](context).filter((row) => {
    if (hub?.includes(row.hub) === false || kind?.includes(row.type) === false) return false
    if (namespace?.includes(row.namespace) === false) return false
    if (placement?.includes(`${row.namespace}/${row.name}`) === false) return false
    if (state !== undefined && !row.states.some((one) => state.includes(one))) return false
    if (part !== undefined && !row.name.toLowerCase().includes(part)) return false
    return isNamed(row)
  })
}

type Wanted = Readonly<Record<'standard' | 'category' | 'control', readonly string[] | undefined>>

// Policies by what they are there for.
function labelled({ view }: Context, wanted: Wanted): (row: Row) => boolean {
  const { standard, category, control } = wanted
  if ((standard ?? category ?? control) === undefined) return () => true
  const holds = (values: readonly string[], any: readonly string[] | undefined): boolean =>
    any === undefined || any.some((value) => values.includes(value))
  const keys = new Set(
    view.fleet.policies
      .filter(
        ({ standards, categories, controls }) =>
          holds(standards, standard) && holds(categories, category) && holds(controls, control),
      )
      .map(({ hub, namespace, name }) => `${hub}\0${namespace}\0${name}`),
  )
  return ({ hub, namespace, name }) => keys.has(`${hub}\0${namespace}\0${name}`)
}
