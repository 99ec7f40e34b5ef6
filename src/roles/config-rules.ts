// Section `rules` of the configuration: rule files, how they are evaluated, where alerts go.

import Type from 'typebox'
import { closed, count, duration, flag, relabelRule, text } from './config-sections.ts'

const peer = Type.Record(Type.String(), Type.Unknown())

/** Section of the configuration. */
export const rules = Type.Object(
  {
    files: Type.Array(Type.String(), {
      default: [],
      description: 'Globs of rule files (Prometheus or Thanos) of the default tenant.',
    }),
    tenantFiles: Type.Record(Type.String(), Type.Array(Type.String()), {
      default: {},
      description: 'Globs of rule files of other tenants, by tenant.',
    }),
    evaluationInterval: duration('1m', 'Interval of groups that name none.'),
    queryOffset: duration('0s', 'How far in the past groups evaluate that name no query_offset.'),
    resendDelay: duration('1m', 'How long after it was sent a firing alert is sent again.'),
    concurrentGroups: count(8, 'Groups evaluated at a time; more wait.', 1),
    perTenant: count(0, 'Most rules of one tenant; 0 = unlimited.'),
    seriesPerRule: count(100_000, 'Most series that the expression of a rule may yield.', 1),
    evaluationTimeout: duration('2m', 'Longest evaluation of one rule with its templates.'),
    queryEndpoints: Type.Array(peer, {
      default: [],
      description:
        'Where rules are evaluated, as in --query.config of Thanos; empty = in this process.',
    }),
    remoteWrite: Type.Array(peer, {
      default: [],
      description:
        'Where results are written, as in remote_write of Prometheus (url, headers, remote_timeout, credentials, TLS); empty = into this process.',
    }),
    restoreIgnoredLabels: Type.Array(Type.String(), {
      default: [],
      description:
        'Labels passed over when the state of alerts is restored, such as the replica label.',
    }),
    peers: Type.Array(peer, {
      default: [],
      description:
        'Rulers that share the groups, this one among them, written as entries of alertmanagers; empty = every group is evaluated here.',
    }),
    peerHeartbeat: duration(
      '2s',
      'How often rulers look at each other; silent ones are gone after three.',
    ),
    alertmanagers: Type.Array(peer, {
      default: [],
      description: 'Alertmanagers, as in alerting.alertmanagers of Prometheus or as Thanos has it.',
    }),
    alertRelabel: Type.Array(relabelRule, {
      default: [],
      description: 'relabel_config rules applied to every alert that is sent.',
    }),
    alertLabelDrop: Type.Array(Type.String(), {
      default: [],
      description: 'Labels taken off alerts that are sent, such as the replica label.',
    }),
    silences: flag(
      'Let callers create and expire silences in the Alertmanagers (/api/v2/silences).',
    ),
    externalUrl: text('', 'Where people reach this server, for links in alerts; empty = listener.'),
  },
  closed,
)
