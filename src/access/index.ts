// Who is calling, and what they may write and see.
export { type AccessFile, bindingsOf, parseAccessFile } from './access-file.ts'
export * from './anonymous.ts'
export { certificateReaders } from './certificate-readers.ts'
export { clusterCaller } from './cluster-caller.ts'
export {
  bearerToken,
  type CallerSource,
  type ClientCertificate,
  callerBehind,
} from './credentials.ts'
export {
  type AccessQuestion,
  type KubernetesReviews,
  kubernetesAuthority,
  kubernetesVerifier,
  type ResourceRule,
} from './kubernetes.ts'
export { kubernetesReviews, managedClusterNames } from './kubernetes-reviews.ts'
export { oidcVerifier } from './oidc.ts'
export * from './read-tenants.ts'
export { requireAdmin, requireReader, requireWholeFleet } from './require.ts'
export { addRights, type Subject } from './rights.ts'
export { hashToken, staticTokenPrefix, staticTokenVerifier } from './static-tokens.ts'
export { type Authority, TokenCallers, type TokenVerifier } from './subject-callers.ts'
