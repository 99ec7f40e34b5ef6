// The addon as a policy, for fleets that deliver everything so: input of the PolicyGenerator, with the cluster's name filled
// in by the propagator's hub templates.
// Source: facts/fleet.md §9 ("Hub templates"); PolicyGenerator reference.

import type { AddonIntent } from './intent.ts'
import { type Manifest, spokeManifests } from './spoke-manifests.ts'

const clusterName = '{{hub .ManagedClusterName hub}}'

/** The generator's input, beside a file `manifests.yaml` that holds `policyManifests`. */
export function policyGenerator(placement: {
  readonly namespace: string
  readonly name: string
}): Manifest {
  return {
    apiVersion: 'policy.open-cluster-management.io/v1',
    kind: 'PolicyGenerator',
    metadata: { name: 'crowsnest-agent' },
    placementBindingDefaults: { name: 'crowsnest-agent' },
    policyDefaults: {
      namespace: placement.namespace,
      placement: { placementName: placement.name },
      remediationAction: 'enforce',
      severity: 'medium',
      standards: ['NIST SP 800-53'],
      categories: ['AU Audit and Accountability'],
      controls: ['AU-6 Audit Record Review, Analysis, and Reporting'],
    },
    policies: [{ name: 'crowsnest-agent', manifests: [{ path: 'manifests.yaml' }] }],
  }
}

/** What the policy enforces on each cluster. */
export function policyManifests(
  intent: Omit<AddonIntent, 'cluster' | 'clusterId'>,
  authorityPem: string,
): readonly Manifest[] {
  return spokeManifests({ ...intent, cluster: clusterName, clusterId: clusterName }, authorityPem)
}
