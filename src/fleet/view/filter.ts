// Rows of a list that its filter wants.
// Invariants: values of one filter are alternatives, filters hold together; filters of clusters have been applied
// already, by what is seen.

import type { Policy } from '../model/fleet.ts'
import { applicationRows } from './application-rows.ts'
import type { FleetFilter, FleetList, FleetListCall } from './call.ts'
import { addonRows, clusterRows, clusterSetRows } from './cluster-rows.ts'
import { placementRows, sourceRows } from './placement-rows.ts'
import { policyRows, policySetRows } from './policy-rows.ts'
import { rolloutRows } from './rollout-rows.ts'
import type { Context, Row } from './row.ts'

const rowsOf: Readonly<Record<Exclude<FleetList, 'events'>, (context: Context) => readonly Row[]>> =
  {
    clusters: clusterRows,
    clustersets: clusterSetRows,
    placements: placementRows,
    addons: addonRows,
    rollouts: rolloutRows,
    policies: policyRows,
    policysets: policySetRows,
    applications: applicationRows,
    sources: sourceRows,
  }

/** All rows of a list that are seen and wanted, in no order. */
export function filteredRows(context: Context, call: FleetListCall): readonly Row[] {
  if (call.list === 'events') return []
  const { hub, namespace, kind, state } = call.filter
  const part = call.filter.name?.toLowerCase()
  const placement = call.list === 'placements' ? call.filter.placement : undefined
  return rowsOf[call.list](context).filter((row) => {
    if (hub?.includes(row.hub) === false || kind?.includes(row.type) === false) return false
    if (namespace?.includes(row.namespace) === false) return false
    if (placement?.includes(`${row.namespace}/${row.name}`) === false) return false
    if (state !== undefined && !row.states.some((one) => state.includes(one))) return false
    return part === undefined || row.name.toLowerCase().includes(part)
  })
}

/** Policies that are there for one of the standards, categories and controls that the filter names. */
export function policiesWanted(
  policies: readonly Policy[],
  filter: FleetFilter,
): readonly Policy[] {
  const { standard, category, control } = filter
  if ((standard ?? category ?? control) === undefined) return policies
  const holds = (values: readonly string[], any: readonly string[] | undefined): boolean =>
    any === undefined || any.some((value) => values.includes(value))
  return policies.filter(
    ({ standards, categories, controls }) =>
      holds(standards, standard) && holds(categories, category) && holds(controls, control),
  )
}
