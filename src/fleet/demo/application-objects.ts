// The demo's applications as a hub holds them: Argo CD's sets and applications, subscriptions with their report,
// bindings of Karmada and federated objects of KubeFed.

import type { KubeObject } from '../kube-object.ts'
import { clustersOf, type DemoApplication, type DemoCluster, demoApplications } from './cast.ts'
import type { DemoCourse, DemoRollout } from './course.ts'
import { timeText } from './time-text.ts'

/** All objects of all applications. */
export function applicationObjects(course: DemoCourse): readonly KubeObject[] {
  return demoApplications.flatMap((application) => makers[application.kind](application, course))
}

type Maker = (application: DemoApplication, course: DemoCourse) => readonly KubeObject[]

const makers: Readonly<Record<DemoApplication['kind'], Maker>> = {
  ApplicationSet(application, course) {
    const { name } = application
    const set = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'ApplicationSet',
      metadata: { namespace: 'argocd', name },
      spec: {},
    }
    return [
      set,
      ...clustersOf(application).map((cluster) => argoApplication(application, cluster, course)),
    ]
  },
  Subscription(application, course) {
    const { name } = application
    const results = clustersOf(application).map((cluster) => {
      const { state } = course.application(application, cluster)
      return [cluster.name, subscriptionResults[state]] as const
    })
    const count = (word: string): string => String(results.filter(([, one]) => one === word).length)
    return [
      {
        apiVersion: 'apps.open-cluster-management.io/v1',
        kind: 'Subscription',
        metadata: { namespace: 'apps', name, labels: { app: name } },
        spec: {
          channel: `charts/${name}`,
          placement: { placementRef: { kind: 'Placement', name: 'everywhere' } },
        },
        status: { phase: 'Propagated' },
      },
      {
        apiVersion: 'apps.open-cluster-management.io/v1alpha1',
        kind: 'SubscriptionReport',
        metadata: {
          namespace: 'apps',
          name,
          labels: { 'apps.open-cluster-management.io/hosting-subscription': `apps.${name}` },
        },
        reportType: 'Application',
        results: results
          .filter(([, result]) => result !== '')
          .map(([source, result]) => ({ source, result })),
        summary: {
          deployed: count('deployed'),
          failed: count('failed'),
          inProgress: count(''),
          propagationFailed: '0',
          clusters: String(results.length),
        },
      },
      {
        apiVersion: 'app.k8s.io/v1beta1',
        kind: 'Application',
        metadata: { namespace: 'apps', name },
        spec: { selector: { matchLabels: { app: name } } },
      },
    ]
  },
  ResourceBinding(application, course) {
    const { name } = application
    const clusters = clustersOf(application)
    return [
      {
        apiVersion: 'work.karmada.io/v1alpha2',
        kind: 'ResourceBinding',
        metadata: { namespace: 'edge', name: `${name}-deployment` },
        spec: {
          resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'edge', name },
          clusters: clusters.map((cluster) => ({ name: cluster.name, replicas: 2 })),
        },
        status: {
          conditions: [{ type: 'Scheduled', status: 'True', reason: 'Success' }],
          aggregatedStatus: clusters.map((cluster) => ({
            clusterName: cluster.name,
            applied: true,
            health: karmadaHealth[course.application(application, cluster).state],
          })),
        },
      },
    ]
  },
  FederatedDeployment(application, course) {
    const { name } = application
    const clusters = clustersOf(application)
    return [
      {
        apiVersion: 'types.kubefed.io/v1beta1',
        kind: 'FederatedDeployment',
        metadata: { namespace: 'legacy', name },
        spec: { placement: { clusters: clusters.map((cluster) => ({ name: cluster.name })) } },
        status: {
          conditions: [{ type: 'Propagation', status: 'True' }],
          clusters: clusters.map((cluster) => ({
            name: cluster.name,
            remoteStatus: {
              replicas: 2,
              readyReplicas: readyReplicas[course.application(application, cluster).state],
            },
          })),
        },
      },
    ]
  },
}

const subscriptionResults: Readonly<Record<DemoRollout, string>> = {
  old: 'deployed',
  progressing: '',
  failed: 'failed',
  new: 'deployed',
}

const karmadaHealth: Readonly<Record<DemoRollout, string>> = {
  old: 'Healthy',
  progressing: 'Unknown',
  failed: 'Unhealthy',
  new: 'Healthy',
}

const readyReplicas: Readonly<Record<DemoRollout, number>> = {
  old: 2,
  progressing: 1,
  failed: 0,
  new: 2,
}

const argoStates: Readonly<Record<DemoRollout, readonly [health: string, sync: string]>> = {
  old: ['Healthy', 'OutOfSync'],
  progressing: ['Progressing', 'Synced'],
  failed: ['Degraded', 'Synced'],
  new: ['Healthy', 'Synced'],
}

function argoApplication(
  application: DemoApplication,
  cluster: DemoCluster,
  course: DemoCourse,
): KubeObject {
  const { state, sinceMs } = course.application(application, cluster)
  const [health, sync] = argoStates[state]
  const message = state === 'failed' ? '0 of 3 pods are ready' : ''
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: {
      namespace: 'argocd',
      name: `${application.name}-${cluster.name}`,
      ownerReferences: [
        {
          apiVersion: 'argoproj.io/v1alpha1',
          kind: 'ApplicationSet',
          name: application.name,
          uid: `uid-of-${application.name}`,
        },
      ],
    },
    spec: { destination: { name: cluster.name, namespace: application.name } },
    status: {
      health: { status: health, message, lastTransitionTime: timeText(sinceMs) },
      sync: { status: sync, revision: `v${course.version(application)}` },
    },
  }
}
