// Alertmanagers as Prometheus' `alertmanagers:` and Thanos' `--alertmanagers.config` write them, checked.
// Source: facts/prometheus.md §9.3, thanos.md §10.

import { UserError } from '../model/index.ts'
import { type PeerConfig, type PeerFields, parsePeer } from './http-peer-config.ts'

/** Rewrites labels (name to value) in place; false = dropped. */
export type LabelRewriter = (labels: Map<string, string>) => boolean

/** A set of Alertmanagers that are reached in the same way. */
export interface AlertmanagerConfig extends PeerConfig {
  /** Rewrites each alert that goes to this set. */
  readonly relabel: LabelRewriter
  /** Rewrites each target, whose labels are `__address__`, `__scheme__` and `__alerts_path__`. */
  readonly relabelTarget: LabelRewriter
}

/**
 * Checks the entries of an `alertmanagers:` list. `compileRelabel` compiles relabelling rules and throws UserError.
 * Throws UserError bad_config naming the entry.
 */
export function parseAlertmanagers(
  entries: readonly PeerFields[],
  compileRelabel: (rules: unknown, where: string) => LabelRewriter,
): AlertmanagerConfig[] {
  return entries.map((entry, index) => {
    const where = `rules.alertmanagers, entry ${index + 1}`
    const own = ['api_version', 'alert_relabel_configs', 'relabel_configs']
    const peer = parsePeer(entry, where, own)
    if ((entry.api_version ?? 'v2') !== 'v2')
      throw new UserError('bad_config', { what: 'api_version must be v2', where })
    const relabelOf = (name: string): LabelRewriter =>
      compileRelabel(entry[name] ?? [], `${where}, ${name}`)
    return {
      ...peer,
      relabel: relabelOf('alert_relabel_configs'),
      relabelTarget: relabelOf('relabel_configs'),
    }
  })
}
