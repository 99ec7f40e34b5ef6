// Section `fleet` of the configuration: where the fleet's objects come from, and what becomes of them.

import Type from 'typebox'
import { closed, count, duration, size, text } from './config-sections.ts'

const source = Type.Object(
  {
    name: text('', 'The name of the hub in every answer and series; unique.'),
    directory: text('', 'A directory of manifests, watched; its placements are decided here.'),
    kubeconfig: text('', 'A kubeconfig file of the hub.'),
    context: text('', 'Which context of the kubeconfig; empty = its current one.'),
    inCluster: Type.Boolean({
      default: false,
      description: 'The API server of the cluster that Crowsnest runs in.',
    }),
  },
  { additionalProperties: false, default: {} },
)

const score = Type.Object(
  {
    resource: text('', 'Name of the AddOnPlacementScores.'),
    name: text('', 'Name of the score within them.'),
    expression: text(
      '',
      'Its samples, whole from -100 to 100, score the clusters of label `cluster`.',
    ),
    tenant: text('', 'The tenant that is asked; empty = the default tenant.'),
    interval: duration('1m', 'How often it is asked.'),
    validFor: duration('5m', 'How long an answer counts.'),
  },
  { additionalProperties: false, default: {} },
)

/** Section of the configuration. */
export const fleet = Type.Object(
  {
    directory: text(
      '',
      'A directory of manifests, watched, as the hub `local`; empty and no sources = no fleet is kept.',
    ),
    sources: Type.Array(source, {
      default: [],
      description: 'Hubs, each with `name` and one of `directory`, `kubeconfig`, `inCluster`.',
    }),
    tenants: Type.Array(Type.String(), {
      default: [],
      description: 'Tenants that get the series of the fleet; empty = the default tenant.',
    }),
    senders: Type.Array(Type.String(), {
      default: ['crowsnest', 'observability-controller', 'multicluster-observability-addon'],
      description: 'Addons that send samples: they are only as healthy as their data are new.',
    }),
    scores: Type.Array(score, {
      default: [],
      description:
        'Scores of clusters from PromQL for placements, each with `resource`, `name` and `expression`.',
    }),
    membershipIntervals: count(
      200_000,
      'Most memberships (clusters times changes) that one selector with a virtual label looks at.',
      1,
    ),
    pageLimit: count(5000, 'Most entries of one page of a list.', 1),
    streams: count(200, 'Streams of transitions that may be open at a time.', 1),
    sampleAge: duration('5m', 'Samples of a cluster older than this are a failure of its senders.'),
    events: Type.Object(
      {
        count: count(200_000, 'Most transitions that are kept.', 1000),
        age: duration('90d', 'Age at which transitions go.'),
        size: size('256MB', 'Size of all transitions on disk above which the oldest go.'),
      },
      closed,
    ),
  },
  closed,
)

/** One hub of the configuration. */
export interface FleetSourceConfig {
  readonly name: string
  readonly directory: string
  readonly kubeconfig: string
  readonly context: string
  readonly inCluster: boolean
}
