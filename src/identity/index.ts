// Certificates: the CA, checking requests, issuing, rotating, revoking.
export {
  authorityTexts,
  newAuthority,
  readAuthorities,
  withoutAuthority,
} from './authorities.ts'
export { Authority, newKeyPair, pemOf } from './authority.ts'
export { CertificateCheck } from './certificate-check.ts'
export { addonName, subjectNames } from './cluster-subject.ts'
export { HubTrust } from './hub-trust.ts'
export { IdentityStore } from './identity-store.ts'
export { type ClientIdentity, issueFor, issueIdentity, keyOfRequest } from './issue.ts'
export { type IssuedCertificate, readIssued } from './issued-certificate.ts'
export { certificateInHeader } from './proxied-certificate.ts'
export {
  checkRequest,
  requesterOf,
  type SigningRequest,
  signerName,
} from './request-check.ts'
export type { ClusterStanding } from './trust.ts'
export { clustersText, trustNames } from './trust-document.ts'
