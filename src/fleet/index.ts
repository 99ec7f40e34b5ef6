// The fleet: clusters, sets, placements, addons, policies and applications of every hub, as one model.
// Objects become parts (readObject), parts become a fleet (assembleHub, mergeFleets); placements are decided
// and explained. Pure as far as the clock is passed in, but for the watched directory of manifests.

export {
  emptyAllowlist,
  mergeAllowlists,
  readAllowlist,
} from './addon/allowlist.ts'
export {
  type AddonIntent,
  type AddonLayer,
  intentOf,
  layerOfDeploymentConfig,
} from './addon/intent.ts'
export {
  karmadaObjects,
  kubefedObjects,
} from './addon/render-federation.ts'
export {
  addOnDeploymentConfig,
  addOnTemplate,
  clusterManagementAddOn,
  managedClusterAddOn,
  manifestWorks,
  registrationOf,
  tolerantPlacement,
} from './addon/render-ocm.ts'
export { policyGenerator, policyManifests } from './addon/render-policy.ts'
export {
  type RolloutStrategy,
  readRolloutStrategy,
  type Threshold,
} from './addon/rollout-strategy.ts'
export { type Manifest, spokeManifests } from './addon/spoke-manifests.ts'
export { type DemoCluster, demoClusters } from './demo/cast.ts'
export { type DemoPace, demoAt } from './demo/course.ts'
export { demoManifests } from './demo/manifests.ts'
export { demoFamilies, demoSamples } from './demo/metrics.ts'
export { demoRules } from './demo/rules-text.ts'
export { assembleHub, mergeFleets, summarize } from './model/assemble.ts'
export type { Fleet } from './model/fleet.ts'
export { rollUp } from './model/policies.ts'
export { type Transition, transitionsBetween } from './model/transitions.ts'
export { decide, placementMistake } from './placement/decide.ts'
export { DecisionStore } from './placement/decision-store.ts'
export { explain } from './placement/explain.ts'
export { membershipDefaults } from './placement/membership-log.ts'
export { MembershipStore } from './placement/membership-store.ts'
export type { PlacementWorld } from './placement/world.ts'
export type { ScoreChanges, ScoreDefinition, ScoreSample } from './scores/score-board.ts'
export { ScoreService } from './scores/score-service.ts'
export { type WriteOutcome, writeScores } from './scores/score-writer.ts'
export { connectFleet, type FleetConnection, serveFleet } from './service/fleet-port.ts'
export {
  FleetService,
  type FleetServiceOptions,
  fleetServiceDefaults,
} from './service/fleet-service.ts'
export {
  DirectoryFleetSource,
  type FleetSource,
  type SourceChange,
} from './service/source.ts'
export { registerSyncMetric } from './service/sync-metric.ts'
export { type DirectorySnapshot, DirectorySource } from './source/directory-source.ts'
export { KubeFleetSource } from './source/kube-source.ts'
export {
  readCandidate,
  readClusterSet,
  readClusterSetBinding,
  readPlacement,
  readPlacementScore,
} from './source/placement-reader.ts'
export { readObject } from './source/read-object.ts'
export { FleetAnswers } from './view/answers.ts'
export {
  type FleetAnswer,
  type FleetCall,
  type FleetEvent,
  type FleetExplainCall,
  type FleetFilter,
  type FleetList,
  type FleetListCall,
  type FleetObjectCall,
  type FleetPort,
  fleetLists,
} from './view/call.ts'
export { isEventSeen } from './view/event-list.ts'
export type {
  ClusterData,
  FleetEventLog,
  FleetView,
} from './view/fleet-view.ts'
export { listFields, listFilters, summaryFilters } from './view/list-fields.ts'
