// thanos.Rules: rule groups with their alerts, one message each, as a Thanos querier asks for them.
// Source: facts/thanos.md §1.6.

import type { ServerWritableStream } from '@grpc/grpc-js'
import { thanos } from '../encoding/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { askerOf, type RpcAsker, statusOf } from './rpc-gate.ts'
import { methodOf, type RpcService } from './rpc-server.ts'

/** Which rules are asked for; empty lists ask for all. */
export interface RulesAsk {
  readonly type: 'alert' | 'record' | undefined
  /** Selectors over the labels of rules; one of them has to match. */
  readonly selectors: readonly string[]
  readonly names: readonly string[]
  readonly groups: readonly string[]
  readonly files: readonly string[]
}

/** Finds the rule groups that the asker sees. Rejects with UserError. */
export type RulesSource = (asker: RpcAsker, ask: RulesAsk) => Promise<readonly thanos.IRuleGroup[]>

/** Answers from `source`. */
export function rulesService(source: RulesSource, log: Logger): RpcService {
  const { RulesRequest, RulesResponse } = thanos
  return {
    definition: {
      Rules: methodOf<thanos.RulesRequest, thanos.IRulesResponse>('/thanos.Rules/Rules', true, {
        decode: (bytes) => RulesRequest.decode(bytes),
        encode: (response) => RulesResponse.encode(response),
      }),
    },
    handlers: {
      Rules(call: RulesCall) {
        source(askerOf(call.metadata), askOf(call.request)).then(
          (groups) => {
            for (const group of groups) call.write({ group })
            call.end()
          },
          (error) => call.emit('error', statusOf(error, log)),
        )
      },
    },
  }
}

type RulesCall = ServerWritableStream<thanos.RulesRequest, thanos.IRulesResponse>

function askOf(request: thanos.RulesRequest): RulesAsk {
  const { type, matcherString, ruleName, ruleGroup, file } = request
  const { ALERT, RECORD } = thanos.RulesType
  return {
    type: type === ALERT ? 'alert' : type === RECORD ? 'record' : undefined,
    selectors: matcherString,
    names: ruleName,
    groups: ruleGroup,
    files: file,
  }
}
