// A policy of the demo as a hub holds it: the root, its copies for each cluster, its binding and its set.

import type { KubeObject } from '../kube-object.ts'
import { type DemoCluster, type DemoPolicy, demoClusters, demoPolicies, hasJoined } from './cast.ts'
import type { DemoCompliance, DemoCourse, Since } from './course.ts'
import { timeText } from './time-text.ts'

const group = 'policy.open-cluster-management.io'
const namespace = 'policies'

/** All objects of a policy. */
export function policyObjects(policy: DemoPolicy, course: DemoCourse): readonly KubeObject[] {
  const clusters = demoClusters.filter(
    (one) => one.manager === 'ocm' && hasJoined(one) && policy.sets.includes(one.set),
  )
  const states = clusters.map((cluster) => [cluster, course.policy(policy, cluster)] as const)
  const root = rootObject(policy, policy.disabled === true ? [] : states)
  const copies =
    policy.disabled === true
      ? []
      : states.map(([cluster, since]) => copyObject(policy, cluster, since))
  const isFirst = policy.name === demoPolicies[0]!.name
  return [root, ...copies, bindingObject(policy), ...(isFirst ? setObjects() : [])]
}

type States = readonly (readonly [DemoCluster, Since<DemoCompliance>])[]

function rootObject(policy: DemoPolicy, states: States): KubeObject {
  const { name, standard, category, control, description, severity } = policy
  return {
    apiVersion: `${group}/v1`,
    kind: 'Policy',
    metadata: {
      namespace,
      name,
      annotations: {
        [`${group}/standards`]: standard,
        [`${group}/categories`]: category,
        [`${group}/controls`]: control,
        [`${group}/description`]: description,
        [`${group}/severity`]: severity,
      },
    },
    spec: {
      disabled: policy.disabled === true,
      remediationAction: policy.enforced ? 'enforce' : 'inform',
      'policy-templates': [],
    },
    status: {
      compliant: worst(states.map(([, { state }]) => state)),
      status: states.map(([cluster, { state }]) => ({
        clustername: cluster.name,
        clusternamespace: cluster.name,
        compliant: state,
      })),
    },
  }
}

function worst(states: readonly DemoCompliance[]): string {
  if (states.includes('NonCompliant')) return 'NonCompliant'
  if (states.includes('Pending')) return 'Pending'
  return states.length === 0 ? '' : 'Compliant'
}

const messages: Readonly<Record<DemoCompliance, string>> = {
  Compliant: 'Compliant; notification - objects are as they should be',
  NonCompliant: 'NonCompliant; violation - objects are not as they should be',
  Pending: 'Pending; a dependency is not satisfied',
}

function copyObject(
  { name, needs }: DemoPolicy,
  cluster: DemoCluster,
  { state, sinceMs }: Since<DemoCompliance>,
): KubeObject {
  const copy = `${namespace}.${name}`
  const message = needs === undefined || state !== 'Pending' ? '' : ` (${needs})`
  return {
    apiVersion: `${group}/v1`,
    kind: 'Policy',
    metadata: {
      namespace: cluster.name,
      name: copy,
      labels: {
        [`${group}/root-policy`]: copy,
        [`${group}/cluster-name`]: cluster.name,
        [`${group}/cluster-namespace`]: cluster.name,
      },
    },
    status: {
      compliant: state,
      details: [
        {
          templateMeta: { name },
          compliant: state,
          history: [{ lastTimestamp: timeText(sinceMs), message: `${messages[state]}${message}` }],
        },
      ],
    },
  }
}

function bindingObject({ name }: DemoPolicy): KubeObject {
  return {
    apiVersion: `${group}/v1`,
    kind: 'PlacementBinding',
    metadata: { namespace, name },
    placementRef: {
      apiGroup: 'cluster.open-cluster-management.io',
      kind: 'Placement',
      name: 'all',
    },
    subjects: [{ apiGroup: group, kind: 'Policy', name }],
  }
}

function setObjects(): readonly KubeObject[] {
  const set = {
    apiVersion: `${group}/v1beta1`,
    kind: 'PolicySet',
    metadata: { namespace, name: 'baseline' },
    spec: {
      description: 'What every cluster keeps',
      policies: demoPolicies.map((one) => one.name),
    },
  }
  const binding = {
    ...bindingObject({ ...demoPolicies[0]!, name: 'baseline-set' }),
    subjects: [{ apiGroup: group, kind: 'PolicySet', name: 'baseline' }],
  }
  return [set, binding]
}
