// Who is calling, and what they may write and see.
export { type AccessFile, bindingsOf, parseAccessFile } from './access-file.ts'
export * from './anonymous.ts'
export {
  bearerToken,
  type CallerSource,
  type ClientCertificate,
  type Credentials,
  callerBehind,
} from './credentials.ts'
export {
  type AccessQuestion,
  type KubernetesReviews,
  type KubernetesRightsOptions,
  kubernetesAuthority,
  kubernetesVerifier,
  type ResourceRule,
} from './kubernetes.ts'
export { kubernetesReviews, managedClusterNames } from './kubernetes-reviews.ts'
export { type OidcOptions, oidcVerifier } from './oidc.ts'
export * from './read-tenants.ts'
export { requireAdmin, requireReader, requireWholeFleet } from './require.ts'
export { addRights, type Rights, type Subject } from './rights.ts'
export { hashToken, staticTokenPrefix, staticTokenVerifier } from './static-tokens.ts'
export { type Authority, TokenCallers, type TokenVerifier } from './subject-callers.ts'
