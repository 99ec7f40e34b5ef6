// Policies: root and replicated policies, policy sets, and the bindings that place them.
// Invariants: a Policy is replicated exactly where it carries the root-policy label; a namespace holds no dot,
// so the label's first dot parts namespace and name.
// Source: facts/fleet.md §9.

import {
  fieldOf,
  isObject,
  labelOf,
  listOf,
  nameOf,
  namespaceOf,
  textOf,
  textsOf,
  timeOf,
} from '../kube-object.ts'
import { complianceOf, complianceOfMessage, complianceOfReplicated } from '../model/compliance.ts'
import type {
  BindingPart,
  Compliance,
  PolicyAutomationPart,
  PolicyDetail,
  PolicyMessage,
  PolicyPart,
  PolicySetPart,
  ReplicatedPolicyPart,
} from '../model/parts.ts'

const group = 'policy.open-cluster-management.io'

/** A Policy: root or replicated. */
export function readPolicy(object: unknown): PolicyPart | ReplicatedPolicyPart {
  const root = labelOf(object, `${group}/root-policy`)
  return root === undefined ? readRoot(object) : readReplicated(object, root)
}

function readRoot(object: unknown): PolicyPart {
  return {
    part: 'policy',
    namespace: namespaceOf(object),
    name: nameOf(object),
    disabled: fieldOf(object, 'spec', 'disabled') === true,
    remediation: textOf(object, 'spec', 'remediationAction').toLowerCase(),
    severity: textOf(object, 'metadata', 'annotations', `${group}/severity`),
    description: textOf(object, 'metadata', 'annotations', `${group}/description`),
    standards: annotated(object, 'standards'),
    categories: annotated(object, 'categories'),
    controls: annotated(object, 'controls'),
    hubState: complianceOf(textOf(object, 'status', 'compliant')),
    reported: listOf(object, 'status', 'status').map((entry) => ({
      cluster: textOf(entry, 'clustername'),
      compliance: complianceOf(textOf(entry, 'compliant')),
    })),
  }
}

function annotated(object: unknown, list: string): readonly string[] {
  const values = textOf(object, 'metadata', 'annotations', `${group}/${list}`).split(',')
  return [...new Set(values.map((value) => value.trim()).filter((value) => value !== ''))]
}

function readReplicated(object: unknown, root: string): ReplicatedPolicyPart {
  const dot = root.indexOf('.')
  const details = listOf(object, 'status', 'details').map(readDetail)
  const said = complianceOf(textOf(object, 'status', 'compliant'))
  return {
    part: 'replicated_policy',
    root: `${root.slice(0, dot)}/${root.slice(dot + 1)}`,
    cluster: labelOf(object, `${group}/cluster-name`) ?? namespaceOf(object),
    name: nameOf(object),
    compliance: details.length === 0 ? said : complianceOfReplicated(details, said),
    details,
  }
}

function readDetail(detail: unknown): PolicyDetail {
  const history = listOf(detail, 'history').map(readMessage)
  const compliance: Compliance =
    history[0] === undefined
      ? complianceOf(textOf(detail, 'compliant'))
      : complianceOfMessage(history[0].message)
  return { template: textOf(detail, 'templateMeta', 'name'), compliance, history }
}

// The suffix of an event's name is its time in hexadecimal nanoseconds; lastTimestamp is cut to seconds.
function readMessage(entry: unknown): PolicyMessage {
  const suffix = /\.([0-9a-f]{14,16})$/.exec(textOf(entry, 'eventName'))
  const atMs =
    suffix === null ? timeOf(entry, 'lastTimestamp') : Number(BigInt(`0x${suffix[1]}`) / 1_000_000n)
  return { message: textOf(entry, 'message'), ...(atMs === undefined ? {} : { atMs }) }
}

/** A PolicySet. */
export function readPolicySet(object: unknown): PolicySetPart {
  return {
    part: 'policy_set',
    namespace: namespaceOf(object),
    name: nameOf(object),
    description: textOf(object, 'spec', 'description'),
    policies: textsOf(object, 'spec', 'policies'),
    exclusions: new Map(
      listOf(object, 'spec', 'exclusions').map((entry) => [
        textOf(entry, 'policyName'),
        textsOf(entry, 'clusterNames'),
      ]),
    ),
  }
}

/** A PolicyAutomation with its last run: when it was started last, and for which clusters it ever was. */
export function readPolicyAutomation(object: unknown): PolicyAutomationPart {
  const events = fieldOf(object, 'status', 'clustersWithEvent')
  const clusters = isObject(events) ? Object.keys(events).sort() : []
  const times = clusters.flatMap((cluster) => timeOf(events, cluster, 'automationStartTime') ?? [])
  return {
    part: 'policy_automation',
    namespace: namespaceOf(object),
    name: nameOf(object),
    policy: textOf(object, 'spec', 'policyRef'),
    mode: textOf(object, 'spec', 'mode'),
    clusters,
    ...(times.length === 0 ? {} : { lastRunMs: Math.max(...times) }),
  }
}

/** A PlacementBinding: it has no spec, its fields stand at the top. */
export function readBinding(object: unknown): BindingPart {
  return {
    part: 'binding',
    namespace: namespaceOf(object),
    placement: {
      kind: textOf(object, 'placementRef', 'kind'),
      name: textOf(object, 'placementRef', 'name'),
    },
    subjects: listOf(object, 'subjects').map((entry) => ({
      kind: textOf(entry, 'kind'),
      name: textOf(entry, 'name'),
    })),
    restricted: textOf(object, 'subFilter') === 'restricted',
  }
}
