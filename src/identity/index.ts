// Certificates: the CA, checking requests, issuing, rotating, revoking.
export { Authority, newKeyPair, pemOf, type Validity } from './authority.ts'
export { CertificateCheck } from './certificate-check.ts'
export {
  addonName,
  type ClusterSubject,
  isClusterName,
  readSubject,
  subjectNames,
  userOf,
} from './cluster-subject.ts'
export { type ClusterRecord, IdentityStore } from './identity-store.ts'
export { type ClientIdentity, issueFor, issueIdentity, keyOfRequest } from './issue.ts'
export { certificateInHeader } from './proxied-certificate.ts'
export {
  checkRequest,
  type RequesterFacts,
  type RequestVerdict,
  type SigningRequest,
  signerName,
} from './request-check.ts'
