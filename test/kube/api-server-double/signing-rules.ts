// What a server keeps of CertificateSigningRequests: who asked, and what may change through which subresource.
// Source: the recorded transcript `signing`.

import { X509Certificate } from 'node:crypto'
import { type FieldCause, invalid, isMap, type Json, mapAt, type Stored } from './json-objects.ts'

/** Who asks, as authentication found out. */
export interface Requester {
  readonly username: string
  readonly groups: readonly string[]
  readonly uid: string
}

const group = 'certificates.k8s.io'
const kind = 'CertificateSigningRequest'

/** A new request: what it claims of its requester is replaced, its status is empty. */
export function newSigningRequest(object: Json, requester: Requester): Json {
  const spec = mapAt(object, 'spec')
  const pem = Buffer.from(String(spec.request ?? ''), 'base64').toString('utf8')
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----')) {
    const message = `Invalid value: ${JSON.stringify(spec.request)}: PEM block type must be CERTIFICATE REQUEST`
    throw refused(object, [{ reason: 'FieldValueInvalid', message, field: 'spec.request' }])
  }
  return { ...object, spec: { ...spec, ...requester }, status: {} }
}

/** A request after a write through a subresource, '' for the object itself. */
export function nextSigningRequest(
  before: Stored,
  after: Json,
  subresource: string,
  now: string,
): Json {
  const [old, asked] = [mapAt(before, 'status'), mapAt(after, 'status')]
  if (subresource === '') return { ...after, spec: before.spec, status: before.status }
  if (subresource === 'approval') {
    const conditions = conditionsOf(asked).map((one) => stamped(one, old, now))
    refuseConditions(before, conditions)
    const status = { ...old, ...(conditions.length === 0 ? {} : { conditions }) }
    return { ...before, status }
  }
  refuseCertificate(before, old.certificate, asked.certificate)
  // The signer may add its own conditions; verdicts stay as they are.
  const isVerdict = (one: Json): boolean => one.type === 'Approved' || one.type === 'Denied'
  const conditions = [
    ...conditionsOf(old).filter(isVerdict),
    ...conditionsOf(asked)
      .filter((one) => !isVerdict(one))
      .map((one) => stamped(one, old, now)),
  ]
  return { ...before, status: { ...asked, ...(conditions.length === 0 ? {} : { conditions }) } }
}

function stamped(condition: Json, old: Json, now: string): Json {
  const known = conditionsOf(old).find((one) => one.type === condition.type)
  return {
    lastUpdateTime: now,
    lastTransitionTime: now,
    ...pick(known ?? {}, 'lastUpdateTime'),
    ...pick(known ?? {}, 'lastTransitionTime'),
    ...condition,
  }
}

function refuseConditions(before: Stored, conditions: readonly Json[]): void {
  const types = conditions.map((one) => String(one.type))
  const field = 'status.conditions'
  for (const one of conditionsOf(mapAt(before, 'status'))) {
    const type = String(one.type)
    if (types.includes(type)) continue
    const message = `Forbidden: updates may not remove a condition of type "${type}"`
    throw refused(before, [{ reason: 'FieldValueForbidden', message, field }])
  }
  if (types.includes('Approved') && types.includes('Denied')) {
    const message = 'Invalid value: "Denied": Approved and Denied conditions are mutually exclusive'
    throw refused(before, [{ reason: 'FieldValueInvalid', message, field }])
  }
}

function refuseCertificate(request: Stored, before: unknown, after: unknown): void {
  const field = 'status.certificate'
  const causes: FieldCause[] = []
  if (typeof after === 'string' && !isCertificate(after))
    causes.push({
      reason: 'FieldValueInvalid',
      message: 'Invalid value: "<certificate data>": x509: malformed certificate',
      field,
    })
  if (before !== undefined && before !== after)
    causes.push({
      reason: 'FieldValueForbidden',
      message: 'Forbidden: updates may not modify existing certificate content',
      field,
    })
  if (causes.length > 0) throw refused(request, causes)
}

function isCertificate(base64: string): boolean {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64')).subject !== undefined
  } catch {
    return false
  }
}

function refused(object: Json, causes: readonly FieldCause[]): Error {
  return invalid({ group, kind, name: String(mapAt(object, 'metadata').name) }, causes)
}

function conditionsOf(status: Json): readonly Json[] {
  const { conditions } = status
  return Array.isArray(conditions) ? (conditions as readonly unknown[]).filter(isMap) : []
}

function pick(map: Json, key: string): Json {
  return map[key] === undefined ? {} : { [key]: map[key] }
}
