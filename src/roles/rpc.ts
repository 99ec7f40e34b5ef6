// gRPC of the process: what Thanos queriers may ask of rules. Callers prove themselves as over HTTP, by a bearer token.

import { readTenants, requireReader } from '../access/index.ts'
import { labelTests, type RulesDoor } from '../api/index.ts'
import { infoService, type RpcServer, rulesService, startRpcServer } from '../rpc/index.ts'
import { groupMessage, selectGroups } from '../rules/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { Access } from './access.ts'
import type { Config } from './config-schema.ts'
import { namingOf } from './options.ts'

/** Serves gRPC where `grpc.listen` says so. Throws UserError bad_config where it cannot. */
export async function startRpc(
  config: Config,
  parts: { readonly rules: RulesDoor; readonly access: Access; readonly log: Logger },
): Promise<RpcServer | undefined> {
  const { rules, access, log } = parts
  if (config.grpc.listen === '') return undefined
  const info = infoService(() => ({ externalLabels: config.externalLabels, hasRules: true }))
  const service = rulesService(async ({ authorization, tenant }, ask) => {
    const caller = await access.callerOf(authorization)
    requireReader(caller)
    const running = rules.groups()
    const known = () => running.map((group) => group.tenant)
    const headers = tenant === undefined ? [] : [tenant]
    const tenants = readTenants(namingOf(config), caller, { headers }, known)
    const visible = running.filter((group) => tenants.includes(group.tenant))
    const selectors = labelTests(ask.selectors, rules.compileMatcher)
    const detail = { withAlerts: true, scope: caller.scope }
    const numbering = config.grpc.oldAlertStates ? 'before v0.41' : 'v0.41'
    return selectGroups(visible, { ...ask, selectors }, detail).map((group) =>
      groupMessage(group, numbering),
    )
  }, log)
  return startRpcServer(config.grpc.listen, [info, service])
}
