// From the configuration to rules: files become groups, sections become options.

import { globSync, readFileSync } from 'node:fs'
import { compileRelabel, type RelabelRule } from '../ingest/index.ts'
import { checkTenant, UserError } from '../model/index.ts'
import {
  type NotifierOptions,
  parseAlertmanagers,
  parseRuleFiles,
  type RuleOptions,
  type TenantGroups,
} from '../rules/index.ts'
import type { Config } from './config-schema.ts'
import { engineOptions, msOf } from './options.ts'

/** The groups of every tenant. Throws UserError bad_config with every fault of every file. */
export function readGroups(config: Config): TenantGroups[] {
  const byTenant = new Map([[config.tenants.default, [...config.rules.files]]])
  for (const [tenant, globs] of Object.entries(config.rules.tenantFiles)) {
    byTenant.set(checkTenant(tenant), [...(byTenant.get(tenant) ?? []), ...globs])
  }
  const { features } = engineOptions(config)
  return [...byTenant].map(([tenant, globs]) => {
    const files = [...new Set(globs.flatMap((pattern) => globSync(pattern)))].sort()
    return { tenant, groups: parseRuleFiles(files.map(readRuleFile), features) }
  })
}

function readRuleFile(file: string): { file: string; text: string } {
  try {
    return { file, text: readFileSync(file, 'utf8') }
  } catch (cause) {
    const what = `cannot read the rule file ${file}: ${(cause as Error).message}`
    throw new UserError('bad_config', { what, cause })
  }
}

function externalUrl({ rules, http }: Config): string {
  return rules.externalUrl || `http://${http.listen.replace(/^:/, 'localhost:')}`
}

/** Where alerts go and what is on them. Throws UserError bad_config. */
export function notifierOptions(config: Config): NotifierOptions {
  const { rules, externalLabels } = config
  const compile = (list: unknown, where: string) => compileRelabel(list as RelabelRule[], where)
  return {
    alertmanagers: parseAlertmanagers(rules.alertmanagers, compile),
    externalLabels,
    droppedLabels: rules.alertLabelDrop,
    relabel: compile(rules.alertRelabel, 'rules.alertRelabel'),
    externalUrl: externalUrl(config),
  }
}

/** How rules are evaluated. */
export function ruleOptions(config: Config): RuleOptions {
  const { rules, limits, externalLabels } = config
  return {
    intervalMs: msOf(rules.evaluationInterval) || 60_000,
    queryOffsetMs: msOf(rules.queryOffset),
    resendDelayMs: msOf(rules.resendDelay),
    externalLabels,
    externalUrl: externalUrl(config),
    takeOverDelayMsMax: 10 * msOf(rules.peerHeartbeat),
    evaluationTimeMsMax: msOf(rules.evaluationTimeout),
    restoreIgnoredLabels: [
      ...rules.restoreIgnoredLabels,
      // What is written to remote endpoints carries them, what is written here does not.
      ...(rules.remoteWrite.length === 0 ? [] : Object.keys(externalLabels)),
    ],
    labelSizeBytesMax: limits.labelValueSize || Number.MAX_SAFE_INTEGER,
    rulesPerTenantMax: rules.perTenant,
    concurrentGroupsMax: rules.concurrentGroups,
  }
}
