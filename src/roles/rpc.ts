// gRPC of the process: what Thanos queriers may ask of rules. Callers prove themselves as over HTTP, by a bearer token in
// the metadata or a client certificate.

import { readTenants, requireReader } from '../access/index.ts'
import { labelTests, type RulesDoor } from '../api/index.ts'
import {
  infoService,
  type RpcGate,
  type RpcServer,
  rulesService,
  startRpcServer,
} from '../rpc/index.ts'
import { groupMessage, selectGroups } from '../rules/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { Access } from './access.ts'
import type { Config } from './config-schema.ts'
import type { Listener } from './listener.ts'
import { namingOf } from './options.ts'

/** Serves gRPC where `grpc.listen` says so. Throws UserError bad_config where it cannot. */
export async function startRpc(
  config: Config,
  parts: {
    readonly rules: RulesDoor
    readonly access: Pick<Access, 'callerOf'>
    readonly listener: Listener
    readonly log: Logger
  },
): Promise<RpcServer | undefined> {
  const { rules, access, listener, log } = parts
  if (config.grpc.listen === '') return undefined
  const info = infoService(() => ({ externalLabels: config.externalLabels, hasRules: true }))
  const service = rulesService(async ({ caller, tenant }, ask) => {
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
  const gate: RpcGate = {
    async callerOf(credentials) {
      const caller = await access.callerOf(credentials)
      requireReader(caller)
      return caller
    },
    log,
    audit: config.access.auditLog ? log : undefined,
  }
  const { tls } = listener
  const server = await startRpcServer(config.grpc.listen, [info, service], { gate, tls })
  if (server.tlsServer !== undefined) listener.keepFresh(server.tlsServer)
  return server
}
