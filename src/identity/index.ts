// Certificates: the CA, checking requests, issuing, rotating, revoking.
export { Authority, newKeyPair, pemOf } from './authority.ts'
export { CertificateCheck } from './certificate-check.ts'
export { subjectNames } from './cluster-subject.ts'
export { type ClusterRecord, IdentityStore } from './identity-store.ts'
export { type ClientIdentity, issueFor, issueIdentity, keyOfRequest } from './issue.ts'
export { certificateInHeader } from './proxied-certificate.ts'
export {
  checkRequest,
  type RequesterFacts,
  type SigningRequest,
  signerName,
} from './request-check.ts'
