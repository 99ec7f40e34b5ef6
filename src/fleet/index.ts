// The fleet: clusters, sets, placements and their decisions, explained. Pure so far as the clock is passed in.
export { decide, type PlacementDecision, placementMistake } from './placement/decide.ts'
export { explain, type PlacementExplanation } from './placement/explain.ts'
export { type Placement, type PlacementWorld, placementKey } from './placement/world.ts'
export {
  readCandidate,
  readClusterSet,
  readClusterSetBinding,
  readPlacement,
  readPlacementScore,
} from './source/placement-reader.ts'
