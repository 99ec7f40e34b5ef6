// Kubernetes APIs: calls, resources kept current, certificates signed, leaders elected.
export { KubeApiError } from './api-error.ts'
export {
  type ApiObject,
  fieldOf,
  type KubeResource,
  keyOf,
  resourceName,
  textOf,
} from './api-object.ts'
export {
  certificateSigningRequests,
  decideSigning,
  failSigning,
  issueCertificate,
  signingStateOf,
} from './certificate-signing.ts'
export {
  KubeClient,
  type KubeSelection,
} from './kube-client.ts'
export {
  bearerEndpoint,
  type KubeAccess,
  type KubeEndpoint,
  openEndpoint,
  plainEndpoint,
} from './kube-endpoint.ts'
export {
  LeaderElection,
  leases,
} from './leader-election.ts'
export {
  Reflector,
  type ReflectorChange,
  type ReflectorOptions,
} from './reflector.ts'
